// The login and the consent page: what happens when a person fills them in.
// oidc-provider sends the browser to /login/ID and takes it back afterwards.

import { parse } from 'node:querystring';

import { readBody } from './body.mjs';
import { consentPage, errorPage, loginPage, sendPage } from './pages.mjs';

// Who has allowed which app; as at vcita, asked once.
export class Consents {
  #given = new Set();

  add(sub, clientId) { this.#given.add(`${sub} ${clientId}`); }

  clear() { this.#given.clear(); }

  has(sub, clientId) { return this.#given.has(`${sub} ${clientId}`); }
}

export function makeInteractions({ provider, apps, users, consents }) {
  return async function interact(req, res) {
    let page;
    try {
      page = await provider.interactionDetails(req, res);
    } catch {
      return sendPage(res, 400, errorPage('expired', 'This page has expired. Go back to the app and start again.'));
    }
    const form = req.method === 'POST' ? parse(await readBody(req)) : undefined;
    if (form?.answer === 'deny') return finish(req, res, { error: 'access_denied' });
    return page.prompt.name === 'login' ? login(req, res, page, form) : consent(req, res, page, form);
  };

  async function login(req, res, page, form) {
    const app = apps.get(page.params.client_id);
    if (!form) return sendPage(res, 200, loginPage({ app, users }));

    const user = form.user ? users.byName(form.user) : form.password && users.byLogin(form.email ?? '');
    if (!user) {
      return sendPage(res, 422, loginPage({ app, users, email: form.email, failed: true }));
    }
    if (page.session && page.session.accountId !== user.sub) await forgetSession(page);
    return finish(req, res, { login: { accountId: user.sub } });
  }

  async function consent(req, res, page, form) {
    const app = apps.get(page.params.client_id);
    const user = users.bySub(page.session.accountId);
    if (form?.answer !== 'allow') return sendPage(res, 200, consentPage({ app, user }));
    consents.add(user.sub, app.client_id);
    return finish(req, res, { consent: {} });
  }

  // Someone else signs in: the provider would ask the old user to sign out first.
  async function forgetSession(page) {
    const session = await provider.Session.findByUid(page.session.uid);
    await session?.destroy();
    page.session = undefined;
    await page.save(page.exp - Math.floor(Date.now() / 1000));
  }

  function finish(req, res, result) {
    const mergeWithLastSubmission = !result.error;
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission });
  }
}
