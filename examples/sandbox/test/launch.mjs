// The Apps page: who sees it, at which host, and what an opened app is told.

import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';

import { claimsOf, post, start } from './helpers.mjs';

const LANDING = 'https://calendar.example.com/open?from=vcita';
const ALL = ['impersonate', 'business_uid', 'staff_role', 'staff_uid', 'payment_permissions', 'language', 'package',
  'brand_host'];

describe('the Apps page', async () => {
  const sandbox = await start();
  const { port } = new URL(sandbox.http);
  await post(`${sandbox.http}/platform/v1/apps`, {
    name: '<Calendar>', app_code_name: 'calendar', redirect_uri: LANDING, url_params: ALL,
  }, { Authorization: 'Bearer sandbox-directory-token' });

  // A browser that follows redirects of one host, and remembers where it was.
  function browser(host) {
    const jar = new Map();
    const hops = [];
    return async function go(address, method = 'GET') {
      const { pathname, search } = new URL(address, `http://${host}:${port}`);
      hops.push(pathname);
      const res = await new Promise((resolve, reject) => {
        http.request({
          host: '127.0.0.1', port, path: pathname + search, method,
          headers: { Host: `${host}:${port}`, Cookie: [...jar].map((pair) => pair.join('=')).join('; ') },
        }, resolve).on('error', reject).end();
      });
      for (const line of res.headers['set-cookie'] ?? []) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
        if (value) jar.set(name, value);
        else jar.delete(name);
      }
      const { location } = res.headers;
      if (location) {
        assert.equal(new URL(location, `http://${host}:${port}`).host, `${host}:${port}`, 'never to another host');
        return go(location);
      }
      return { pathname, hops, status: res.statusCode, text: (await res.setEncoding('utf8').toArray()).join('') };
    };
  }

  const launched = (text) => new URL(/href="(https:\/\/calendar[^"]*)"/.exec(text)[1].replaceAll('&amp;', '&'));

  test('asks who it is, at the host that it was opened at', async () => {
    for (const host of ['app.vcita.test', 'app.partner.test', 'localhost']) {
      const { pathname, text } = await browser(host)('/apps');
      assert.match(pathname, /^\/login\//);
      assert.match(text, /Sign in to vcita/);
    }
  });

  test('opens an app with what it asked for, and what its address had', async () => {
    const { pathname, text } = await browser('app.partner.test')('/apps?sandbox_user=bob');
    assert.equal(pathname, '/apps');
    const { origin, pathname: path, searchParams } = launched(text);
    assert.equal(origin + path, 'https://calendar.example.com/open');
    assert.deepEqual(Object.fromEntries(searchParams), {
      from: 'vcita', impersonate: 'false', business_uid: 'ed469f8764326a66', staff_role: 'staff',
      staff_uid: 'b0b7175991893a38', payment_permissions: 'false', language: 'en', package: 'premium',
      brand_host: 'app.partner.test',
    });
    assert.match(text, /&lt;Calendar&gt;/);
    assert.doesNotMatch(text, /<Calendar>|<script/);
  });

  test('a frame around an app, where it was asked for', async () => {
    const go = browser('app.vcita.test');
    assert.match((await go('/apps/calendar')).text, /Sign in to vcita/);
    const { pathname, text } = await go('/apps/calendar?sandbox_user=alice');
    assert.equal(pathname, '/apps/calendar');
    assert.match(text, /<iframe [^>]*src="https:\/\/calendar\.example\.com\/open\?from=vcita&amp;impersonate=false/);
    assert.equal((await go('/apps/none')).status, 404);
    assert.equal((await go('/apps?code=x&state=//evil.example')).pathname, '/apps', 'it is signed in, and goes nowhere');
  });

  test('the page around a frame gets signed tokens for its app, of the person who is signed in', async () => {
    const go = browser('app.partner.test');
    await go('/apps?sandbox_user=bob');
    const { status, text } = await go('/apps/calendar/token', 'POST');
    const { aud, sub, business_uid } = claimsOf(JSON.parse(text).data.token);
    assert.deepEqual([status, aud, sub, business_uid], [200, 'calendar', 'b0b7175991893a38', 'ed469f8764326a66']);
    assert.equal((await go('/apps/none/token', 'POST')).status, 401);
    assert.equal((await go('/apps/calendar/token')).status, 404, 'no other page shows it by GET');
    assert.equal((await browser('app.vcita.test')('/apps/calendar/token', 'POST')).status, 401, 'no user is signed in');
  });

  test('a person of two businesses goes from one to the other', async () => {
    const go = browser('app.vcita.test');
    const first = await go('/apps?sandbox_user=dana');
    assert.equal(launched(first.text).searchParams.get('business_uid'), 'ed469f8764326a66');
    const [, other] = /href="(\/apps\?sandbox_user=[^"]*)"(?! aria-current)/.exec(first.text);
    const second = launched((await go(other)).text).searchParams;
    assert.equal(second.get('business_uid'), '1111111111111111');
    assert.notEqual(second.get('staff_uid'), 'da9a000000000001');
    assert.equal(launched((await go('/apps')).text).searchParams.get('business_uid'), '1111111111111111', 'and stays');
  });

  test('an app that is for a tab has no frame', async () => {
    await post(`${sandbox.http}/platform/v1/apps`, {
      name: 'Tab', app_code_name: 'tab', redirect_uri: LANDING, open_in_new_tab: true,
    }, { Authorization: 'Bearer sandbox-directory-token' });
    const { text } = await browser('localhost')('/apps?sandbox_user=alice');
    assert.match(text, /id="tab-tab"/);
    assert.doesNotMatch(text, /id="frame-tab"/);
    assert.match(text, /id="frame-calendar"/);
  });

  test('--public: behind another server, at the address of that', async () => {
    const shown = await start({ public: 'http://vcita.example:8080' });
    const go = (path, Host) => new Promise((resolve, reject) => {
      const { hostname, port: own } = new URL(shown.http);
      http.get({ host: hostname, port: own, path, headers: { Host } }, resolve).on('error', reject);
    });
    for (const [host, status] of [['vcita.example:8080', 302], ['vcita.example:8081', 400]]) {
      const { location } = (await go('/apps', host)).headers;
      assert.equal((await go(location, host)).statusCode, status, host);
    }
  });

  test('a browser that keeps no cookie does not loop', async () => {
    const res = await fetch(`${sandbox.http}/apps?code=x&state=/apps`, { redirect: 'manual' });
    assert.equal(res.status, 400);
    assert.match(await res.text(), /not signed in/);
  });
});
