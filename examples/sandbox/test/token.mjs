// The token endpoint: what it takes, what it refuses and how.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { CALLBACK, SECRET, exchange, newCode, newToken, post, start, userinfo } from './helpers.mjs';

describe('the token endpoint', async () => {
  const { http } = await start({ auto: 'alice' });
  const refused = async (more, status, error) => {
    const got = await exchange(http, more);
    assert.deepEqual([got.status, got.body.error], [status, error]);
    assert.deepEqual(Object.keys(got.body), ['error', 'error_description']);
  };

  test('takes JSON as well as a form', async () => {
    const { status, body } = await post(`${http}/oauth/token`, {
      grant_type: 'authorization_code', redirect_uri: CALLBACK, ...SECRET, code: await newCode(http),
    });
    assert.equal(status, 200);
    assert.match(body.access_token, /^[0-9a-f]{64}$/);
  });

  test('refuses in Doorkeeper\'s words', async () => {
    const code = await newCode(http);
    await refused({ code, client_secret: 'wrong' }, 401, 'invalid_client');
    await refused({ code, client_id: 'nobody' }, 401, 'invalid_client');
    await refused({ code, client_id: '' }, 401, 'invalid_client');
    await refused({ code, client_secret: '' }, 401, 'invalid_client');
    await refused({ code: 'unknown' }, 400, 'invalid_grant');
    await refused({ code, redirect_uri: `${CALLBACK}x` }, 400, 'invalid_grant');
    await refused({ code, grant_type: 'password' }, 400, 'unsupported_grant_type');
    await refused({ code, grant_type: '' }, 400, 'invalid_request');
    await refused({}, 400, 'invalid_request');
    await refused({ code, redirect_uri: '' }, 400, 'invalid_request');
    assert.equal((await exchange(http, { code })).status, 200, 'the code is still good');
  });

  test('refuses a body that it cannot read', async () => {
    const res = await fetch(`${http}/oauth/token`, {
      method: 'POST', body: '{"grant_type":', headers: { 'Content-Type': 'application/json' },
    });
    assert.equal(res.status, 400);
    assert.equal((await res.json()).error, 'invalid_request');
  });

  test('takes the secret from the body only', async () => {
    const basic = `Basic ${Buffer.from('app1:secret1').toString('base64')}`;
    const res = await fetch(`${http}/oauth/token`, {
      method: 'POST',
      headers: { Authorization: basic },
      body: new URLSearchParams({ grant_type: 'authorization_code', redirect_uri: CALLBACK, code: await newCode(http) }),
    });
    assert.equal(res.status, 401);
  });

  test('a code works once; using it again revokes the token', async () => {
    const code = await newCode(http);
    const other = await newToken(http);
    const token = (await exchange(http, { code })).body.access_token;
    assert.equal((await userinfo(http, token)).status, 200);
    await refused({ code }, 400, 'invalid_grant');
    assert.equal((await userinfo(http, token)).status, 401);
    assert.equal((await userinfo(http, other)).status, 200);
  });

  test('a code of one app is none of another\'s', async () => {
    const { body } = await post(`${http}/platform/v1/apps`, {
      name: 'Other', app_code_name: 'other', redirect_uri: CALLBACK,
    }, { Authorization: 'Bearer sandbox-directory-token' });
    const { client_id, client_secret } = body.data;
    await refused({ code: await newCode(http), client_id, client_secret }, 400, 'invalid_grant');
  });

  test('PKCE is checked when it is used', async () => {
    const verifier = 'v'.repeat(43);
    const pkce = {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    };
    await refused({ code: await newCode(http, pkce), code_verifier: 'w'.repeat(43) }, 400, 'invalid_grant');
    await refused({ code: await newCode(http, pkce) }, 400, 'invalid_grant');
    await refused({ code: await newCode(http), code_verifier: verifier }, 400, 'invalid_grant');
    assert.equal((await exchange(http, { code: await newCode(http, pkce), code_verifier: verifier })).status, 200);
  });

  test('a code lives 30 seconds', { timeout: 40_000 }, async () => {
    const [late, early] = [await newCode(http), await newCode(http)];
    await sleep(28_000);
    assert.equal((await exchange(http, { code: early })).status, 200);
    await sleep(3_000);
    await refused({ code: late }, 400, 'invalid_grant');
  });
});
