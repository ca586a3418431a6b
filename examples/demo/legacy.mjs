// A legacy application, the back office of a small salon: it knows nothing of
// OAuth, and believes the headers that the nginx before it sets.  At its foot
// each page shows which ones it got; /headers.json is the same for programs,
// with nothing masked.
//
//     node legacy.mjs [PORT]      (default: any free one, on 127.0.0.1)

import { createServer } from 'node:http';

const MODULE_COOKIE = /(?:^|[;,\s])(?:__Host-|__Secure-)?vcita_session(?:_login)?=/;

const STAFF = { 'alice@example.biz': 'Alice', 'bob@example.biz': 'Bob', 'dana@example.biz': 'Dana' };

const DAY = [
  ['09:00', 'Maya Levi', 'Cut and blow-dry', 'Bob', 'Done'],
  ['09:45', 'Jonas Weber', 'Beard trim', 'Dana', 'Done'],
  ['10:30', 'Chloé Martin', 'Balayage', 'Alice', 'In the chair'],
  ['12:15', 'Sofia Rossi', 'Bridal trial', 'Alice', 'Confirmed'],
  ['14:00', 'Tom Becker', 'Cut', 'Bob', 'Confirmed'],
  ['15:30', 'Ana Souza', 'Color and gloss', 'Dana', 'Deposit open'],
  ['17:00', 'Noa Cohen', 'Cut and fringe', 'Bob', 'Confirmed'],
];

const STYLE = `
  :root { color-scheme: light dark; --ink: #2b2230; --soft: #6a5d70; --paper: #fff; --back: #faf6f3; --line: #e7ddd8;
          --go: #8a2a5b; --tint: #f8e9f0 }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #f1e9ee; --soft: #b9a9b5; --paper: #261f29; --back: #1a151d; --line: #40354a; --go: #f2a0c6; --tint: #3a2635 }
  }
  * { box-sizing: border-box }
  body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; overflow-wrap: anywhere }
  a { color: var(--go) }
  :focus-visible { outline: 3px solid var(--go); outline-offset: 2px; border-radius: 4px }
  small, .soft { color: var(--soft); font-size: .875rem }
  header { background: var(--paper); border-bottom: 1px solid var(--line) }
  header > div, main { max-width: 44rem; margin: auto; padding: .8rem 1rem }
  header > div { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1rem; justify-content: space-between }
  header b { color: var(--go); font: 700 1.2rem/1.2 Georgia, serif }
  header b + small { display: block }
  .you { display: flex; align-items: center; gap: .9rem }
  .you small { display: block }
  @media (max-width: 30rem) { .you { width: 100%; justify-content: space-between } }
  h1 { margin: 1.2rem 0 .2rem; font-size: 1.5rem; line-height: 1.2 }
  ol { margin: 1.2rem 0 1.6rem; padding: 0; list-style: none; background: var(--paper); border: 1px solid var(--line);
       border-radius: 10px }
  li { display: grid; grid-template-columns: 3.4rem 1fr auto; gap: 0 .8rem; padding: .6rem .9rem }
  li + li { border-top: 1px solid var(--line) }
  li.own { background: var(--tint) }
  li.own .soft { color: inherit }
  time { font-weight: 600; font-variant-numeric: tabular-nums }
  li > :last-child { text-align: right }
  li strong, li span span { display: block }
  details { margin-bottom: 2rem; padding: .7rem .9rem; background: var(--paper); border: 1px solid var(--line);
            border-radius: 10px }
  summary { cursor: pointer; font-weight: 600 }
  dt { margin-top: .6rem; font-weight: 600; font-size: .875rem }
  dd { margin: 0 }`;

const escape = (text) => String(text)
  .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const masked = (text) => text.replace(/^(\S+\s+\S{6}).*$/, '$1...');

function appointment([time, client, service, staff, state], name) {
  const own = staff === name;
  return `<li${own ? ' class="own"' : ''}><time>${time}</time>
<span><strong>${client}</strong><span class="soft">${service}</span></span>
<span>${own ? 'You' : staff}<span class="soft">${state}</span></span></li>`;
}

function fact([name, value]) {
  return `<dt>${name}</dt><dd>${value === undefined ? '<i>none</i>' : `<code>${escape(value)}</code>`}</dd>`;
}

function page({ url, headers }) {
  const user = headers['x-forwarded-user'];
  const email = headers['x-forwarded-email'];
  const { authorization, cookie } = headers;
  const leaked = MODULE_COOKIE.test(cookie ?? '');
  const name = STAFF[email];
  const own = DAY.filter(([, , , staff]) => staff === name).length;
  const today = new Date().toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });

  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Today - Tiara Studio</title>
<link rel="icon" href="data:,">
<style>${STYLE}
</style>
<header><div>
<span><b>Tiara Studio</b><small>Back office</small></span>
<span class="you"><span>${name ?? 'Not on the staff list'}<small>${escape(email ?? user ?? 'not signed in')}</small></span>
<a id="sign-out" href="/logout">Sign out</a></span>
</div></header>
<main>
<h1>Appointments today</h1>
<span class="soft"><span id="date">${today}</span>: ${DAY.length} appointments${own ? `, ${own} yours` : ''}</span>
<ol>
${DAY.map((entry) => appointment(entry, name)).join('\n')}
</ol>
<details>
<summary>What this application knows about you</summary>
<p>It knows nothing of OAuth. You asked for <code>${escape(url)}</code>, and nginx sent it these headers:</p>
<dl>
${[
    ['X-Forwarded-User', user],
    ['X-Forwarded-Email', email],
    ['Authorization', authorization && masked(authorization)],
    ['Cookie', leaked ? '(a cookie of the module, which should not be here)' : cookie],
  ].map(fact).join('\n')}
</dl>
<p>${leaked ? 'A cookie of the module leaked.' : 'No cookie of the module came through.'}</p>
</details>
</main>
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
