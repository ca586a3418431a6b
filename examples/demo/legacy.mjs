// A legacy application: it knows nothing of OAuth, and believes the headers that
// the nginx before it sets.  Its one page shows which ones it got; /headers.json
// is the same for programs, with nothing masked.
//
//     node legacy.mjs [PORT]      (default: any free one, on 127.0.0.1)

import { createServer } from 'node:http';

const MODULE_COOKIE = /(?:^|[;,\s])(?:__Host-|__Secure-)?vcita_session(?:_login)?=/;

const escape = (text) => String(text)
  .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const masked = (text) => text.replace(/^(\S+\s+\S{6}).*$/, '$1...');

function row([name, value]) {
  const shown = value === undefined ? '<i>none</i>' : `<code>${escape(value)}</code>`;
  return `<tr><th>${name}<td>${shown}`;
}

function page({ url, headers }) {
  const user = headers['x-forwarded-user'];
  const email = headers['x-forwarded-email'];
  const { authorization, cookie } = headers;
  const leaked = MODULE_COOKIE.test(cookie ?? '');

  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Legacy application</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8884 }
  td { overflow-wrap: anywhere }
</style>
<h1>Hello${email ? `, ${escape(email)}` : ''}</h1>
<p>This application knows nothing of OAuth. You asked for <code>${escape(url)}</code>,
and this is what nginx told it about you:</p>
<table>
${[
    ['X-Forwarded-User', user],
    ['X-Forwarded-Email', email],
    ['Authorization', authorization && masked(authorization)],
    ['Cookie', leaked ? '(a cookie of the module, which should not be here)' : cookie],
  ].map(row).join('\n')}
</table>
<p>${leaked ? 'A cookie of the module leaked.' : 'No cookie of the module came through.'}</p>
<p><a href="/logout">Sign out</a></p>
</html>
`;
}

const server = createServer((req, res) => {
  req.resume();

  if (req.url === '/headers.json') {
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ url: req.url, headers: req.headers }));

  } else {
    res.setHeader('Content-Type', 'text/html; charset=utf-8');
    res.end(page(req));
  }
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const http = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ ready: true, pid: process.pid, http }));
});
