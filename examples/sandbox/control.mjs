// The endpoints that are no part of OAuth: vcita's platform API for apps, for
// revoking tokens and for signed tokens, and the sandbox's own switches under
// /sandbox/.

import { AppError } from './apps.mjs';
import { BadRequest, readJson, sendJson } from './body.mjs';

export function makeControl({ apps, users, store, tokens, consents, faults, stats, listeners, options }) {
  const routes = {
    'POST /platform/v1/apps': createApp,
    'PUT /platform/v1/apps/CODE': updateApp,
    'POST /platform/v1/tokens/revoke': revokeToken,
    'POST /v3/apps/compact_jws_tokens': createSignedToken,
    'GET /v3/apps/.well-known/jwks.json': async (req, res) => sendJson(res, 200, await tokens.keySet()),

    'GET /sandbox/stats': (req, res) => sendJson(res, 200, stats),
    'POST /sandbox/stats/reset': (req, res) => {
      stats.reset();
      sendJson(res, 200, stats);
    },
    'GET /sandbox/faults': (req, res) => sendJson(res, 200, faults.list()),
    'POST /sandbox/faults': async (req, res) => {
      for (const fault of [await readJson(req)].flat()) faults.add(fault);
      sendJson(res, 200, faults.list());
    },
    'DELETE /sandbox/faults': (req, res, url) => {
      faults.clear(url.searchParams.get('endpoint'));
      sendJson(res, 200, faults.list());
    },
    'DELETE /sandbox/consents': (req, res) => {
      consents.clear();
      sendJson(res, 200, {});
    },
    'POST /sandbox/down': (req, res) => {
      listeners.down();
      sendJson(res, 200, { https: false });
    },
    'POST /sandbox/up': async (req, res) => {
      await listeners.up();
      sendJson(res, 200, { https: true });
    },
    'POST /sandbox/revoke': revokeAny,
    'POST /sandbox/keys': async (req, res) => sendJson(res, 200, await tokens.rotate(await readJson(req))),
    'POST /sandbox/signed-tokens': async (req, res) => {
      tokens.order(await readJson(req));
      sendJson(res, 200, {});
    },
  };

  // Answers false for a request that is none of these.
  return async function control(req, res, url) {
    const path = url.pathname.replace(/^(\/platform\/v1\/apps)\/[^/]+$/, '$1/CODE');
    const route = routes[`${req.method} ${path}`];
    if (!route) return false;
    try {
      await route(req, res, url);
    } catch (err) {
      if (!(err instanceof AppError || err instanceof BadRequest)) throw err;
      sendError(res, 400, err.message);
    }
    return true;
  };

  async function createApp(req, res) {
    const given = await readJson(req);
    if (req.headers.authorization !== `Bearer ${options.directoryToken}`) {
      return sendError(res, 401, 'Unauthorized');
    }
    return sendJson(res, 201, { data: shown(apps.create(given)), status: 'OK' });
  }

  async function updateApp(req, res, url) {
    const given = await readJson(req);
    if (req.headers.authorization !== `Bearer ${options.directoryToken}`) {
      return sendError(res, 401, 'Unauthorized');
    }
    const app = apps.update(url.pathname.split('/').pop(), given);
    if (!app) return sendError(res, 404, 'Not found');
    const { client_secret, ...data } = shown(app); // a secret is shown once
    return sendJson(res, 200, { data, status: 'OK' });
  }

  // A token may revoke those of its own user, itself too.
  async function revokeToken(req, res) {
    const { token } = await readJson(req);
    const user = await bearer(req);
    if (!user) return sendError(res, 401, 'Unauthorized');
    const owner = await store.userOf(token);
    if (!owner) return sendError(res, 422, 'invalid token');
    if (owner !== user) return sendError(res, 422, 'Unauthorized');
    store.revokeToken(token);
    return sendJson(res, 201, { status: 'OK', data: { revoked_tokens: [token] } });
  }

  // Apps belong to the staff of a business: a client's token makes none.
  async function createSignedToken(req, res) {
    const { app_code_name: codeName } = await readJson(req);
    const user = users.bySub(await bearer(req));
    if (!user || user.type === 'client') return sendError(res, 401, 'Unauthorized');
    const app = apps.byCodeName(codeName);
    if (!app) return sendError(res, 400, 'app_code_name is not the name of an app');
    return sendJson(res, 200, { success: true, data: await tokens.create(app, user) });
  }

  // The sub of the user whose access token came with the request.
  function bearer(req) {
    const [, token] = /^Bearer (\S+)$/.exec(req.headers.authorization ?? '') ?? [];
    return store.userOf(token);
  }

  async function revokeAny(req, res) {
    const { token, sub } = await readJson(req);
    if (!token && !sub) throw new BadRequest('token or sub is missing');
    const revoked = token ? store.revokeToken(token) : store.revokeSub(users.byName(sub)?.sub ?? sub);
    sendJson(res, 200, { revoked });
  }
}

function shown(app) {
  const { redirect_uri, oauth_redirect_uris, url_params, open_in_new_tab, scopes, trusted, jwks, ...data } = app;
  return data;
}

export function sendError(res, status, error) {
  sendJson(res, status, { status: 'Error', error });
}
