#!/usr/bin/env node
// Drives Chromium for t/lib/VcitaChromium.pm: a line of JSON comes in, {"op": ..., ...}, and one goes
// out, {"value": ...} or {"error": ...}.  It ends, and Chromium with it, when nobody writes any more.

import { createHash, X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { chromium } from 'playwright-core';

import { axe, legible, reachable } from './look.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// The names of the tests lead to this machine, and no other name leads anywhere.
const NAMES = ['*.example.com', '*.example.net', 'vcita.test', '*.vcita.test', '*.partner.test'].map((name) => `MAP ${name} 127.0.0.1`);

// Chromium keeps a few things outside of its profile.
const home = mkdtempSync(join(tmpdir(), 'vcita-chromium-'));
process.on('exit', () => rmSync(home, { recursive: true, force: true }));

const [executablePath, seconds, certificate] = process.argv.slice(2);
const limit = Number(seconds) * 1000;

// Chromium keeps no page in its cache whose certificate it does not trust.
const { publicKey } = new X509Certificate(readFileSync(certificate));
const trusted = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');

const launchOptions = {
  executablePath,
  timeout: limit,
  handleSIGINT: false,
  env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home },
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-crash-reporter', '--no-proxy-server',
    `--host-resolver-rules=${NAMES.join(', ')}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
    `--ignore-certificate-errors-spki-list=${trusted}`,
  ],
};
const browser = await chromium.launch(launchOptions);

const contexts = [];
const pages = [];

// What a page has seen since somebody last went somewhere in it.
function watch(page) {
  const seen = { page, answer: null, hops: [], framed: [], requests: [], console: [] };

  const isMain = (request) => request.isNavigationRequest() && request.frame() === page.mainFrame();
  page.on('request', (request) => {
    if (isMain(request) && !request.redirectedFrom()) {
      Object.assign(seen, { answer: null, hops: [], framed: [], requests: [], console: [] });
    }
    if (!isMain(request)) seen.requests.push(request.url());
  });
  page.on('response', (response) => {
    if (response.request().isNavigationRequest() && !isMain(response.request())) {
      seen.framed.push({ status: response.status(), url: response.url() });
    }
    if (!isMain(response.request())) return;
    seen.hops.push({ status: response.status(), url: response.url() });
    seen.answer = { status: response.status(), url: response.url(), headers: response.headers() };
  });
  page.on('console', (message) => {
    const { url } = message.location();
    seen.console.push({ type: message.type(), text: message.text(), url });
  });
  page.on('pageerror', (error) => seen.console.push({ type: 'error', text: String(error), url: page.url() }));

  pages.push(seen);
  return pages.length - 1;
}

// Chromium blocks third-party cookies unless its profile says otherwise.
function permissiveProfile() {
  const profile = mkdtempSync(join(home, 'profile-'));
  mkdirSync(join(profile, 'Default'));
  writeFileSync(join(profile, 'Default', 'Preferences'), JSON.stringify({
    profile: { cookie_controls_mode: 0, block_third_party_cookies: false },
  }));
  return profile;
}

async function newPage(context) {
  const page = await contexts[context].newPage();
  page.setDefaultTimeout(limit);
  return watch(page);
}

const frameOf = ({ page }, { frame }) => (frame ? page.frames()[frame] : page.mainFrame());

const state = (seen) => ({ ...seen.answer, url: seen.page.url(), asked: seen.hops.map(({ url }) => url) });

const operations = {
  async context({ options: { thirdPartyCookies, ...options } }) {
    const all = { ignoreHTTPSErrors: true, viewport: { width: 720, height: 480 }, ...options };
    contexts.push(thirdPartyCookies
      ? await chromium.launchPersistentContext(permissiveProfile(), { ...launchOptions, ...all })
      : await browser.newContext(all));
    return contexts.length - 1;
  },

  page: ({ context }) => newPage(context),

  async goto({ page, url }) {
    await pages[page].page.goto(url, { waitUntil: 'load' });
    return state(pages[page]);
  },

  // several tabs that a person opens in one go
  async tabs({ context, urls }) {
    const opened = await Promise.all(urls.map(() => newPage(context)));
    await Promise.all(opened.map((id, i) => operations.goto({ page: id, url: urls[i] })));
    return opened;
  },

  async click({ page, selector, frame }) {
    const seen = pages[page];
    const target = frameOf(seen, { frame });
    await Promise.all([
      target.waitForNavigation({ waitUntil: 'load', timeout: limit }),
      target.click(selector, { noWaitAfter: true }),
    ]);
    return state(seen);
  },

  // the Back button
  async back({ page }) {
    await pages[page].page.goBack({ waitUntil: 'load', timeout: limit });
    return state(pages[page]);
  },

  // a link that opens a tab: the number of that tab, which has been somewhere before it can be watched
  async popup({ page, selector }) {
    const seen = pages[page];
    const context = seen.page.context();
    const answers = [];
    const keep = (response) => answers.push(response);
    context.on('response', keep);
    const [opened] = await Promise.all([
      context.waitForEvent('page', { timeout: limit }),
      seen.page.click(selector),
    ]);
    const id = watch(opened);
    await opened.waitForLoadState('load', { timeout: limit });
    context.off('response', keep);
    pages[id].hops = answers
      .filter((response) => response.request().isNavigationRequest() && response.frame() === opened.mainFrame())
      .map((response) => ({ status: response.status(), url: response.url() }));
    return id;
  },

  fill: ({ page, selector, text, frame }) => frameOf(pages[page], { frame }).fill(selector, text),

  state: ({ page }) => state(pages[page]),

  text: ({ page, frame }) => frameOf(pages[page], { frame }).evaluate('document.body.innerText'),

  evaluate: ({ page, code, frame }) => frameOf(pages[page], { frame }).evaluate(code),

  // until the text of the page, or of any of its frames, has this in it
  async until({ page, pattern }) {
    const end = Date.now() + limit;
    for (;;) {
      const texts = await Promise.all(pages[page].page.frames().map(
        (frame) => frame.evaluate('document.body ? document.body.innerText : ""').catch(() => ''),
      ));
      const frame = texts.findIndex((text) => new RegExp(pattern).test(text));
      if (frame >= 0) return frame;
      if (Date.now() > end) throw new Error(`no /${pattern}/ in: ${JSON.stringify(texts)}`);
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  },

  cookies: ({ context }) => contexts[context].cookies(),

  clear_cookies: ({ context, name }) => contexts[context].clearCookies(name ? { name } : {}),

  seen: ({ page }) => ({ ...pages[page], page: undefined }),

  scheme: ({ page, scheme }) => pages[page].page.emulateMedia({ colorScheme: scheme }),

  axe: ({ page }) => axe(pages[page].page, AXE),

  legible: ({ page, ...how }) => legible(pages[page].page, AXE, how),

  reachable: ({ page, ...how }) => reachable(pages[page].page, how),

  // an answer that a server has given before, at an address: nothing else can be had there
  async show({ page, url, answer }) {
    const { page: view } = pages[page];
    await view.unrouteAll();
    await view.route('**/*', (route) => (
      route.request().isNavigationRequest() ? route.fulfill(answer) : route.abort()
    ));
    await view.goto(url, { waitUntil: 'load' });
    return state(pages[page]);
  },

  type: ({ page, text }) => pages[page].page.keyboard.type(text),

  // a key; with `go`, until the page it leads to is there
  async press({ page, key, go }) {
    const { page: view } = pages[page];
    await Promise.all([
      go ? view.waitForNavigation({ waitUntil: 'load', timeout: limit }) : undefined,
      view.keyboard.press(key),
    ]);
    return state(pages[page]);
  },

  async screenshot({ page, path }) {
    await pages[page].page.screenshot({ path, caret: 'hide', animations: 'disabled' });
  },

  async nobody() {
    await Promise.all(contexts.map((context) => context.close()));
  },

  version: () => browser.version(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await operations[op](rest)) ?? null };
  } catch (err) {
    answer = { error: String(err.message ?? err) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

await operations.nobody();
await browser.close();
