// The command as others start it: a child process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { APP, authorizeUrl, get } from './helpers.mjs';

describe('the command', () => {
  async function launch(...args) {
    const child = spawn(process.execPath, ['sandbox.mjs', ...args], { cwd: new URL('..', import.meta.url) });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => { output.stdout += chunk; });
    child.stderr.on('data', (chunk) => { output.stderr += chunk; });
    const ended = new Promise((resolve) => { child.once('close', resolve); });
    while (!output.stdout.includes('\n') && child.exitCode === null) await sleep(20);
    return { child, output, ended };
  }

  test('prints one line, serves https with its CA, logs paths only, stops at once', async () => {
    const { child, output, ended } = await launch('--https', '0', '--auto', 'alice', '--app', APP, '--verbose');
    const ready = JSON.parse(output.stdout);
    assert.deepEqual(Object.keys(ready), ['ready', 'pid', 'http', 'https', 'ca']);
    assert.deepEqual([ready.ready, ready.pid, ready.http], [true, child.pid, null]);
    const options = { ca: readFileSync(ready.ca) };
    const res = await get(authorizeUrl(ready.https), options);
    assert.match(res.headers.location, /code=/);
    assert.match(res.headers['set-cookie'][0], /; secure/i);
    await get(`${ready.https.replace('localhost', '127.0.0.1')}/oauth/jwks`, options);
    await get(`${ready.https}/oauth/jwks`, { ...options, servername: 'vcita.test' });
    await assert.rejects(get(`${ready.https}/oauth/jwks`), /certificate/);
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    assert.equal(output.stdout.split('\n').length, 2);
    assert.equal(output.stderr.split('\n')[0], 'GET /app/oauth/authorize 302');
    assert.doesNotMatch(output.stderr, /code|state|WARN/);
    assert.throws(() => readFileSync(ready.ca), /ENOENT/);
  });

  test('stops automatically, and says what is wrong', async () => {
    const { ended, output } = await launch('--lifetime', '1');
    assert.equal(await ended, 0);
    assert.equal(output.stderr, '');
    const wrong = await launch('--http', 'x');
    assert.equal(await wrong.ended, 2);
    assert.match(wrong.output.stderr, /--http takes a number/);
  });
});
