// The command line: what each option is called, means and defaults to.

import { parseArgs } from 'node:util';

export const HELP = `Usage: node sandbox.mjs [options]

A stand-in for vcita's OAuth, for tests and demos. Prints one line of JSON when
it is ready: {"ready":true,"pid":N,"http":URL,"https":URL,"ca":FILE}.

Listening (127.0.0.1 only; a port of 0 is any free one; without either: --http 0)
  --http PORT              serve plain http
  --https PORT             serve https, with a certificate for localhost,
                           127.0.0.1, vcita.test, api.vcita.biz,
                           app.vcita.com, and the brands' hosts
                           app.vcita.test and app.partner.test
  --public URL             the address of the http listener for browsers, where a
                           server before it passes their requests on
  --dir DIR                where ca.pem and the keys go (default: a temporary
                           folder, removed at the end)
  --lifetime SECONDS       stop automatically after this time (default 3600)
  --verbose                one line per request on stderr

Apps and people
  --app ID:SECRET:URI[,URI...]   an app that may use this server; may repeat
  --apps-file FILE         JSON array of apps, members as in POST /platform/v1/apps
                           plus client_id and client_secret
  --directory-token TOKEN  for POST /platform/v1/apps (default sandbox-directory-token)
  --users FILE             JSON object {"name": {"sub": ..., userinfo members}}
                           instead of alice, bob, mallory, carl and dana
  --auto USER              approve every request at once as USER, without a page
  --interactive            show the login and the consent page (default)

Behaviour
  --rate N                 N requests a second over token and userinfo together,
                           beyond it 429 (default: no limit)
  --no-pkce                refuse a code_verifier, as Doorkeeper without PKCE does
  --iss                    keep the RFC 9207 iss parameter in the callback
  --refresh-token          issue refresh tokens too
  --id-token-alg ALG       RS256 (default) or ES256
  --help                   this text

On one authorize request: &sandbox_user=NAME approves at once as that user,
&sandbox_deny=1 refuses. Faults, counters: see README.md.
`;

export const defaults = {
  app: [],
  directoryToken: 'sandbox-directory-token',
  pkce: true,
  keepIss: false,
  idTokenAlg: 'RS256',
  refreshToken: false,
  lifetime: 3600,
  verbose: false,
};

export class UsageError extends Error {}

export function parseOptions(args) {
  const text = { type: 'string' };
  const flag = { type: 'boolean' };
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        http: text, https: text, public: text, dir: text, lifetime: text, verbose: flag,
        app: { type: 'string', multiple: true }, 'apps-file': text, 'directory-token': text,
        users: text, auto: text, interactive: flag,
        rate: text, 'no-pkce': flag, iss: flag, 'refresh-token': flag, 'id-token-alg': text, help: flag,
      },
    }));
  } catch (err) {
    throw new UsageError(err.message);
  }
  if (values.help) return { help: true };
  if (values.auto && values.interactive) throw new UsageError('--auto and --interactive exclude each other');

  const algorithm = values['id-token-alg'] ?? defaults.idTokenAlg;
  if (!['RS256', 'ES256'].includes(algorithm)) throw new UsageError('--id-token-alg is RS256 or ES256');
  const https = number('https', 0, 65535);
  if (values.public && !/^http:\/\/[\w.-]+(:\d+)?$/.test(values.public)) {
    throw new UsageError('--public takes http://HOST[:PORT]');
  }
  return {
    http: number('http', 0, 65535) ?? (https === undefined ? 0 : undefined),
    https,
    public: values.public,
    dir: values.dir,
    lifetime: number('lifetime', 1, 2_000_000) ?? defaults.lifetime,
    verbose: values.verbose ?? false,
    app: values.app ?? [],
    appsFile: values['apps-file'],
    directoryToken: values['directory-token'] ?? defaults.directoryToken,
    users: values.users,
    auto: values.auto,
    rate: number('rate', 1, 1_000_000),
    pkce: !values['no-pkce'],
    keepIss: values.iss ?? false,
    refreshToken: values['refresh-token'] ?? false,
    idTokenAlg: algorithm,
  };

  function number(name, least, most) {
    if (values[name] === undefined) return undefined;
    const value = Number(values[name]);
    if (!/^\d+$/.test(values[name]) || value < least || value > most) {
      throw new UsageError(`--${name} takes a number from ${least} to ${most}`);
    }
    return value;
  }
}
