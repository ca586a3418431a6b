// Apps and revocation, as vcita's platform API has them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CALLBACK, authorizeUrl, exchange, newCode, newToken, post, start, userinfo } from './helpers.mjs';

describe('vcita\'s platform API', async () => {
  const { http } = await start({ auto: 'alice' });
  const create = (body, token = 'sandbox-directory-token') => (
    post(`${http}/platform/v1/apps`, body, { Authorization: `Bearer ${token}` }));

  test('creates an app that can log in', async () => {
    const { status, body } = await create({
      name: 'My OAuth App', app_code_name: 'myoauthapp', redirect_uri: CALLBACK, scopes: ['openid'],
    });
    assert.equal(status, 201);
    assert.equal(body.status, 'OK');
    assert.deepEqual(Object.keys(body.data), ['app_code_name', 'app_id', 'client_id', 'client_secret', 'name',
      'access_token_format', 'client_auth_jwks_uri']);
    const { client_id, client_secret } = body.data;
    const code = await newCode(http, { client_id });
    assert.equal((await exchange(http, { code, client_id, client_secret })).status, 200);
  });

  test('says what is wrong', async () => {
    const good = { name: 'ABC', app_code_name: 'a', redirect_uri: CALLBACK };
    assert.equal((await create(good, 'wrong')).status, 401);
    const far = 'http://portal.example.com/oauth/callback';
    for (const wrong of [{ name: '' }, { name: 'AB' }, { name: 'A'.repeat(26) }, { app_code_name: 'a-b' }, { app_code_name: 'é' },
      { redirect_uri: 'nonsense' }, { redirect_uri: undefined }, { redirect_uri: far }, { scopes: 'openid' },
      { oauth_redirect_uris: CALLBACK }, { oauth_redirect_uris: ['nonsense'] }, { url_params: ['brand'] }, { url_params: 'language' }]) {
      const { status, body } = await create({ ...good, ...wrong });
      assert.equal(status, 400);
      assert.deepEqual([body.status, typeof body.error], ['Error', 'string']);
    }
    assert.equal((await create(good)).status, 201);
    assert.equal((await create(good)).body.error, 'app_code_name has already been taken');
  });

  test('changes an app: its callbacks, apart from its landing page', async () => {
    const landing = 'https://portal.example.com/';
    const { body } = await create({ name: 'Changes', app_code_name: 'changes', redirect_uri: landing });
    const { client_id, client_secret } = body.data;
    const put = async (code, change, token = 'sandbox-directory-token') => {
      const res = await fetch(`${http}/platform/v1/apps/${code}`, {
        method: 'PUT', body: JSON.stringify(change), headers: { Authorization: `Bearer ${token}` },
      });
      return { status: res.status, body: await res.json() };
    };
    assert.deepEqual([(await put('changes', {}, 'wrong')).status, (await put('none', {})).status], [401, 404]);
    for (const bad of [{ scopes: 'openid' }, { name: 'AB' }, { redirect_uri: '' }, { oauth_redirect_uris: 'x' }]) {
      assert.equal((await put('changes', bad)).status, 400);
    }
    const { status, body: changed } = await put('changes', { name: 'Changed', oauth_redirect_uris: [CALLBACK], app_code_name: 'x' });
    assert.deepEqual([status, changed.status, changed.data.name, changed.data.app_code_name], [200, 'OK', 'Changed', 'changes']);
    assert.equal(changed.data.client_secret, undefined);
    const code = await newCode(http, { client_id });
    assert.equal((await exchange(http, { code, client_id, client_secret })).status, 200);
    await put('changes', { oauth_redirect_uris: [] });
    const gone = await fetch(authorizeUrl(http, { client_id }), { redirect: 'manual' });
    assert.equal(gone.status, 400);
  });

  test('revokes tokens', async () => {
    const [one, two, three] = [await newToken(http), await newToken(http), await newToken(http)];
    const revoke = (token, bearer) => (
      post(`${http}/platform/v1/tokens/revoke`, { token }, { Authorization: `Bearer ${bearer}` }));
    const of = async (asked) => [(await asked).status, (await asked).body];
    const refused = (status, error) => [status, { status: 'Error', error }];

    const bobs = await newToken(http, { sandbox_user: 'bob' });
    assert.deepEqual(await of(revoke(one, bobs)), refused(422, 'Unauthorized'));
    assert.deepEqual(await of(revoke('nonsense', one)), refused(422, 'invalid token'));
    assert.deepEqual(await of(revoke(one, 'nonsense')), refused(401, 'Unauthorized'));
    assert.equal((await userinfo(http, one)).status, 200);

    assert.deepEqual(await of(revoke(one, one)), [201, { status: 'OK', data: { revoked_tokens: [one] } }]);
    const { status, body } = await userinfo(http, one);
    assert.deepEqual([status, body.error], [401, 'invalid_token']);
    assert.deepEqual(await of(revoke(one, one)), refused(401, 'Unauthorized'));
    assert.deepEqual((await post(`${http}/sandbox/revoke`, { token: two })).body, { revoked: 1 });
    assert.equal((await userinfo(http, two)).status, 401);
    assert.equal((await userinfo(http, three)).status, 200);
    assert.ok((await post(`${http}/sandbox/revoke`, { sub: 'alice' })).body.revoked >= 1);
    assert.equal((await userinfo(http, three)).status, 401);
    assert.equal((await userinfo(http, 'nonsense')).status, 401);
  });
});
