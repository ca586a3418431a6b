// private_key_jwt: an app with keys of its own signs its token requests.

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';

import { CALLBACK, exchange, newCode, post, start } from './helpers.mjs';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const RSA = { alg: 'RS256', kid: 'one', ...generateKeyPairSync('rsa', { modulusLength: 2048 }) };
const EC = { alg: 'ES256', kid: 'two', ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };

const jwks = { keys: [RSA, EC].map(({ publicKey, alg, kid }) => ({ ...publicKey.export({ format: 'jwk' }), alg, kid })) };
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed({ alg, kid, privateKey, dsaEncoding = 'ieee-p1363' }, claims) {
  const text = `${encode({ alg, typ: 'JWT', kid })}.${encode(claims)}`;
  return `${text}.${sign('sha256', text, { key: privateKey, dsaEncoding }).toString('base64url')}`;
}

describe('private_key_jwt', async () => {
  const { http, https } = await start({ auto: 'alice', https: 0 });
  const create = (name, more) => post(`${http}/platform/v1/apps`, {
    name, app_code_name: name, redirect_uri: CALLBACK, ...more,
  }, { Authorization: 'Bearer sandbox-directory-token' });
  const { client_id, client_secret } = (await create('signs', { jwks })).body.data;

  const claims = (more) => {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: client_id, sub: client_id, aud: `${http}/oauth/token`, jti: randomUUID(), iat: now, exp: now + 60, ...more,
    };
  };
  const ask = async (more, id = client_id) => {
    const body = { grant_type: 'authorization_code', redirect_uri: CALLBACK, code: await newCode(http, { client_id: id }) };
    const res = await fetch(`${http}/oauth/token`, {
      method: 'POST', body: new URLSearchParams({ ...body, client_id: id, ...more }),
    });
    return [res.status, (await res.json()).error];
  };
  const withAssertion = (jwt, more, id) => ask({ client_assertion_type: TYPE, client_assertion: jwt, ...more }, id);
  const REFUSED = [401, 'invalid_client'];

  test('takes RS256 and ES256', async () => {
    assert.deepEqual(await withAssertion(signed(RSA, claims())), [200, undefined]);
    assert.deepEqual(await withAssertion(signed(EC, claims())), [200, undefined]);
    assert.deepEqual(await withAssertion(signed({ ...RSA, kid: undefined }, claims())), [200, undefined]);
  });

  test('refuses another key, another kid, another form of the signature', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
    assert.deepEqual(await withAssertion(signed({ ...RSA, ...other }, claims())), REFUSED);
    assert.deepEqual(await withAssertion(signed({ ...RSA, kid: 'three' }, claims())), REFUSED);
    assert.deepEqual(await withAssertion(signed({ ...EC, dsaEncoding: 'der' }, claims())), REFUSED);
  });

  test('refuses claims that are not as they must be', async () => {
    const now = Math.floor(Date.now() / 1000);
    for (const wrong of [{ aud: `${http}/oauth/authorize` }, { aud: undefined }, { iss: 'app1' },
      { exp: now - 60 }, { exp: undefined }, { jti: undefined }]) {
      assert.deepEqual(await withAssertion(signed(RSA, claims(wrong))), REFUSED, JSON.stringify(wrong));
    }
    assert.deepEqual(await withAssertion(signed(RSA, claims({ sub: 'app1' }))), [400, 'invalid_request']);
    assert.deepEqual(await withAssertion(signed(RSA, claims({ aud: https }))), [200, undefined], 'the issuer will do');
  });

  test('takes an assertion once', async () => {
    const jwt = signed(RSA, claims());
    assert.deepEqual(await withAssertion(jwt), [200, undefined]);
    assert.deepEqual(await withAssertion(jwt), REFUSED);
  });

  test('takes the secret of an app with keys no longer, nor an assertion of one without', async () => {
    assert.deepEqual(await ask({ client_secret }), REFUSED);
    const jwt = signed(RSA, claims({ iss: 'app1', sub: 'app1' }));
    assert.deepEqual(await withAssertion(jwt, {}, 'app1'), REFUSED);
    assert.equal((await exchange(http, { code: await newCode(http) })).status, 200);
  });

  test('gets the keys from client_auth_jwks_uri', async () => {
    const server = createServer((req, res) => res.end(JSON.stringify(jwks))).listen(0, '127.0.0.1');
    after(() => server.close());
    await once(server, 'listening');
    const uri = `http://127.0.0.1:${server.address().port}/jwks`;
    const { body: { data } } = await create('fetched', { client_auth_jwks_uri: uri });
    assert.equal(data.client_auth_jwks_uri, uri);
    const more = { iss: data.client_id, sub: data.client_id };
    assert.deepEqual(await withAssertion(signed(EC, claims(more)), {}, data.client_id), [200, undefined]);
    assert.equal((await create('nowhere', { client_auth_jwks_uri: 'jwks' })).status, 400);
    assert.equal((await create('none', { jwks: {} })).status, 400);
  });
});
