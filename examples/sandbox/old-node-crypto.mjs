// node:crypto with the function that Node 18 lacks: see old-node.mjs.

import { createHash } from 'node:crypto';

export * from 'node:crypto';

export function hash(algorithm, data, encoding = 'hex') {
  const digest = createHash(algorithm).update(data).digest();
  return encoding === 'buffer' ? digest : digest.toString(encoding);
}
