// The apps that may send people here: the ones named at start and the ones
// created through POST /platform/v1/apps, and how each looks to oidc-provider.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

const hex = (bytes) => randomBytes(bytes).toString('hex');

export class AppError extends Error {}

export class Apps {
  #byClientId = new Map();

  // "client_id:client_secret:redirect_uri[,redirect_uri...]"; only the first
  // two colons separate, a redirect_uri has colons of its own.
  addFromArgument(text) {
    const [, client_id, client_secret, uris] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
    if (!uris) throw new AppError('--app takes client_id:client_secret:redirect_uri');
    return this.add({ client_id, client_secret, name: client_id, oauth_redirect_uris: uris.split(',') });
  }

  addFromFile(file) {
    for (const app of JSON.parse(readFileSync(file, 'utf8'))) this.add(app);
  }

  // Takes the members that vcita's API documents, client_id and client_secret
  // where they shall not be made up, and jwks for keys that nobody serves.
  add(given) {
    const uris = given.oauth_redirect_uris ?? [];
    const app = {
      app_code_name: given.app_code_name ?? given.client_id,
      app_id: hex(8),
      client_id: given.client_id ?? hex(16),
      client_secret: given.client_secret ?? hex(32),
      name: given.name ?? given.client_id,
      access_token_format: 'opaque',
      client_auth_jwks_uri: given.client_auth_jwks_uri ?? null,
      jwks: given.jwks ?? null,
      redirect_uris: given.redirect_uri ? [given.redirect_uri, ...uris] : uris,
      scopes: given.scopes ?? null, // null: any
      trusted: given.trusted === true, // true: no consent page
    };
    if (given.openid === true && app.scopes && !app.scopes.includes('openid')) app.scopes.push('openid');
    this.#check(app);
    this.#byClientId.set(app.client_id, app);
    return app;
  }

  #check(app) {
    const text = (value) => typeof value === 'string' && value !== '';
    if (!text(app.name)) throw new AppError('name is missing');
    if (!text(app.app_code_name)) throw new AppError('app_code_name is missing');
    if (!app.redirect_uris.length) throw new AppError('redirect_uri is missing');
    if (!app.redirect_uris.every(isRedirectUri)) {
      throw new AppError('redirect_uri must be an absolute http(s) URI without a fragment');
    }
    if (app.client_auth_jwks_uri !== null && !isWebUri(app.client_auth_jwks_uri)) {
      throw new AppError('client_auth_jwks_uri must be an absolute http(s) URI');
    }
    if (app.jwks && !Array.isArray(app.jwks.keys)) throw new AppError('jwks has no keys');
    if (app.scopes && !(Array.isArray(app.scopes) && app.scopes.every(text))) {
      throw new AppError('scopes must be an array of strings');
    }
    for (const other of this.#byClientId.values()) {
      if (other.client_id === app.client_id) throw new AppError('client_id has already been taken');
      if (other.app_code_name === app.app_code_name) {
        throw new AppError('app_code_name has already been taken');
      }
    }
  }

  get(clientId) { return this.#byClientId.get(clientId); }

  // The app as oidc-provider's client metadata; undefined if there is none.
  // One with keys of its own signs, and its secret is worth nothing.
  clientMetadata(clientId) {
    const app = this.get(clientId);
    return app && {
      client_id: app.client_id,
      client_secret: app.client_secret,
      client_name: app.name,
      redirect_uris: app.redirect_uris,
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      ...authentication(app),
    };
  }
}

function authentication({ jwks, client_auth_jwks_uri: jwks_uri }) {
  const token_endpoint_auth_method = 'private_key_jwt';
  if (jwks) return { token_endpoint_auth_method, jwks };
  if (jwks_uri) return { token_endpoint_auth_method, jwks_uri };
  return { token_endpoint_auth_method: 'client_secret_post' };
}

const isRedirectUri = (value) => isWebUri(value) && !value.includes('#');

function isWebUri(value) {
  try {
    return /^https?:$/.test(new URL(value).protocol);
  } catch {
    return false;
  }
}
