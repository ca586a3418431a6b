// The Apps page, and the page around an app that is opened in a frame.
// Self-contained, light and dark, in the brand's color. JavaScript there is in
// the second alone, which answers the app's getAuth.

import { escape } from './pages.mjs';

const STYLE = ({ day, night }) => `
:root { color-scheme: light dark; --go: ${day}; --on-go: #fff; --ink: #16202b; --soft: #566473; --paper: #fff; --back: #f3f5f8; --line: #dce2e9; --tint: color-mix(in srgb, var(--go) 9%, var(--paper)); --shadow: 0 1px 2px #10203014, 0 6px 20px #1020300d; }
@media (prefers-color-scheme: dark) { :root { --go: ${night}; --on-go: #10161d; --ink: #e9eef3; --soft: #a3b1bf; --paper: #1a222b; --back: #10161c; --line: #303b47; --shadow: none; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
a { color: inherit; text-decoration: none; }
:is(a, summary):focus-visible { outline: 2px solid var(--go); outline-offset: 2px; border-radius: 8px; }
.soft { color: var(--soft); font-size: .875rem; }
.icon { flex: none; display: grid; place-items: center; width: 3rem; height: 3rem; border-radius: 12px; background: var(--tint); color: var(--go); font-weight: 700; font-size: 1.05rem; }
.app .icon { background: hsl(var(--hue) 75% 93%); color: hsl(var(--hue) 60% 25%); }
@media (prefers-color-scheme: dark) { .app .icon { background: hsl(var(--hue) 30% 22%); color: hsl(var(--hue) 75% 82%); } }
.round { width: 2.25rem; height: 2.25rem; border-radius: 50%; font-size: .85rem; }

header { position: sticky; top: 0; z-index: 1; display: flex; align-items: center; gap: .75rem; padding: .6rem max(1rem, (100% - 64rem) / 2); background: var(--paper); border-bottom: 1px solid var(--line); }
header .brand { display: flex; align-items: center; gap: .6rem; font-weight: 700; font-size: 1.15rem; letter-spacing: -.01em; }
header .brand .icon { width: 2rem; height: 2rem; border-radius: 9px; background: var(--go); color: var(--on-go); font-size: 1rem; }
header .at { display: flex; align-items: center; gap: .6rem; min-width: 0; font-size: 1rem; letter-spacing: 0; }
header .at b { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
header .at::before { content: "/"; color: var(--soft); }

.who { position: relative; margin-left: auto; }
.who summary { display: flex; align-items: center; gap: .6rem; padding: .25rem .6rem .25rem .25rem; border: 1px solid var(--line); border-radius: 99px; cursor: pointer; list-style: none; font-weight: 600; font-size: .9rem; white-space: nowrap; }
.who summary::-webkit-details-marker { display: none; }
.who summary::after { content: ""; width: .45rem; height: .45rem; margin: -.2rem .2rem 0 0; border: solid var(--soft); border-width: 0 2px 2px 0; transform: rotate(45deg); }
.menu { position: absolute; right: 0; top: calc(100% + .5rem); width: min(20rem, 100vw - 2rem); padding: .5rem; background: var(--paper); border: 1px solid var(--line); border-radius: 14px; box-shadow: 0 12px 40px #10203033; }
.menu p { margin: .35rem .6rem; }
.menu a { display: flex; align-items: center; gap: .75rem; padding: .5rem .6rem; border-radius: 10px; line-height: 1.3; }
.menu a:hover, .menu a[aria-current] { background: var(--tint); }
.menu a > span:last-child { display: grid; }
.menu a.other { margin-top: .4rem; border-top: 1px solid var(--line); border-radius: 0; padding-top: .7rem; font-size: .9rem; font-weight: 600; color: var(--go); }

main { flex: 1; width: min(64rem, 100% - 2rem); margin: 0 auto; padding: 2.25rem 0 2rem; }
main.frame { display: flex; width: 100%; padding: 0; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.02em; }
main > p { margin: .35rem 0 1.75rem; color: var(--soft); }
.apps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1rem; margin: 0; padding: 0; list-style: none; }
.app { display: flex; flex-direction: column; gap: 1rem; padding: 1.25rem; background: var(--paper); border: 1px solid var(--line); border-radius: 16px; box-shadow: var(--shadow); }
.app > div:first-child { display: flex; align-items: center; gap: .9rem; min-width: 0; }
.app h2 { margin: 0; font-size: 1.1rem; line-height: 1.3; overflow-wrap: anywhere; }
.app .soft { overflow-wrap: anywhere; }
.told { margin: 0; padding: 0; display: flex; flex-wrap: wrap; align-content: flex-start; gap: .35rem; flex: 1; list-style: none; font-size: .78rem; color: var(--soft); }
.told li { padding: .1rem .55rem; background: var(--back); border: 1px solid var(--line); border-radius: 99px; }
.do { display: flex; gap: .6rem; }
.do a { flex: 1; padding: .6rem .5rem; text-align: center; font-weight: 600; font-size: .925rem; white-space: nowrap; border: 1px solid var(--line); border-radius: 10px; }
.do a:hover { border-color: var(--go); }
.do a.go { background: var(--go); border-color: var(--go); color: var(--on-go); }
.none { padding: 3rem 1rem; text-align: center; color: var(--soft); border: 1px dashed var(--line); border-radius: 16px; }

iframe { flex: 1; width: 100%; min-height: 20rem; border: 0; background: #fff; }
footer { padding: 1rem max(1rem, (100% - 64rem) / 2); }
@media (max-width: 36rem) {
  .who summary b { position: absolute; width: 1px; overflow: hidden; clip-path: inset(50%); }
  main:not(.frame) { padding-top: 1.5rem; }
  main h1 { font-size: 1.5rem; }
}`;

