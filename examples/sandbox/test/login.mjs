// Logins without a page: callback, token answer, id_token, userinfo.

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { describe, test } from 'node:test';

import {
  CALLBACK, authorizeUrl, callback, claimsOf, exchange, get, newCode, newToken, start, userinfo,
} from './helpers.mjs';

describe('a login at once', async () => {
  const { http } = await start({ auto: 'alice' });

  test('the callback has code and state and no iss', async () => {
    const { href, searchParams } = await callback(http);
    assert.ok(href.startsWith(`${CALLBACK}?`));
    assert.deepEqual([...searchParams.keys()].sort(), ['code', 'state']);
    assert.equal(searchParams.get('state'), 's1');
  });

  test('/oauth/authorize is the same endpoint', async () => {
    const res = await fetch(authorizeUrl(http).replace('/app/oauth', '/oauth'), { redirect: 'manual' });
    assert.match(res.headers.get('location'), /callback\?code=/);
  });

  test('the token answer is the documented one', async () => {
    const { status, headers, body } = await exchange(http, { code: await newCode(http, { nonce: 'n1' }) });
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.deepEqual(Object.keys(body), ['access_token', 'created_at', 'expires_in', 'token_type', 'id_token']);
    assert.match(body.access_token, /^[0-9a-f]{64}$/);
    assert.ok(Math.abs(body.created_at - Date.now() / 1000) < 3);
    assert.equal(body.expires_in, 631139040);
    assert.equal(body.token_type, 'Bearer');
  });

  test('the id_token is signed with a key of /oauth/jwks', async () => {
    const { id_token: jwt } = (await exchange(http, { code: await newCode(http, { nonce: 'n1' }) })).body;
    const { iat, exp, ...claims } = claimsOf(jwt);
    assert.deepEqual(claims, {
      sub: 'a383717599bf1893', business_id: 'ed469f8764326a66', nonce: 'n1', aud: 'app1', iss: http,
    });
    assert.equal(exp - iat, 3600);
    const { keys } = await (await fetch(`${http}/oauth/jwks`)).json();
    const [head, payload, signature] = jwt.split('.');
    const { kid, alg } = JSON.parse(Buffer.from(head, 'base64url'));
    const key = createPublicKey({ key: keys.find((jwk) => jwk.kid === kid), format: 'jwk' });
    assert.equal(alg, 'RS256');
    assert.ok(verify('sha256', Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, 'base64url')));
  });

  test('userinfo of a staff member and of a client', async () => {
    const { status, body } = await userinfo(http, await newToken(http));
    assert.equal(status, 200);
    assert.deepEqual(
      [body.sub, body.type, body.role, body.email, body.business_id, body.business_uid],
      ['a383717599bf1893', 'staff', 'owner', 'alice@example.biz', 'ed469f8764326a66', 'ed469f8764326a66'],
    );
    assert.equal(body.brand_theme.logo, null);
    assert.equal(body.brand_theme.locale, 'en');
    assert.ok(body.business_name && body.directory_uid && body.brand_host);
    assert.equal(body.matters, undefined);

    const carl = (await userinfo(http, await newToken(http, { sandbox_user: 'carl' }))).body;
    assert.equal(carl.type, 'client');
    assert.equal(carl.matters.length, 2);
  });

  test('without openid: no id_token, and userinfo all the same', async () => {
    for (const scope of ['', 'staff', 'read write']) {
      const { body } = await exchange(http, { code: await newCode(http, { scope, nonce: 'n1' }) });
      assert.deepEqual(Object.keys(body), ['access_token', 'created_at', 'expires_in', 'token_type']);
      assert.equal((await userinfo(http, body.access_token)).body.email, 'alice@example.biz');
    }
  });

  test('sandbox_user picks the user, whatever the session cookie names', async () => {
    const first = await fetch(authorizeUrl(http), { redirect: 'manual' });
    const cookie = first.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
    const res = await fetch(authorizeUrl(http, { sandbox_user: 'bob', prompt: 'login' }), { redirect: 'manual', headers: { cookie } });
    const code = new URL(res.headers.get('location')).searchParams.get('code');
    const token = (await exchange(http, { code })).body.access_token;
    assert.equal((await userinfo(http, token)).body.email, 'bob@example.biz');
  });

  test('sandbox_deny refuses as a person would', async () => {
    const { searchParams } = await callback(http, { sandbox_deny: '1' });
    assert.deepEqual(Object.fromEntries(searchParams), {
      error: 'access_denied',
      error_description: 'The resource owner or authorization server denied the request.',
      state: 's1',
    });
  });

  test('https redirect_uris work; unknown ones and unknown apps get a page', async () => {
    const portal = 'https://portal.example.com/oauth/callback';
    assert.ok((await callback(http, { redirect_uri: portal })).href.startsWith(portal));
    for (const wrong of [{ redirect_uri: 'https://evil.example/' }, { client_id: 'nobody' }]) {
      const res = await fetch(authorizeUrl(http, wrong), { redirect: 'manual', headers: { Accept: 'text/html' } });
      assert.equal(res.status, 400);
      assert.match(await res.text(), /This did not work/);
    }
  });
});
