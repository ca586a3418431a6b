// Opens apps as vcita does: the Apps page of the person who is signed in, at
// each brand's host, and an app in a frame. An app's landing page is told what
// it has asked for in its url_params; one in a frame may ask for signed tokens.

import { sendJson } from './body.mjs';
import { brandOf, BRAND_HOSTS } from './brands.mjs';
import { AUTHORIZE } from './doorkeeper.mjs';
import { appsPage, framePage } from './launch-pages.mjs';
import { errorPage, sendPage } from './pages.mjs';

// The Apps page signs people in as any app does, at the same authorize endpoint.
const CLIENT_ID = 'vcita-apps';

// The page, an app's frame below it, where the page around the frame gets its
// tokens, and what chooses a person at authorize.
const PAGE = '/apps';
const OWN_PATH = /^\/apps(\/[A-Za-z0-9_-]+)?$/;
const TOKEN_PATH = /^\/apps\/([A-Za-z0-9_-]+)\/token$/;
const CHOICES = ['sandbox_user', 'prompt'];

const VALUES = {
  impersonate: () => 'false',
  business_uid: ({ user }) => user.business_uid,
  staff_role: ({ user }) => user.role,
  staff_uid: ({ user }) => user.sub,
  payment_permissions: ({ user }) => String(user.role === 'owner'),
  language: ({ user }) => user.brand_theme?.locale ?? 'en',
  package: () => 'premium',
  brand_host: ({ brand }) => brand.host,
};

export function makeLaunch({ provider, apps, users, tokens, urls }) {
  apps.add({ client_id: CLIENT_ID, name: 'vcita', trusted: true, oauth_redirect_uris: ownAddresses(urls) });

  // Answers false for a path that is none of these.
  return async function launch(req, res, url) {
    const [, asking] = TOKEN_PATH.exec(url.pathname) ?? [];
    if (asking && req.method === 'POST') return giveToken(req, res, asking);
    if (!OWN_PATH.test(url.pathname) || req.method !== 'GET') return false;
    const { searchParams: query } = url;
    const back = query.get('state');
    const returned = query.has('code') && OWN_PATH.test(back ?? '');
    const user = await signedIn(req, res);

    if (query.has('error') || (returned && !user)) {
      sendPage(res, 400, errorPage('signed_out', 'You are not signed in. Open the Apps page again.'));
    } else if (returned) {
      redirect(res, back);
    } else if (!user || CHOICES.some((name) => query.has(name))) {
      redirect(res, signInAddress(req, url));
    } else {
      show(res, url.pathname.split('/')[2], { user, brand: brandOf(req.headers.host) });
    }
    return true;
  };

  async function signedIn(req, res) {
    const { accountId } = await provider.Session.get(provider.createContext(req, res));
    return users.bySub(accountId);
  }

  async function giveToken(req, res, codeName) {
    const user = await signedIn(req, res);
    const app = apps.byCodeName(codeName);
    if (!user || !app) sendJson(res, 401, { status: 'Error', error: 'Unauthorized' });
    else sendJson(res, 200, { success: true, data: await tokens.create(app, user) });
    return true;
  }

  function show(res, codeName, { user, brand }) {
    const shown = apps.all.filter((app) => app.redirect_uri);
    const view = { user, brand, businesses: users.sameEmail(user) };
    if (!codeName) {
      const entries = shown.map((app) => ({ app, address: landing(app, { user, brand }) }));
      return sendPage(res, 200, appsPage({ ...view, entries }));
    }
    const app = shown.find(({ app_code_name: name }) => name === codeName);
    if (!app) return sendPage(res, 404, errorPage('not_found', 'There is no such app.'));
    return sendPage(res, 200, framePage({ ...view, app, address: landing(app, { user, brand }) }));
  }
}

// The address that an app is opened at.
export function landing(app, context) {
  const url = new URL(app.redirect_uri);
  for (const name of app.url_params) url.searchParams.append(name, VALUES[name](context) ?? '');
  return url.href;
}

function signInAddress(req, url) {
  const query = new URLSearchParams({
    response_type: 'code', client_id: CLIENT_ID, redirect_uri: origin(req) + PAGE, scope: 'openid', state: url.pathname,
  });
  for (const name of CHOICES) {
    if (url.searchParams.has(name)) query.set(name, url.searchParams.get(name));
  }
  return `${AUTHORIZE}?${query}`;
}

const origin = (req) => `${req.socket.encrypted ? 'https' : 'http'}://${req.headers.host}`;

// Where the Apps page is: at each address of this server, and at each brand's.
function ownAddresses({ http, https, public: shown }) {
  const names = ['localhost', '127.0.0.1', ...BRAND_HOSTS];
  const own = [http, https].filter(Boolean).flatMap((url) => (
    names.map((name) => new URL(url.replace(/\/\/[^:]+/, `//${name}`)).origin)
  ));
  return [...new Set([...own, ...(shown ? [new URL(shown).origin] : [])])].map((url) => url + PAGE);
}

function redirect(res, location) {
  res.writeHead(302, { Location: location, 'Cache-Control': 'no-store' });
  res.end();
}
