// What each command-line option changes.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { parseOptions } from '../options.mjs';
import { startSandbox } from '../server.mjs';
import { CALLBACK, callback, exchange, newCode, newToken, start, userinfo } from './helpers.mjs';

describe('options', async () => {
  test('--no-pkce refuses a code_verifier', async () => {
    const { http } = await start({ auto: 'alice', pkce: false });
    const code = await newCode(http, { code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' });
    const { status, body } = await exchange(http, { code, code_verifier: 'v'.repeat(43) });
    assert.deepEqual([status, body.error], [400, 'invalid_request']);
    assert.equal((await exchange(http, { code })).status, 200);
  });

  test('--iss keeps iss, --refresh-token issues one, --id-token-alg ES256', async () => {
    const { http } = await start({ auto: 'alice', keepIss: true, refreshToken: true, idTokenAlg: 'ES256' });
    const { searchParams } = await callback(http);
    assert.equal(searchParams.get('iss'), http);
    const { body } = await exchange(http, { code: searchParams.get('code') });
    assert.equal(JSON.parse(Buffer.from(body.id_token.split('.')[0], 'base64url')).alg, 'ES256');
    const again = await exchange(http, { grant_type: 'refresh_token', refresh_token: body.refresh_token });
    assert.equal(again.status, 200);
    assert.notEqual(again.body.access_token, body.access_token);
    assert.ok(again.body.id_token);

    const plain = await exchange(http, { code: await newCode(http, { scope: 'staff' }) });
    const refreshed = await exchange(http, {
      grant_type: 'refresh_token', refresh_token: plain.body.refresh_token,
    });
    assert.equal(refreshed.status, 200);
    assert.equal(refreshed.body.id_token, undefined);
  });

  test('--rate N lets N requests a second through', async () => {
    const { http } = await start({ auto: 'alice', rate: 8 });
    const twelve = await Promise.all(Array.from({ length: 12 }, (_, i) => (
      i % 2 ? fetch(`${http}/oauth/userinfo`) : fetch(`${http}/oauth/token`, { method: 'POST' })
    )));
    const refused = twelve.filter(({ status }) => status === 429);
    assert.equal(refused.length, 4);
    assert.equal(refused[0].headers.get('retry-after'), '1');
    assert.equal((await (await fetch(`${http}/sandbox/stats`)).json()).rate_rejected, 4);
    await sleep(1050);
    assert.equal((await fetch(`${http}/oauth/userinfo`)).status, 401);
  });

  test('--users and --apps-file replace and add', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'vcita-sandbox-test-'));
    t.after(() => rmSync(dir, { recursive: true }));
    const users = join(dir, 'users.json');
    const appsFile = join(dir, 'apps.json');
    writeFileSync(users, JSON.stringify({ zoe: { sub: 'z1', email: 'zoe@example.biz', shoe_size: 38 } }));
    writeFileSync(appsFile, JSON.stringify([{
      name: 'Two', client_id: 'app2', client_secret: 's2', redirect_uri: CALLBACK, scopes: ['staff'],
    }]));
    const { http } = await start({ auto: 'zoe', users, appsFile });
    const { sub, shoe_size: size } = (await userinfo(http, await newToken(http))).body;
    assert.deepEqual([sub, size], ['z1', 38]);

    const wrong = await callback(http, { client_id: 'app2' });
    assert.equal(wrong.searchParams.get('error'), 'invalid_scope');
    assert.ok(await newCode(http, { client_id: 'app2', scope: 'staff' }));
    await assert.rejects(startSandbox({ http: 0, auto: 'alice', users }), /no user "alice"/);
  });

  test('the command line', () => {
    const { app, http, https: tls, rate } = parseOptions(['--app', 'a:b:http://x:1/', '--app', 'c:d:http://y:2/', '--https', '0', '--rate', '8']);
    assert.deepEqual([app.length, http, tls, rate], [2, undefined, 0, 8]);
    assert.equal(parseOptions([]).http, 0);
    for (const wrong of [['--http', 'x'], ['--nonsense'], ['--auto', 'a', '--interactive'], ['--lifetime', '0']]) {
      assert.throws(() => parseOptions(wrong));
    }
  });
});
