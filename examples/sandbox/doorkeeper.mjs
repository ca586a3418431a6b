// Dresses oidc-provider as vcita's server, which is Rails with Doorkeeper: its
// parameters, its error texts, its answers. Middleware around the provider; the
// decisions about codes, secrets and tokens stay the provider's.

import { parse } from 'node:querystring';

import { BadRequest, parseJson, readBody } from './body.mjs';

export const AUTHORIZE = '/app/oauth/authorize';

// A scope of our own. vcita's userinfo answers any good token, oidc-provider's
// only one with openid: so every request gets openid, and this mark where it
// did not ask for it and must get no id_token.
export const PLAIN_OAUTH = 'sandbox:plain-oauth';

const TEXTS = {
  invalid_request: 'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  invalid_client: 'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
  invalid_grant: 'The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
  invalid_scope: 'The requested scope is invalid, unknown, or malformed.',
  unsupported_grant_type: 'The authorization grant type is not supported by the authorization server.',
  unsupported_response_type: 'The authorization server does not support this response type.',
  access_denied: 'The resource owner or authorization server denied the request.',
  invalid_token: 'The access token is invalid',
};

const REQUIRED = {
  authorization_code: ['code', 'redirect_uri'],
  refresh_token: ['refresh_token'],
};

export function dressAsVcita(provider, { pkce, keepIss }) {
  return (ctx, next) => {
    if (ctx.path === '/oauth/authorize') ctx.path = AUTHORIZE;
    if (ctx.path === AUTHORIZE) return authorize(ctx, next);
    if (ctx.path.startsWith(`${AUTHORIZE}/`)) return redirected(ctx, next);
    if (ctx.path === '/oauth/token' && ctx.method === 'POST') return token(ctx, next);
    if (ctx.path === '/oauth/userinfo') return userinfo(ctx, next);
    return next();
  };

  async function authorize(ctx, next) {
    const query = { ...ctx.query };
    if (!Array.isArray(query.scope)) {
      const scopes = (query.scope ?? '').split(' ').filter(Boolean);
      if (!scopes.includes('openid')) scopes.push('openid', PLAIN_OAUTH);
      query.scope = scopes.join(' ');
    }
    if (!pkce) {
      delete query.code_challenge;
      delete query.code_challenge_method;
    }
    ctx.query = query;
    await redirected(ctx, next);
  }

  // Rails redirects with 302; `iss` marks the redirect to the app's callback.
  async function redirected(ctx, next) {
    await next();
    if (ctx.status !== 303) return;
    ctx.status = 302;
    const location = new URL(ctx.response.get('Location'), ctx.href);
    const query = location.searchParams;
    if (query.get('iss') !== provider.issuer) return;
    if (query.has('error')) query.set('error_description', textFor(query.get('error'), query.get('error_description')));
    if (!keepIss) query.delete('iss');
    ctx.redirect(location.href); // its body names the address too
  }

  async function token(ctx, next) {
    const params = await tokenParams(ctx);
    const refusal = params ? missing(params) : ['invalid_request'];
    if (refusal) return refuse(ctx, ...refusal);

    ctx.request.body = params;
    ctx.req.headers['content-type'] = 'application/x-www-form-urlencoded';
    ctx.req.headers.accept = 'application/json';
    delete ctx.req.headers.authorization; // the secret counts in the body only
    await next();

    const { body } = ctx;
    if (body.error) return refuse(ctx, body.error, body.error_description);
    const { AuthorizationCode: code, RefreshToken: refresh } = ctx.oidc.entities;
    ctx.body = {
      access_token: body.access_token,
      created_at: Math.floor(Date.now() / 1000),
      expires_in: body.expires_in,
      token_type: body.token_type,
      refresh_token: body.refresh_token,
      id_token: (code ?? refresh).scopes.has(PLAIN_OAUTH) ? undefined : body.id_token,
    };
    return undefined;
  }

  // What Doorkeeper finds wrong before it looks at the client.
  function missing(params) {
    const { grant_type: type } = params;
    if (!type) return ['invalid_request', 'Missing required parameter: grant_type.'];
    if (!Object.hasOwn(REQUIRED, type)) return ['unsupported_grant_type'];
    if (params.code_verifier && !pkce) return ['invalid_request'];
    const absent = REQUIRED[type].find((name) => !params[name]);
    if (absent) return ['invalid_request', `Missing required parameter: ${absent}.`];
    if (!params.client_id && !params.client_assertion) return ['invalid_client'];
    return undefined;
  }
}

// Forms and JSON alike, as Rails reads them; undefined for anything else.
async function tokenParams(ctx) {
  try {
    const text = await readBody(ctx.req);
    if (ctx.is('application/json')) return parseJson(text);
    return ctx.is('application/x-www-form-urlencoded') ? { ...parse(text) } : {};
  } catch (err) {
    if (err instanceof BadRequest) return undefined;
    throw err;
  }
}

async function userinfo(ctx, next) {
  ctx.req.headers.accept = 'application/json';
  await next();
  if (ctx.status < 400 || ctx.status >= 500) return;
  ctx.status = 401;
  ctx.body = { error: 'invalid_token', error_description: TEXTS.invalid_token };
}

function refuse(ctx, error, description) {
  ctx.status = error === 'invalid_client' ? 401 : 400;
  ctx.set('Cache-Control', 'no-store');
  ctx.body = { error, error_description: textFor(error, description) };
}

function textFor(error, fallback) {
  if (error === 'invalid_request' && fallback) return fallback;
  return TEXTS[error] ?? fallback ?? 'The request failed.';
}
