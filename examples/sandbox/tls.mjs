// Makes a certificate authority and a server certificate in a folder, with the
// openssl command line. Everything is made anew at each start; EC P-256 is fast.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { BRAND_HOSTS } from './brands.mjs';

const NAMES = ['DNS:localhost', 'IP:127.0.0.1', 'DNS:vcita.test', // and vcita's own, for an /etc/hosts
  'DNS:api.vcita.biz', 'DNS:app.vcita.com', ...BRAND_HOSTS.map((host) => `DNS:${host}`)].join();
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeCertificates(dir) {
  mkdirSync(dir, { recursive: true });
  const file = (name) => join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });

  openssl('req', '-x509', ...NEW_KEY, '-days', '30', '-subj', '/CN=vcita sandbox CA',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign',
    '-keyout', file('ca.key'), '-out', file('ca.pem'));

  openssl('req', ...NEW_KEY, '-subj', '/CN=vcita sandbox',
    '-keyout', file('server.key'), '-out', file('server.csr'));

  writeFileSync(file('server.ext'), [
    `subjectAltName=${NAMES}`,
    'basicConstraints=CA:FALSE',
    'extendedKeyUsage=serverAuth',
    'authorityKeyIdentifier=keyid',
  ].join('\n'));
  openssl('x509', '-req', '-in', file('server.csr'), '-days', '30', '-extfile', file('server.ext'),
    '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-out', file('server.pem'));

  return {
    ca: file('ca.pem'),
    cert: readFileSync(file('server.pem')),
    key: readFileSync(file('server.key')),
  };
}
