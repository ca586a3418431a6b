// The people who can sign in, by the short name that --auto and sandbox_user
// take. A user's record is what userinfo answers, word for word.

import { readFileSync } from 'node:fs';

const directory = {
  directory_uid: 'u6g6s4q3386zs6j2',
  brand_host: 'clients.example.biz',
  brand_theme: {
    colors: { primary: '#0a7cff', secondary: '#f2f5f9' },
    locale: 'en',
    logo: null,
  },
};

const business = (uid, name) => ({
  business_id: uid,
  business_uid: uid,
  business_name: name,
  ...directory,
});

const tiara = business('ed469f8764326a66', 'Tiara Studio');
const other = business('1111111111111111', 'Other Business');

const builtIn = {
  alice: {
    sub: 'a383717599bf1893', type: 'staff', role: 'owner', email: 'alice@example.biz', ...tiara,
  },
  bob: {
    sub: 'b0b7175991893a38', type: 'staff', role: 'staff', email: 'bob@example.biz', ...tiara,
  },
  mallory: {
    sub: 'ba11080000000001', type: 'staff', role: 'owner', email: 'mallory@other.example', ...other,
  },
  carl: {
    sub: 'ca71c11e00000001',
    type: 'client',
    role: 'client',
    email: 'carl@client.example',
    ...tiara,
    matters: ['7a1b2c3d4e5f6071', '7a1b2c3d4e5f6072'],
  },
  // one person of two businesses: in each she is another member of the staff
  dana: {
    sub: 'da9a000000000001', type: 'staff', role: 'manager', email: 'dana@example.biz', ...tiara,
  },
  dana2: {
    sub: 'da9a000000000002', type: 'staff', role: 'owner', email: 'dana@example.biz', ...other,
  },
};

export class Users {
  #byName;

  #bySub;

  constructor(records = builtIn) {
    this.#byName = new Map(Object.entries(records));
    this.#bySub = new Map(Object.values(records).map((user) => [user.sub, user]));
    for (const [name, { sub }] of this.#byName) {
      if (typeof sub !== 'string' || !sub) throw new Error(`user "${name}" has no sub`);
    }
    if (this.#bySub.size < this.#byName.size) throw new Error('two users have the same sub');
  }

  static fromFile(file) {
    return new Users(JSON.parse(readFileSync(file, 'utf8')));
  }

  get names() { return [...this.#byName.keys()]; }

  get claimNames() {
    return [...new Set([...this.#byName.values()].flatMap(Object.keys))];
  }

  byName(name) { return this.#byName.get(name); }

  // The records of one person, one for each of her businesses, by short name.
  sameEmail({ sub, email }) {
    return [...this.#byName].filter(([, user]) => user.sub === sub || (email && user.email === email));
  }

  bySub(sub) { return this.#bySub.get(sub); }

  // What a person types into the login form: an email address or a short name.
  byLogin(login) {
    const wanted = login.trim().toLowerCase();
    return this.byName(wanted)
      ?? [...this.#byName.values()].find(({ email }) => email?.toLowerCase() === wanted);
  }
}
