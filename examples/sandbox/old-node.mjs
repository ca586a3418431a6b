// Lets oidc-provider run on Node 18, which is Debian 12's: adds the functions of
// later versions that it calls.  Is loaded before it, and by Node once more for
// its hook, in a thread of the loader.

import * as crypto from 'node:crypto';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread && !('hash' in crypto)) {
  register(import.meta.url);
}

globalThis.crypto ??= crypto.webcrypto;
globalThis.CryptoKey ??= crypto.webcrypto.CryptoKey;
URL.parse ??= (...args) => {
  try {
    return new URL(...args);
  } catch {
    return null;
  }
};

// the tests' own: Debian's Node has an older fetch()
Headers.prototype.getSetCookie ??= function getSetCookie() {
  return (this.get('set-cookie') ?? '').split(/, (?=[^\s;,=]+=)/).filter(Boolean);
};

// A built-in module gets no new exports, so oidc-provider gets another module.
export async function resolve(specifier, context, next) {
  return specifier === 'node:crypto' && context.parentURL?.includes('/oidc-provider/')
    ? { url: new URL('old-node-crypto.mjs', import.meta.url).href, shortCircuit: true }
    : next(specifier, context);
}
