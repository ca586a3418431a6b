// The apps that may send people here: the ones named at start and the ones
// created through POST /platform/v1/apps, and how each looks to oidc-provider.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

// What an app may ask to be told when it is opened.
export const URL_PARAMS = ['impersonate', 'business_uid', 'staff_role', 'staff_uid', 'payment_permissions',
  'language', 'package', 'brand_host'];

// What PUT /platform/v1/apps/{code} may change.
const CHANGEABLE = ['name', 'redirect_uri', 'oauth_redirect_uris', 'url_params', 'open_in_new_tab', 'scopes'];

const hex = (bytes) => randomBytes(bytes).toString('hex');

export class AppError extends Error {}

export class Apps {
  #byClientId = new Map();

  // "client_id:client_secret:redirect_uri[,redirect_uri...]"; only the first
  // two colons separate, a redirect_uri has colons of its own.
  addFromArgument(text) {
    const [, client_id, client_secret, uris] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
    if (!uris) throw new AppError('--app takes client_id:client_secret:redirect_uri');
    const [redirect_uri, ...oauth_redirect_uris] = uris.split(',');
    const url_params = ['business_uid', 'staff_uid', 'language', 'brand_host'];
    return this.add({ client_id, client_secret, name: client_id, redirect_uri, oauth_redirect_uris, url_params });
  }

  addFromFile(file) {
    for (const app of JSON.parse(readFileSync(file, 'utf8'))) this.add(app);
  }

  // What vcita's API asks of a new app, beyond what any app needs.
  create(given) {
    const { client_id, client_secret, ...documented } = given;
    checkRules(documented);
    return this.add(documented);
  }

  // Takes the members that vcita's API documents, client_id and client_secret
  // where they shall not be made up, and jwks for keys that are not served.
  add(given) {
    const app = {
      app_code_name: given.app_code_name ?? given.client_id,
      app_id: hex(8),
      client_id: given.client_id ?? hex(16),
      client_secret: given.client_secret ?? hex(32),
      name: given.name ?? given.client_id,
      access_token_format: 'opaque',
      client_auth_jwks_uri: given.client_auth_jwks_uri ?? null,
      jwks: given.jwks ?? null,
      redirect_uri: given.redirect_uri ?? null, // where "Open app" leads to
      oauth_redirect_uris: given.oauth_redirect_uris ?? [],
      url_params: given.url_params ?? [],
      open_in_new_tab: given.open_in_new_tab === true,
      scopes: given.scopes ?? null, // null: any
      trusted: given.trusted === true, // true: no consent page
    };
    if (given.openid === true && app.scopes && !app.scopes.includes('openid')) app.scopes.push('openid');
    this.#check(app);
    this.#byClientId.set(app.client_id, app);
    return app;
  }

  // Answers the app, changed, or undefined if there is none of that name.
  update(codeName, given) {
    const app = this.byCodeName(codeName);
    if (!app) return undefined;
    const changes = Object.fromEntries(CHANGEABLE.filter((name) => name in given).map((name) => [name, given[name]]));
    const changed = { ...app, ...changes };
    checkRules(changed);
    this.#check(changed);
    return Object.assign(app, changes);
  }

  #check(app) {
    if (!isText(app.name)) throw new AppError('name is missing');
    if (!isText(app.app_code_name)) throw new AppError('app_code_name is missing');
    if (!Array.isArray(app.oauth_redirect_uris)) throw new AppError('oauth_redirect_uris must be an array');
    if (!redirectUris(app).length) throw new AppError('redirect_uri is missing');
    if (!redirectUris(app).every(isRedirectUri)) {
      throw new AppError('redirect_uri must be an absolute http(s) URI without a fragment');
    }
    if (!isSubset(app.url_params, URL_PARAMS)) throw new AppError(`url_params may have ${URL_PARAMS.join(', ')}`);
    if (app.client_auth_jwks_uri !== null && !isWebUri(app.client_auth_jwks_uri)) {
      throw new AppError('client_auth_jwks_uri must be an absolute http(s) URI');
    }
    if (app.jwks && !Array.isArray(app.jwks.keys)) throw new AppError('jwks has no keys');
    if (app.scopes && !(Array.isArray(app.scopes) && app.scopes.every(isText))) {
      throw new AppError('scopes must be an array of strings');
    }
    for (const other of this.#byClientId.values()) {
      if (other.app_id === app.app_id) continue;
      if (other.client_id === app.client_id) throw new AppError('client_id has already been taken');
      if (other.app_code_name === app.app_code_name) {
        throw new AppError('app_code_name has already been taken');
      }
    }
  }

  get(clientId) { return this.#byClientId.get(clientId); }

  get all() { return [...this.#byClientId.values()]; }

  byCodeName(name) { return this.all.find(({ app_code_name: other }) => other === name); }

  // The app as oidc-provider's client metadata; undefined if there is none.
  // One with keys of its own signs, and its secret is worth nothing.
  clientMetadata(clientId) {
    const app = this.get(clientId);
    return app && {
      client_id: app.client_id,
      client_secret: app.client_secret,
      client_name: app.name,
      redirect_uris: redirectUris(app),
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

// vcita's rules for an app's own data. http is for tests on this machine.
function checkRules({ name, app_code_name: code, redirect_uri: uri }) {
  if (!isText(name) || name.length < 3 || name.length > 25) throw new AppError('name must have 3 to 25 characters');
  if (!isText(code) || !/^[A-Za-z0-9]+$/.test(code)) throw new AppError('app_code_name may have letters and digits only');
  if (!/^(https:|http:\/\/(127\.0\.0\.1|localhost)[:/])/.test(uri)) throw new AppError('redirect_uri must be a valid https URL');
}

const redirectUris = ({ redirect_uri: landing, oauth_redirect_uris: others }) => (landing ? [landing, ...others] : others);

const isText = (value) => typeof value === 'string' && value !== '';

const isSubset = (values, of) => Array.isArray(values) && values.every((value) => of.includes(value));

const isRedirectUri = (value) => isWebUri(value) && !value.includes('#');

function isWebUri(value) {
  try {
    return /^https?:$/.test(new URL(value).protocol);
  } catch {
    return false;
  }
}
