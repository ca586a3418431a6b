// vcita's throttle: at most N requests in any one second, token and userinfo
// together. A refused request does not count.

const WINDOW = 1000; // ms

export class Rate {
  #limit;

  #times = [];

  constructor(limit) { this.#limit = limit; }

  admit(now = performance.now()) {
    if (!this.#limit) return true;
    while (this.#times.length && now - this.#times[0] >= WINDOW) this.#times.shift();
    if (this.#times.length >= this.#limit) return false;
    this.#times.push(now);
    return true;
  }

  refuse(res) {
    const body = 'Retry later\n';
    res.writeHead(429, {
      'Content-Type': 'text/plain',
      'Content-Length': body.length,
      'Retry-After': '1',
    });
    res.end(body);
  }
}