// Of a name's first two words, or of an email address.
const initials = (text) => escape(String(text).replace(/@.*/, '').split(/[^\p{L}\p{N}]+/u).filter(Boolean)
  .slice(0, 2).map((word) => word[0].toUpperCase()).join(''));

// A color of its own for each app, the same each time.
const hue = (text) => [...text].reduce((sum, char) => (sum * 31 + char.codePointAt(0)) % 360, 7);

const layout = ({ title, brand, at = '', user, businesses, body }) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} - ${escape(brand.name)}</title>
<link rel="icon" href="data:,">
<style>${STYLE(brand)}</style>
<header>
<a class="brand" href="/apps"><span class="icon" aria-hidden="true">${initials(brand.name)}</span>${escape(brand.name)}</a>
${at}<details class="who">
<summary><span class="icon round" aria-hidden="true">${initials(user.email ?? user.sub)}</span><b>${escape(user.business_name)}</b></summary>
<nav class="menu" aria-label="Account">
<p class="soft">Signed in as ${escape(user.email ?? user.sub)}</p>
${businesses.map((entry) => businessLink(entry, user)).join('\n')}
<a class="other" href="/apps?prompt=login">Sign in as someone else</a>
</nav>
</details>
</header>
${body}
<footer class="soft">This is the vcita sandbox, a stand-in for tests.</footer>
</html>
`;

const businessLink = ([name, { sub, role, business_name: business }], user) => `<a href="/apps?sandbox_user=${encodeURIComponent(name)}"${sub === user.sub ? ' aria-current="true"' : ''}>
<span class="icon round" aria-hidden="true">${initials(business)}</span><span>${escape(business)}<span class="soft">${escape(role)}</span></span></a>`;

const appCard = ({ app, address }) => {
  const here = `<a class="HOW" id="frame-${escape(app.app_code_name)}" href="/apps/${escape(app.app_code_name)}">Open here</a>`;
  const tab = `<a class="HOW" id="tab-${escape(app.app_code_name)}" href="${escape(address)}" target="_blank" rel="noopener">Open in a tab</a>`;
  const [first, ...others] = app.open_in_new_tab ? [tab] : [here, tab];
  return `<li class="app">
<div><span class="icon" style="--hue: ${hue(app.name)}" aria-hidden="true">${initials(app.name)}</span><div><h2>${escape(app.name)}</h2><span class="soft">${escape(new URL(address).host)}</span></div></div>
<ul class="told" aria-label="What the app is told">${app.url_params.map((name) => `<li>${escape(name)}</li>`).join('')}</ul>
<div class="do">${first.replace('HOW', 'go')}${others.map((link) => link.replace('HOW', '')).join('')}</div>
</li>`;
};

export const appsPage = ({ entries, user, ...view }) => layout({
  ...view, user, title: 'Apps', body: `<main>
<h1>Apps</h1>
<p>What ${escape(user.business_name)} works with. An app opens here, or in a tab of its own.</p>
${entries.length ? `<ul class="apps">${entries.map(appCard).join('\n')}</ul>` : '<p class="none">There is no app yet.</p>'}
</main>`,
});

// A token goes to the app's own origin alone, whatever the frame shows.
const ANSWERS = `const frame = document.querySelector('iframe');
const { origin } = new URL(frame.src);
addEventListener('message', async (event) => {
  if (event.source !== frame.contentWindow || event.origin !== origin || event.data?.type !== 'getAuth') return;
  const response = await fetch(location.pathname + '/token', { method: 'POST' });
  const { success = false, data = null } = await response.json();
  event.source.postMessage({ type: 'getAuth', id: event.data.id, success, data }, origin);
});`;

export const framePage = ({ app, address, ...view }) => layout({
  ...view, title: app.name, at: `<h1 class="at"><b>${escape(app.name)}</b></h1>`,
  body: `<main class="frame"><iframe title="${escape(app.name)}" src="${escape(address)}"></iframe></main>
<script>
${ANSWERS}
</script>`,
});
