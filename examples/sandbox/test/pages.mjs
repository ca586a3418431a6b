// The login and the consent page, with a browser that has no JavaScript.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { CALLBACK, authorizeUrl, exchange, post, start, userinfo } from './helpers.mjs';

describe('the pages that a person clicks', async () => {
  const { http } = await start();

  // A browser without JavaScript: follows redirects, keeps cookies, posts forms.
  function browser() {
    const jar = new Map(); // `path name` -> value
    return async function go(address, form) {
      const { pathname } = new URL(address);
      const cookie = [...jar].filter(([key]) => pathname.startsWith(key.split(' ')[0]))
        .map(([key, value]) => `${key.split(' ')[1]}=${value}`).join('; ');
      const res = await fetch(address, {
        redirect: 'manual',
        headers: { cookie, Accept: 'text/html' },
        ...form && { method: 'POST', body: new URLSearchParams(form) },
      });
      for (const line of res.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        const path = /path=([^;]+)/.exec(line)?.[1] ?? '/';
        if (value) jar.set(`${path} ${name}`, value);
        else jar.delete(`${path} ${name}`);
      }
      const location = res.headers.get('location');
      const next = location && new URL(location, address).href;
      if (next && !next.startsWith(CALLBACK)) return go(next);
      return { address, status: res.status, text: await res.text(), callback: next && new URL(next) };
    };
  }

  const emailOf = async ({ callback: { searchParams } }) => {
    const { body } = await exchange(http, { code: searchParams.get('code') });
    return (await userinfo(http, body.access_token)).body.email;
  };

  test('login, consent, and then silence', async () => {
    const go = browser();
    const login = await go(authorizeUrl(http));
    assert.match(login.text, /Sign in to vcita/);
    assert.doesNotMatch(login.text, /<script/);
    const again = await go(login.address, { email: 'alice@example.biz', password: '' });
    assert.match(again.text, /password is empty/);
    const consent = await go(login.address, { email: 'alice@example.biz', password: 'anything' });
    assert.match(consent.text, /App app1 wants to/);
    const done = await go(consent.address, { answer: 'allow' });
    assert.equal(done.callback.searchParams.get('state'), 's1');
    assert.equal(await emailOf(done), 'alice@example.biz');

    const second = await go(authorizeUrl(http, { state: 's2' }));
    assert.equal(second.callback.searchParams.get('state'), 's2', 'the second login is silent');
  });

  test('prompt=login lets someone else in', async () => {
    const go = browser();
    for (const [user, email] of [['bob', 'bob@example.biz'], ['mallory', 'mallory@other.example']]) {
      const login = await go(authorizeUrl(http, { prompt: 'login' }));
      assert.match(login.text, /Sign in to vcita/);
      const consent = await go(login.address, { user });
      assert.match(consent.text, new RegExp(email));
      assert.equal(await emailOf(await go(consent.address, { answer: 'allow' })), email);
    }
  });

  test('Deny is access_denied, and asks again next time', async () => {
    const go = browser();
    const login = await go(authorizeUrl(http));
    const consent = await go(login.address, { user: 'carl' });
    const denied = await go(consent.address, { answer: 'deny' });
    assert.equal(denied.callback.searchParams.get('error'), 'access_denied');
    assert.equal(denied.callback.searchParams.get('state'), 's1');
    assert.equal(denied.callback.searchParams.has('iss'), false);
    assert.match((await go(authorizeUrl(http))).text, /App app1 wants to/);
  });

  test('DELETE /sandbox/consents: consent is asked for again', async () => {
    const go = browser();
    const consent = await go((await go(authorizeUrl(http))).address, { user: 'dana' });
    assert.ok((await go(consent.address, { answer: 'allow' })).callback);
    assert.ok((await go(authorizeUrl(http))).callback, 'not asked');
    await fetch(`${http}/sandbox/consents`, { method: 'DELETE' });
    assert.match((await go(authorizeUrl(http))).text, /App app1 wants to/);
  });

  test('sandbox_user needs no page here either', async () => {
    const { callback } = await browser()(authorizeUrl(http, { sandbox_user: 'bob' }));
    assert.ok(callback.searchParams.get('code'));
  });

  test('names are escaped, an unknown page has expired', async () => {
    const { body } = await post(`${http}/platform/v1/apps`, {
      name: '<b>"x"', app_code_name: 'x', redirect_uri: CALLBACK,
    }, { Authorization: 'Bearer sandbox-directory-token' });
    const login = await browser()(authorizeUrl(http, { client_id: body.data.client_id }));
    assert.match(login.text, /&lt;b&gt;&quot;x&quot;/);
    const res = await fetch(`${http}/login/unknown`);
    assert.equal(res.status, 400);
    assert.match(await res.text(), /expired/);
  });
});
