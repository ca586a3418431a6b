// Puts the parts together behind the two listeners. A request passes, in this
// order: the counters, the throttle, a fault, and then the part that serves its path.

import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Apps } from './apps.mjs';
import { makeControl, sendError } from './control.mjs';
import { AUTHORIZE } from './doorkeeper.mjs';
import { Faults } from './faults.mjs';
import { Consents, makeInteractions } from './interactions.mjs';
import { SignedTokens } from './jws.mjs';
import { makeLaunch } from './launch.mjs';
import { defaults } from './options.mjs';
import { makeProvider } from './provider.mjs';
import { Rate } from './rate.mjs';
import { Stats } from './stats.mjs';
import { Store } from './store.mjs';
import { makeCertificates } from './tls.mjs';
import { Users } from './users.mjs';

const ENDPOINTS = {
  [AUTHORIZE]: 'authorize',
  '/oauth/authorize': 'authorize',
  '/oauth/token': 'token',
  '/oauth/userinfo': 'userinfo',
  '/oauth/jwks': 'jwks',
  '/platform/v1/apps': 'apps',
  '/platform/v1/tokens/revoke': 'revoke',
  '/v3/apps/compact_jws_tokens': 'signed',
  '/v3/apps/.well-known/jwks.json': 'keys',
};

const THROTTLED = ['token', 'userinfo'];

export async function startSandbox(given = {}) {
  const options = { ...defaults, ...given };
  const users = options.users ? Users.fromFile(options.users) : new Users();
  if (options.auto && !users.byName(options.auto)) throw new Error(`no user "${options.auto}"`);
  const apps = new Apps();
  if (options.appsFile) apps.addFromFile(options.appsFile);
  for (const app of options.app) apps.addFromArgument(app);

  const store = new Store(apps);
  const consents = new Consents();
  const tokens = new SignedTokens();
  const stats = new Stats();
  const rate = new Rate(options.rate);
  const faults = new Faults([...new Set(Object.values(ENDPOINTS))]);
  let core;

  const listeners = new Listeners(options, (req, res) => {
    serve(req, res).catch((err) => {
      if (res.destroyed) return;
      console.error(err);
      if (!res.headersSent) sendError(res, 500, 'Internal error');
    });
  });
  const control = makeControl({
    apps, users, store, tokens, consents, faults, stats, listeners, options,
  });
  try {
    await listeners.open();
    core = makeCore(); // only now: the issuer names the port
    await core;
  } catch (err) {
    listeners.close();
    throw err;
  }
  return { ...listeners.urls, ca: listeners.ca, stop: () => listeners.close() };

  async function makeCore() {
    const issuer = listeners.urls.https ?? listeners.urls.http;
    const provider = await makeProvider({ issuer, store, apps, users, consents, stats, options });
    return {
      provide: provider.callback(),
      interact: makeInteractions({ provider, apps, users, consents }),
      launch: makeLaunch({
        provider, apps, users, tokens, urls: { ...listeners.urls, public: options.public },
      }),
    };
  }

  async function serve(req, res) {
    const url = new URL(req.url, 'http://localhost');
    const endpoint = ENDPOINTS[url.pathname.replace(/^(\/platform\/v1\/apps)\/.*/, '$1')] ?? 'other';
    const { method } = req;
    const own = url.pathname.startsWith('/sandbox/');
    if (!own) stats.watch(endpoint, res, (status) => log(method, url.pathname, status));

    if (THROTTLED.includes(endpoint) && !rate.admit()) {
      stats.count('rate_rejected');
      return rate.refuse(res);
    }
    if (await faults.strike(endpoint, res)) return undefined;
    if (res.destroyed) return undefined;

    if (await control(req, res, url)) return undefined;
    const { provide, interact, launch } = await core;
    if (await launch(req, res, url)) return undefined;
    if (url.pathname.startsWith('/login/')) return interact(req, res);
    if (own) return sendError(res, 404, 'Not found');
    return provide(req, res);
  }

  // An interaction's id is a secret of its browser, so /login/ID is cut.
  function log(method, path, status) {
    if (!options.verbose) return;
    const shown = path.replace(/^(\/login|\/app\/oauth\/authorize)\/.*/, '$1/...');
    process.stderr.write(`${method} ${shown} ${status}\n`);
  }
}

class Listeners {
  urls = { http: null, https: null };

  ca = null;

  #servers = [];

  #secure; // the https one, and its port

  #temporary;

  constructor(options, handler) {
    this.options = options;
    this.handler = handler;
  }

  async open() {
    const { http: httpPort, https: httpsPort } = this.options;
    if (httpPort !== undefined) {
      const port = await this.#listen(http.createServer(this.handler), httpPort);
      this.urls.http = `http://127.0.0.1:${port}`;
    }
    if (httpsPort !== undefined) {
      const { ca, cert, key } = makeCertificates(this.#dir());
      const server = https.createServer({ cert, key }, this.handler);
      const port = await this.#listen(server, httpsPort);
      this.#secure = { server, port };
      this.urls.https = `https://localhost:${port}`;
      this.ca = ca;
    }
  }

  #dir() {
    if (this.options.dir) return this.options.dir;
    this.#temporary = mkdtempSync(join(tmpdir(), 'vcita-sandbox-'));
    return this.#temporary;
  }

  #listen(server, port) {
    if (!this.#servers.includes(server)) this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host: '127.0.0.1', backlog: 1024 }, () => resolve(server.address().port));
    });
  }

  // https refuses connections, and drops those that there are, until up again
  down() {
    this.#secure?.server.close();
    this.#secure?.server.closeAllConnections();
  }

  async up() {
    const { server, port } = this.#secure ?? {};
    if (server && !server.listening) await this.#listen(server, port);
  }

  close() {
    for (const server of this.#servers) {
      server.close();
      server.closeAllConnections();
    }
    if (this.#temporary) rmSync(this.#temporary, { recursive: true, force: true });
  }
}
