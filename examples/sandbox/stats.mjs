// Counts what happened, so that a test can ask instead of guess.

export class Stats {
  #calls;

  #issued;

  #inFlight = {};

  #peak = {};

  constructor() { this.reset(); }

  reset() {
    this.#calls = {};
    this.#issued = { tokens: 0, codes: 0, rate_rejected: 0 };
    this.#peak = { ...this.#inFlight };
  }

  count(what) { this.#issued[what] += 1; }

  // Follows one request to its end; a connection that ends before its answer
  // did counts as status "aborted".
  watch(endpoint, res, done) {
    this.#inFlight[endpoint] = (this.#inFlight[endpoint] ?? 0) + 1;
    this.#peak[endpoint] = Math.max(this.#peak[endpoint] ?? 0, this.#inFlight[endpoint]);
    res.once('close', () => {
      const status = res.writableFinished ? res.statusCode : 'aborted';
      const calls = this.#calls[endpoint] ??= {};
      calls[status] = (calls[status] ?? 0) + 1;
      this.#inFlight[endpoint] -= 1;
      done(status);
    });
  }

  toJSON() {
    return {
      calls: this.#calls,
      in_flight: this.#inFlight,
      max_in_flight: this.#peak,
      tokens_issued: this.#issued.tokens,
      codes_issued: this.#issued.codes,
      rate_rejected: this.#issued.rate_rejected,
    };
  }
}
