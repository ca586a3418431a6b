// What the tests share: a sandbox with one app, and the calls of a login.

import assert from 'node:assert/strict';
import https from 'node:https';
import { after } from 'node:test';

import { startSandbox } from '../server.mjs';

export const CALLBACK = 'http://127.0.0.1:24099/oauth/callback';
export const APP = `app1:secret1:${CALLBACK},https://portal.example.com/oauth/callback`;
export const SECRET = { client_id: 'app1', client_secret: 'secret1' };

export async function start(options) {
  const sandbox = await startSandbox({ http: 0, app: [APP], ...options });
  after(() => sandbox.stop());
  return sandbox;
}

const url = (base, path, query = {}) => `${base}${path}?${new URLSearchParams(query)}`;

export const authorizeUrl = (base, more = {}) => url(base, '/app/oauth/authorize', {
  response_type: 'code', client_id: 'app1', redirect_uri: CALLBACK, scope: 'openid', state: 's1', ...more,
});

// The callback that an authorize request ends in at once.
export async function callback(base, more) {
  const res = await fetch(authorizeUrl(base, more), { redirect: 'manual' });
  assert.equal(res.status, 302);
  return new URL(res.headers.get('location'));
}

export const newCode = async (base, more) => (await callback(base, more)).searchParams.get('code');

async function answer(res) {
  return { status: res.status, headers: res.headers, body: await res.json() };
}

export const post = async (address, body, headers = {}) => answer(await fetch(address, {
  method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers },
}));

export const exchange = async (base, more = {}) => answer(await fetch(`${base}/oauth/token`, {
  method: 'POST',
  body: new URLSearchParams({ grant_type: 'authorization_code', redirect_uri: CALLBACK, ...SECRET, ...more }),
}));

export const userinfo = async (base, token) => answer(await fetch(`${base}/oauth/userinfo`, {
  headers: { Authorization: `Bearer ${token}` },
}));

export async function newToken(base, more) {
  return (await exchange(base, { code: await newCode(base, more) })).body.access_token;
}

export const claimsOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));

// GET with options of node:https; rejects where the answer is cut short.
export const get = (address, options) => new Promise((resolve, reject) => {
  https.get(address, options, (res) => {
    res.on('error', reject);
    res.on('end', () => (res.complete ? resolve(res) : reject(new Error('cut short'))));
    res.resume();
  }).on('error', reject);
});
