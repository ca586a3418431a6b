// Looks at a page as people do who see little, or use no mouse: in each size and color scheme axe-core, what sticks out
// sideways, and what Tab reaches, and whether one sees where it is.

import { inflateSync } from 'node:zlib';

const STOPS = 'a[href], button, input:not([type="hidden"]), select, textarea, summary, iframe, [tabindex]';

// All that axe-core has to say, or what these rules have: what is wrong, and what it could not find out.
export async function axe(view, source, runOnly) {
  if (!await view.evaluate('"axe" in window')) await view.evaluate(source);
  const options = JSON.stringify({ resultTypes: ['violations', 'incomplete'], runOnly });
  const found = await view.evaluate(`axe.run(document, ${options})`);
  const short = (results) => results.flatMap(({ id, nodes }) => nodes.map(
    ({ html, any }) => `${id}: ${html.slice(0, 200)} ${any.map(({ message }) => message).join(' ')}`,
  ));
  return { violations: short(found.violations), incomplete: short(found.incomplete), passes: found.passes.length };
}

// The rules whose result another size or color scheme can change.
const OF_LOOKS = ['color-contrast', 'target-size', 'scrollable-region-focusable'];

const all = ({ sizes, schemes }) => sizes.flatMap(([width, height]) => schemes.map((scheme) => ({ width, height, scheme })));

// Can it be read?  What is wrong, a line each, and how many rules of axe-core passed.
export async function legible(view, source, how) {
  const wrong = [];
  let passes = 0;

  for (const one of all(how)) {
    await wear(view, one);
    const found = await axe(view, source, passes ? OF_LOOKS : undefined);
    passes ||= found.passes;
    wrong.push(...[...found.violations, ...found.incomplete].map((text) => `${name(one)}: axe: ${text}`));
    const over = await view.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    if (over > 0) wrong.push(`${name(one)}: it scrolls sideways, by ${over} px`);
  }
  return { wrong, passes };
}

// Can it be used with a keyboard?  What is wrong, a line each, and how many places Tab has to stop at.
export async function reachable(view, how) {
  const stops = await view.evaluate(`[...document.querySelectorAll('${STOPS}')].filter((e) => e.checkVisibility()).length`);
  return { wrong: await tabThrough(view, stops, all(how)), stops };
}

const name = ({ width, scheme }) => `${width} px, ${scheme}`;

async function wear(view, { width, height, scheme }) {
  const now = view.viewportSize();
  if (now.width !== width || now.height !== height) await view.setViewportSize({ width, height });
  await view.emulateMedia({ colorScheme: scheme });
}

// Tab goes from one to the next, and each shows that it has the focus: as WCAG 2.2, 2.4.13 counts it, an area as large as
// a line of 2 px around it, here less a quarter for round corners, has a contrast of 3:1 between focused and not.
async function tabThrough(view, stops, looks) {
  const wrong = [];
  const seen = new Set();

  for (let i = 0; i < 2 * stops + 2 && seen.size < stops; i += 1) {
    await view.keyboard.press('Tab');
    const here = await view.evaluate(`[...document.querySelectorAll('${STOPS}')].indexOf(document.activeElement)`);
    if (here >= 0 && !seen.has(here)) {
      seen.add(here);
      wrong.push(...await ring(view, here, looks));
    }
  }
  if (seen.size < stops) wrong.push(`Tab reaches ${seen.size} of ${stops}`);
  return wrong;
}

async function ring(view, index, looks) {
  const element = `document.querySelectorAll('${STOPS}')[${index}]`;
  const kind = await view.evaluate(`JSON.stringify([
    ...['type', 'class', 'style'].map((name) => ${element}.getAttribute(name)), ${element}.tagName,
    document.dir, ...[...document.querySelectorAll('style')].map((style) => style.textContent),
  ])`);
  if (!RINGS.has(kind)) RINGS.set(kind, await measured(view, element, looks));
  return RINGS.get(kind);
}

// The same style sheet has the same ring for elements of the same kind: it is measured once.
const RINGS = new Map();

async function measured(view, element, looks) {
  const wrong = [];
  const focused = [];

  for (const one of looks) {
    await wear(view, one);
    focused.push(await shot(view, element, one));
  }
  await view.evaluate('document.activeElement.blur()');
  for (const [i, one] of looks.entries()) {
    await wear(view, one);
    const { width, height, image } = await shot(view, element, one);
    const changed = contrasting(focused[i].image, image);
    const needed = Math.floor(3 * (width + height));
    if (changed < needed) {
      const html = await view.evaluate(`${element}.outerHTML.slice(0, 80)`);
      wrong.push(`${name(one)}: focus shows in ${changed} of ${needed} px: ${html}`);
    }
  }
  return wrong;
}

// The element, and a little around it
async function shot(view, element, { width, height }) {
  const box = await view.evaluate(`(() => {
    ${element}.scrollIntoView({ block: 'center' });
    const { x, y, width, height } = ${element}.getBoundingClientRect();
    return { x, y, width, height };
  })()`);
  const x = Math.max(0, Math.floor(box.x - 8));
  const y = Math.max(0, Math.floor(box.y - 8));
  const clip = { x, y, width: Math.min(width - x, Math.ceil(box.width + 17)), height: Math.min(height - y, Math.ceil(box.height + 17)) };
  return { ...box, image: pixels(await view.screenshot({ clip, caret: 'hide', animations: 'disabled' })) };
}

// How many pixels of two pictures have a contrast of 3:1 and more
function contrasting(a, b) {
  let count = 0;
  for (let i = 0; i < a.data.length; i += a.channels) {
    if (a.data[i] === b.data[i] && a.data[i + 1] === b.data[i + 1] && a.data[i + 2] === b.data[i + 2]) continue;
    const [m, n] = [luminance(a.data, i), luminance(b.data, i)];
    if ((Math.max(m, n) + 0.05) / (Math.min(m, n) + 0.05) >= 3) count += 1;
  }
  return count;
}

const LINEAR = Array.from({ length: 256 }, (_, c) => (c <= 10 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));

const luminance = (data, i) => 0.2126 * LINEAR[data[i]] + 0.7152 * LINEAR[data[i + 1]] + 0.0722 * LINEAR[data[i + 2]];

// Chromium's PNG: 8 bits a channel, no interlacing
function pixels(png) {
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 6 ? 4 : 3];
  const parts = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const data = Buffer.alloc(stride * height);

  for (let row = 0; row < height; row += 1) {
    const from = row * (stride + 1);
    const to = row * stride;
    for (let i = 0; i < stride; i += 1) {
      const left = i >= channels ? data[to + i - channels] : 0;
      const up = row ? data[to + i - stride] : 0;
      const corner = row && i >= channels ? data[to + i - stride - channels] : 0;
      data[to + i] = raw[from + 1 + i] + predicted(raw[from], left, up, corner);
    }
  }
  return { data, channels };
}

function predicted(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}
