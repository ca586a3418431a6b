// Configures npm oidc-provider, which is the OAuth core: it makes and checks
// codes, tokens, secrets, redirect URIs and PKCE.

import './quiet.mjs';
import './old-node.mjs';

import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

import { AUTHORIZE, PLAIN_OAUTH, dressAsVcita } from './doorkeeper.mjs';
import { errorPage } from './pages.mjs';

// after old-node.mjs has run, which an import at the head would not wait for
const { Provider, errors } = await import('oidc-provider');

const SECONDS = { code: 30, token: 631_139_040, page: 600, session: 24 * 3600 };

export async function makeProvider({ issuer, store, apps, users, consents, stats, options }) {
  const provider = new Provider(issuer, {
    adapter: store.adapter,
    jwks: await makeKeys(),
    routes: {
      authorization: AUTHORIZE, token: '/oauth/token', userinfo: '/oauth/userinfo', jwks: '/oauth/jwks',
    },
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_post', 'private_key_jwt'],
    fetch: fetchKeys,
    clientDefaults: { id_token_signed_response_alg: options.idTokenAlg },
    pkce: { required: () => false },
    issueRefreshToken: () => options.refreshToken,
    expiresWithSession: () => false, // signing out of vcita ends no app's token
    scopes: ['openid', PLAIN_OAUTH],
    claims: { openid: users.claimNames },
    conformIdTokenClaims: false,
    ttl: {
      AuthorizationCode: SECONDS.code,
      AccessToken: SECONDS.token,
      RefreshToken: SECONDS.token,
      Grant: SECONDS.token,
      IdToken: 3600,
      Interaction: SECONDS.page,
      Session: SECONDS.session,
    },
    // Cookies do not know ports: these must not meet an app's on this machine.
    cookies: {
      names: { session: 'sandbox_sid', interaction: 'sandbox_page', resume: 'sandbox_resume' },
    },
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: { enabled: false },
    },
    extraParams: { sandbox_deny: denyIfAsked, sandbox_user: signInAtOnce },
    interactions: { url: (ctx, { uid }) => `/login/${uid}` },
    findAccount,
    loadExistingGrant,
    renderError(ctx, { error, error_description: description }) {
      ctx.type = 'html';
      ctx.body = errorPage(error, description);
    },
  });

  // vcita's tokens are 64 hex digits.
  provider.AccessToken.prototype.generateTokenId = function generateTokenId() {
    this.format = 'opaque';
    return randomBytes(32).toString('hex');
  };

  provider.silent = true;
  provider.use(dressAsVcita(provider, options));
  provider.on('access_token.saved', () => stats.count('tokens'));
  provider.on('authorization_code.saved', () => stats.count('codes'));
  provider.on('server_error', (ctx, err) => console.error('oidc-provider:', err));
  return provider;

  function findAccount(ctx, sub) {
    const user = users.bySub(sub);
    return user && {
      accountId: sub,
      claims: (use) => (use === 'id_token' ? { sub, business_id: user.business_id } : user),
    };
  }

  // Each login has a grant of its own, so a code that is used twice ends the
  // tokens of that one login only. None: the consent page is shown.
  async function loadExistingGrant({ oidc }) {
    const { client: { clientId }, session: { accountId }, params } = oidc;
    const agreed = oidc.atOnce || apps.get(clientId).trusted || consents.has(accountId, clientId);
    if (!agreed) return undefined;
    const grant = new provider.Grant({ clientId, accountId });
    grant.addOIDCScope(params.scope);
    await grant.save();
    return grant;
  }

  // The two checks below run at each authorize request, with or without the
  // parameter that they are named after.
  function denyIfAsked({ oidc }, value) {
    const { scopes } = apps.get(oidc.client.clientId);
    const asked = oidc.params.scope.split(' ');
    const wanted = asked.includes(PLAIN_OAUTH)
      ? asked.filter((scope) => scope !== PLAIN_OAUTH && scope !== 'openid')
      : asked;
    if (scopes && !wanted.every((scope) => scopes.includes(scope))) throw new errors.InvalidScope('');
    if (value) throw new errors.AccessDenied();
  }

  function signInAtOnce({ oidc }, value) {
    const name = value ?? options.auto;
    if (!name) return;
    const user = users.byName(name);
    if (!user) throw new errors.InvalidRequest('sandbox_user is not one of the users');
    oidc.session.loginAccount({ accountId: user.sub, transient: true });
    oidc.atOnce = true;
    oidc.params.prompt = undefined;
    oidc.params.max_age = undefined;
  }
}

// Gets an app's client_auth_jwks_uri. Without the provider's own dispatcher,
// which refuses loopback: a test's keys are served nowhere else.
const fetchKeys = (url, { dispatcher, ...options }) => fetch(url, options);

// One key for each algorithm that an id_token may be signed with.
async function makeKeys() {
  const generate = promisify(generateKeyPair);
  const [rsa, ec] = await Promise.all([
    generate('rsa', { modulusLength: 2048 }),
    generate('ec', { namedCurve: 'P-256' }),
  ]);
  const jwk = ({ privateKey }, alg) => ({
    ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: randomBytes(8).toString('hex'),
  });
  return { keys: [jwk(rsa, 'RS256'), jwk(ec, 'ES256')] };
}
