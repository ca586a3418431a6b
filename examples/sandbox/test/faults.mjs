// Faults on demand, the counters, and many requests at once.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import {
  authorizeUrl, exchange, get, newCode, newToken, post, start, userinfo,
} from './helpers.mjs';

describe('faults', async () => {
  const { http, https: tls, ca } = await start({ https: 0, auto: 'alice' });
  const set = (fault) => post(`${http}/sandbox/faults`, { endpoint: 'userinfo', count: 1, ...fault });
  const info = () => fetch(`${http}/oauth/userinfo`);

  test('delay does the real thing, later', async () => {
    await set({ endpoint: 'token', kind: 'delay', ms: 300 });
    const code = await newCode(http);
    const begin = Date.now();
    assert.equal((await exchange(http, { code })).status, 200);
    assert.ok(Date.now() - begin >= 295);
  });

  test('hang never answers', async () => {
    await set({ kind: 'hang' });
    await assert.rejects(fetch(`${http}/oauth/userinfo`, { signal: AbortSignal.timeout(400) }), /timeout/);
  });

  test('status, garbage, redirect, big', async () => {
    await set({ kind: 'status', status: 429, retry_after: 2 });
    const busy = await info();
    assert.deepEqual([busy.status, busy.headers.get('retry-after')], [429, '2']);
    await set({ kind: 'status', status: 503, body: '{"a":1}', content_type: 'application/json' });
    const down = await info();
    assert.deepEqual([down.status, await down.json()], [503, { a: 1 }]);
    await set({ kind: 'garbage' });
    await assert.rejects((await info()).json());
    await set({ kind: 'redirect' });
    assert.equal((await fetch(`${http}/oauth/userinfo`, { redirect: 'manual' })).status, 302);
    await set({ kind: 'big' });
    assert.ok((await (await info()).text()).length > 100 * 1024);
  });

  test('reset and truncate, http and https', async () => {
    for (const kind of ['reset', 'truncate']) {
      await set({ kind });
      await assert.rejects(async () => (await info()).text());
      await set({ kind });
      await assert.rejects(get(`${tls}/oauth/userinfo`, { ca: readFileSync(ca) }));
    }
  });

  test('slow trickles the real answer', async () => {
    const token = await newToken(http);
    await set({ kind: 'slow', ms: 1 });
    assert.equal((await userinfo(http, token)).body.email, 'alice@example.biz');
    await set({ kind: 'slow', body: '12345' });
    const begin = Date.now();
    assert.equal(await (await info()).text(), '12345');
    assert.ok(Date.now() - begin >= 400);
  });

  test('the authorize endpoint fails too', async () => {
    await set({ endpoint: 'authorize', kind: 'status', status: 500 });
    assert.equal((await fetch(authorizeUrl(http))).status, 500);
    assert.ok(await newCode(http));
  });

  test('counted faults queue up, others stay until cleared', async () => {
    await set({ kind: 'status', status: 429, count: 2 });
    await set({ kind: 'status', status: 503, count: undefined });
    const seen = [];
    for (let i = 0; i < 5; i += 1) seen.push((await info()).status);
    assert.deepEqual(seen, [429, 429, 503, 503, 503]);
    await fetch(`${http}/sandbox/faults`, { method: 'DELETE' });
    assert.equal((await info()).status, 401);
    assert.equal((await set({ kind: 'nonsense' })).status, 400);
    assert.equal((await set({ kind: 'hang', endpoint: 'nonsense' })).status, 400);
    assert.equal((await set({ kind: 'status', status: 42 })).status, 400);
  });

  test('the counters count', async () => {
    await post(`${http}/sandbox/stats/reset`, {});
    await newToken(http);
    await info();
    const stats = await (await fetch(`${http}/sandbox/stats`)).json();
    assert.deepEqual(stats.calls, { authorize: { 302: 1 }, token: { 200: 1 }, userinfo: { 401: 1 } });
    assert.deepEqual([stats.codes_issued, stats.tokens_issued, stats.rate_rejected], [1, 1, 0]);
  });

  test('https goes down, and comes up again at the same port', async () => {
    const sandbox = await start({ https: 0 });
    const ask = () => get(`${sandbox.https}/oauth/jwks`, { ca: readFileSync(sandbox.ca), agent: false });
    assert.equal((await ask()).statusCode, 200);
    await post(`${sandbox.http}/sandbox/down`, {});
    await assert.rejects(ask(), { code: 'ECONNREFUSED' });
    assert.equal((await fetch(`${sandbox.http}/oauth/jwks`)).status, 200);
    for (let i = 0; i < 2; i += 1) await post(`${sandbox.http}/sandbox/up`, {});
    assert.equal((await ask()).statusCode, 200);
  });

  test('100 delayed exchanges run side by side', async () => {
    await set({ endpoint: 'token', kind: 'delay', ms: 2000, count: 100 });
    const codes = await Promise.all(Array.from({ length: 100 }, () => newCode(http)));
    const begin = Date.now();
    const answers = await Promise.all(codes.map((code) => exchange(http, { code })));
    const took = Date.now() - begin;
    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok(took < 20_000, `took ${took} ms`);
  });
});
