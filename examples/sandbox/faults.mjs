// Faults on demand: what an endpoint does instead of its work, for the tests of
// a client's bad days. POST /sandbox/faults sets them, DELETE clears them.

import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { BadRequest } from './body.mjs';

const A_TOKEN = JSON.stringify({
  access_token: 'f'.repeat(64), created_at: 1754377015, expires_in: 631139040, token_type: 'Bearer',
});

// Each performs the fault and answers true, or answers false: the real thing follows.
const kinds = {
  async delay(fault) {
    await sleep(fault.ms ?? 1000);
    return false;
  },

  hang() { return true; },

  garbage(fault, res) {
    return send(res, fault, { type: 'application/json', body: '<html>{not json' });
  },

  status(fault, res) {
    const status = fault.status ?? 500;
    const headers = fault.retry_after === undefined ? {} : { 'Retry-After': String(fault.retry_after) };
    return send(res, fault, { status, headers, type: 'text/plain', body: `${STATUS_CODES[status]}\n` });
  },

  reset(fault, res) {
    if (res.socket.encrypted) res.socket.destroy();
    else res.socket.resetAndDestroy();
    return true;
  },

  truncate(fault, res) {
    const part = fault.body ?? A_TOKEN.slice(0, A_TOKEN.length / 2);
    res.writeHead(fault.status ?? 200, {
      'Content-Type': fault.content_type ?? 'application/json',
      'Content-Length': Buffer.byteLength(part) + 100,
    });
    res.write(part, () => res.socket?.end());
    return true;
  },

  redirect(fault, res) {
    const headers = { Location: fault.location ?? '/sandbox/elsewhere' };
    return send(res, fault, { status: fault.status ?? 302, headers, type: 'text/plain', body: '' });
  },

  big(fault, res) {
    const body = JSON.stringify({ ...JSON.parse(A_TOKEN), padding: 'x'.repeat(fault.size ?? 100 * 1024) });
    return send(res, fault, { type: 'application/json', body });
  },

  // Trickles the body that was given, or else the real answer, byte by byte.
  slow(fault, res) {
    const end = res.end.bind(res);
    res.end = (chunk) => {
      trickle(res, Buffer.from(chunk ?? ''), fault.ms ?? 100).then(() => end(), () => {});
      return res;
    };
    return fault.body === undefined ? false : send(res, fault, { type: 'application/json' });
  },
};

function send(res, fault, { status = 200, headers = {}, type, body }) {
  const content = Buffer.from(fault.body ?? body);
  res.writeHead(status, {
    ...headers,
    'Content-Type': fault.content_type ?? type,
    'Content-Length': content.length,
  });
  res.end(content);
  return true;
}

async function trickle(res, content, ms) {
  for (const byte of content) {
    if (res.destroyed) return;
    res.write(Buffer.of(byte));
    await sleep(ms);
  }
}

export class Faults {
  #queues = new Map(); // endpoint -> faults, the first one is in force

  constructor(endpoints) { this.endpoints = endpoints; }

  // A fault with a count waits for the counted ones before it; one that lasts
  // until cleared gives way to whatever is set after it.
  add({ count = Infinity, ...fault }) {
    if (!this.endpoints.includes(fault.endpoint)) {
      throw new BadRequest(`endpoint must be one of ${this.endpoints.join(', ')}`);
    }
    if (!Object.hasOwn(kinds, fault.kind)) {
      throw new BadRequest(`kind must be one of ${Object.keys(kinds).join(', ')}`);
    }
    if (!(count > 0)) throw new BadRequest('count must be a positive number');
    const { ms = 0, status = 200 } = fault;
    if (!(ms >= 0)) throw new BadRequest('ms must be a number');
    if (!(status >= 200 && status <= 599)) throw new BadRequest('status must be a number from 200 to 599');
    const waiting = (this.#queues.get(fault.endpoint) ?? []).filter((other) => other.left < Infinity);
    this.#queues.set(fault.endpoint, [...waiting, { ...fault, left: count }]);
  }

  clear(endpoint) {
    if (endpoint) this.#queues.delete(endpoint);
    else this.#queues.clear();
  }

  list() {
    return [...this.#queues.values()].flat()
      .map(({ left, ...fault }) => (left < Infinity ? { ...fault, count: left } : fault));
  }

  // True if a fault has taken the request over.
  async strike(endpoint, res) {
    const queue = this.#queues.get(endpoint);
    const fault = queue?.[0];
    if (!fault) return false;
    fault.left -= 1;
    if (fault.left === 0) queue.shift();
    return kinds[fault.kind](fault, res);
  }
}
