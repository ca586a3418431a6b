// Signed tokens for apps in a frame, and the keys that verify them.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, test } from 'node:test';

import { claimsOf, newToken, post, start } from './helpers.mjs';

describe('signed tokens', async () => {
  const { http } = await start({ auto: 'alice' });
  const bearer = await newToken(http);
  const create = (app_code_name = 'app1', token = bearer) => (
    post(`${http}/v3/apps/compact_jws_tokens`, { app_code_name }, { Authorization: `Bearer ${token}` }));
  const newSigned = async () => (await create()).body.data.token;
  const order = (what) => post(`${http}/sandbox/signed-tokens`, what);
  const rotate = (what) => post(`${http}/sandbox/keys`, what);
  const keys = async () => (await (await fetch(`${http}/v3/apps/.well-known/jwks.json`)).json()).keys;

  async function verified(jws) {
    const [header, payload, signature] = jws.split('.');
    const jwk = (await keys()).find(({ kid }) => kid === claimsOf(jws).kid);
    return Boolean(jwk) && verify('sha256', `${header}.${payload}`, createPublicKey({ key: jwk, format: 'jwk' }),
      Buffer.from(signature, 'base64url'));
  }

  test('say which app, person and business, for five minutes', async () => {
    const { status, body } = await create();
    assert.deepEqual([status, body.success], [200, true]);
    assert.deepEqual(Object.keys(body.data), ['uid', 'token', 'expiry_date', 'app_code_name']);
    const { kid, iat, exp, jti, ...claims } = claimsOf(body.data.token);
    assert.deepEqual(claims, {
      business_uid: 'ed469f8764326a66', directory_uid: 'u6g6s4q3386zs6j2', actor_uid: 'a383717599bf1893', actor_type: 'staff',
      sub: 'a383717599bf1893', sub_type: 'staff', iss: 'intandem', aud: 'app1',
    });
    assert.ok(Math.abs(iat - Date.now() / 1000) < 5);
    assert.deepEqual([exp - iat, Date.parse(body.data.expiry_date)], [300, exp * 1000]);
    assert.notEqual(jti, claimsOf(await newSigned()).jti);
    assert.ok(await verified(body.data.token));
    const [header, payload, signature] = body.data.token.split('.');
    assert.equal(await verified([header, payload, signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))].join('.')), false);
  });

  test('are for the staff of a business, and for apps that there are', async () => {
    assert.deepEqual(await create('app1', 'nonsense').then(({ status, body }) => [status, body]),
      [401, { status: 'Error', error: 'Unauthorized' }]);
    assert.equal((await create('app1', await newToken(http, { sandbox_user: 'carl' }))).status, 401);
    assert.equal((await create('none')).status, 400);
    assert.equal((await post(`${http}/v3/apps/compact_jws_tokens`, {}, { Authorization: `Bearer ${bearer}` })).status, 400);
  });

  test('the key set has public RSA keys for RS256 alone', async () => {
    for (const { n, kid, ...rest } of await keys()) {
      assert.deepEqual(rest, { kty: 'RSA', e: 'AQAB', use: 'sig', alg: 'RS256' });
      assert.equal(Buffer.from(n, 'base64url').length, 256);
      assert.match(kid, /^[\da-f-]{36}$/);
    }
  });

  test('keys rotate on demand: the one before stays, or goes', async () => {
    const first = await newSigned();
    assert.equal((await rotate({})).body.keys.length, 2);
    const second = await newSigned();
    assert.notEqual(claimsOf(second).kid, claimsOf(first).kid);
    assert.deepEqual([await verified(first), await verified(second)], [true, true]);
    assert.equal((await rotate({ keep: 0 })).body.keys.length, 1);
    assert.deepEqual([await verified(first), await verified(second), await verified(await newSigned())], [false, false, true]);
    assert.equal((await rotate({ keep: -1 })).status, 400);
  });

  test('a test says what the next ones have left, and who acts', async () => {
    await order({ left: -57, count: 1 });
    await order({ actor_uid: '300', actor_type: 'admin', count: 1 });
    const [over, other, usual] = [claimsOf(await newSigned()), claimsOf(await newSigned()), claimsOf(await newSigned())];
    assert.ok(Math.abs(over.exp + 57 - Date.now() / 1000) < 5);
    assert.equal(over.exp - over.iat, 300);
    assert.deepEqual([other.actor_uid, other.actor_type, other.sub], ['300', 'admin', 'a383717599bf1893']);
    assert.ok(usual.exp > Date.now() / 1000 + 290);
    await order({ left: 5 });
    for (let i = 0; i < 2; i += 1) assert.ok(claimsOf(await newSigned()).exp < Date.now() / 1000 + 10);
    await order({});
    assert.ok(claimsOf(await newSigned()).exp > Date.now() / 1000 + 290);
    for (const wrong of [{ left: 'long' }, { count: 0 }, { actor_uid: 1 }]) assert.equal((await order(wrong)).status, 400);
  });
});
