// The HTML that a person sees. Self-contained, no JavaScript, light and dark.

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5b6b7c; --paper: #fff; --back: #eef2f6; --line: #d5dde5; --go: #0b65d8; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf2; --soft: #9fb0c0; --paper: #1b242d; --back: #11171d; --line: #35424f; --go: #5aa2ff; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { width: min(26rem, 100% - 2rem); margin: 2rem 0; padding: 2rem; background: var(--paper); border: 1px solid var(--line); border-radius: 12px; overflow-wrap: anywhere; }
h1 { margin: 0 0 .5rem; font-size: 1.35rem; line-height: 1.3; }
p { margin: 0 0 1rem; }
label { display: block; margin: 0 0 1rem; font-weight: 600; font-size: .9rem; }
input { display: block; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 8px; }
button { width: 100%; margin: 0 0 .6rem; padding: .65rem 1rem; font: inherit; font-weight: 600; cursor: pointer; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: 8px; }
button.go { color: var(--paper); background: var(--go); border-color: var(--go); }
:is(button, input):focus-visible { outline: 2px solid var(--go); outline-offset: 2px; }
.user { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; font-weight: 400; text-align: left; }
.soft { color: var(--soft); font-size: .875rem; }
.bad { color: var(--bad); }
hr { margin: 1.25rem 0; border: 0; border-top: 1px solid var(--line); }
ul { margin: 0 0 1.25rem; padding-left: 1.25rem; }
@media (max-width: 26rem) { main { width: calc(100% - 1rem); margin: .5rem 0; padding: 1.25rem; } }`;

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (c) => ENTITIES[c]);

const layout = (title, body) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} - vcita sandbox</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<main>
${body}
<hr>
<p class="soft" style="margin:0">This is the vcita sandbox, a stand-in for tests. Do not type a real password.</p>
</main>
</html>
`;

const userButton = ([name, { email, role, business_name: business }]) => `
<button class="user" name="user" value="${escape(name)}"><span>${escape(email ?? name)}</span><span class="soft">${escape(role)}, ${escape(business)}</span></button>`;

export const loginPage = ({ app, users, email, failed }) => layout('Sign in', `
<h1>Sign in to vcita</h1>
<p class="soft">to continue to <b>${escape(app.name)}</b></p>
<form method="post">
${failed ? '<p class="bad" role="alert">No user has this email address, or the password is empty.</p>' : ''}
<label>Email <input id="email" name="email" type="text" autocomplete="username" value="${escape(email)}" required autofocus></label>
<label>Password <input id="password" name="password" type="password" autocomplete="off" required></label>
<button class="go" id="sign-in">Sign in</button>
<p class="soft">Any password will do, as long as it is not empty.</p>
</form>
<hr>
<p class="soft">Or sign in at once as</p>
<form method="post">${users.names.map((name) => userButton([name, users.byName(name)])).join('')}
<button name="answer" value="deny" class="soft">Cancel</button>
</form>`);

export const consentPage = ({ app, user }) => layout('Allow access', `
<h1>App ${escape(app.name)} wants to use your vcita account</h1>
<p class="soft">You are signed in as <b>${escape(user.email ?? user.sub)}</b>.</p>
<p>It wants to</p>
<ul>
<li>know who you are: your email address, your role and your business</li>
<li>act in vcita for you, until you revoke its access</li>
</ul>
<form method="post">
<button class="go" id="allow" name="answer" value="allow">Allow</button>
<button id="deny" name="answer" value="deny">Deny</button>
</form>`);

export const errorPage = (error, description) => layout('Something is wrong', `
<h1>This did not work</h1>
<p>${escape(description ?? 'The request could not be understood.')}</p>
<p class="soft">${escape(error)}</p>`);

export function sendPage(res, status, html) {
  res.writeHead(status, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': Buffer.byteLength(html),
    'Cache-Control': 'no-store',
  });
  res.end(html);
}
