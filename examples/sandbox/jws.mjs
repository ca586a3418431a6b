// Signed tokens for apps in a frame: vcita's compact JWS, and the key set that
// verifies them.

import { generateKeyPair, randomBytes, randomUUID, sign } from 'node:crypto';
import { promisify } from 'node:util';

import { BadRequest } from './body.mjs';

const LIFE = 300; // seconds
const KEPT = 9; // keys, at most, of those that sign no more

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class SignedTokens {
  #keys; // the first one signs; they are made when the first token is

  #orders = [];

  // As vcita's reference shows one: the kid is in the payload.
  async create(app, user) {
    const [{ kid, privateKey }] = await this.#all();
    const { left = LIFE, actor_uid = user.sub, actor_type = user.type } = this.#order();
    const { business_uid, directory_uid, sub, type: sub_type } = user;
    const exp = Math.floor(Date.now() / 1000) + left;
    const claims = {
      business_uid, directory_uid, actor_uid, actor_type, sub, sub_type, iss: 'intandem',
      aud: app.app_code_name, kid, iat: exp - LIFE, exp, jti: randomUUID(),
    };
    const text = `${encode({ alg: 'RS256', typ: 'JWT' })}.${encode(claims)}`;
    return {
      uid: randomBytes(8).toString('hex'),
      token: `${text}.${sign('sha256', text, privateKey).toString('base64url')}`,
      expiry_date: new Date(exp * 1000).toISOString(),
      app_code_name: app.app_code_name,
    };
  }

  async keySet() {
    return { keys: (await this.#all()).map(({ jwk }) => jwk) };
  }

  // A new key signs from now on; of those before it, `keep` stay in the set.
  async rotate({ keep = 1 }) {
    if (!Number.isInteger(keep) || keep < 0 || keep > KEPT) throw new BadRequest(`keep must be a number from 0 to ${KEPT}`);
    const [key, before] = await Promise.all([makeKey(), this.#all()]);
    this.#keys = [key, ...before.slice(0, keep)];
    return this.keySet();
  }

  // How the next `count` tokens, or all from now on, differ from others.
  order({ count = Infinity, ...order }) {
    const { left = LIFE, actor_uid = '', actor_type = '' } = order;
    if (!(count > 0)) throw new BadRequest('count must be a positive number');
    if (!Number.isInteger(left)) throw new BadRequest('left must be a number of seconds');
    if (typeof actor_uid !== 'string' || typeof actor_type !== 'string') {
      throw new BadRequest('actor_uid and actor_type must be strings');
    }
    this.#orders = [...this.#orders.filter((other) => other.count < Infinity), { ...order, count }];
  }

  #order() {
    const [order = {}] = this.#orders;
    order.count -= 1;
    if (order.count === 0) this.#orders.shift();
    return order;
  }

  #all() {
    this.#keys ??= makeKey().then((key) => [key]);
    return this.#keys;
  }
}

async function makeKey() {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
}
