// Where oidc-provider keeps codes, tokens, grants and sessions: plain maps in
// memory. Its own in-memory adapter is one LRU of 1,000 entries for everything,
// which a few hundred logins would already push live tokens out of.

const NEWEST = 50_000; // of each kind; older ones are dropped, so memory stays bounded

export class Store {
  #apps;

  #kinds = new Map();

  constructor(apps) { this.#apps = apps; }

  // The shape oidc-provider asks for: a function from a model's name to its adapter.
  adapter = (name) => {
    if (name === 'Client') return { find: async (id) => this.#apps.clientMetadata(id) };
    return this.#kind(name);
  };

  #kind(name) {
    if (!this.#kinds.has(name)) this.#kinds.set(name, new Kind());
    return this.#kinds.get(name);
  }

  // The sub of the user that an access token belongs to, while it is good.
  async userOf(token) {
    return (await this.#kind('AccessToken').find(token))?.accountId;
  }

  // Both answer the number of access tokens that this ended.
  revokeToken(token) {
    return this.#kind('AccessToken').remove((_, id) => id === token);
  }

  revokeSub(sub) {
    return this.#kind('AccessToken').remove(({ accountId }) => accountId === sub);
  }
}

class Kind {
  #entries = new Map();

  #ids = new Map(); // a session's uid -> its id

  async upsert(id, payload, seconds) {
    const expires = seconds ? Date.now() + seconds * 1000 : Infinity;
    this.#entries.set(id, { payload, expires });
    if (payload.uid) this.#ids.set(payload.uid, id);
    if (this.#entries.size > NEWEST) await this.destroy(this.#entries.keys().next().value);
  }

  async find(id) {
    const entry = this.#entries.get(id);
    if (entry && entry.expires <= Date.now()) await this.destroy(id);
    else return entry?.payload;
    return undefined;
  }

  async findByUid(uid) { return this.find(this.#ids.get(uid)); }

  async consume(id) {
    this.#entries.get(id).payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    const uid = this.#entries.get(id)?.payload.uid;
    if (this.#ids.get(uid) === id) this.#ids.delete(uid);
    this.#entries.delete(id);
  }

  async revokeByGrantId(grantId) { this.remove((payload) => payload.grantId === grantId); }

  remove(test) {
    let removed = 0;
    for (const [id, { payload }] of this.#entries) {
      if (test(payload, id)) {
        this.#entries.delete(id);
        removed += 1;
      }
    }
    return removed;
  }
}
