// Reads request bodies and writes JSON answers: the two things that every
// endpoint outside oidc-provider needs.

const LIMIT = 64 * 1024;

export class BadRequest extends Error {}

export async function readBody(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > LIMIT) throw new BadRequest('the request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

export async function readJson(req) {
  return parseJson(await readBody(req));
}

export function parseJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadRequest('the request body is not JSON');
  }
  if (value === null || typeof value !== 'object') {
    throw new BadRequest('the request body is not a JSON object');
  }
  return value;
}

export function sendJson(res, status, value) {
  const body = JSON.stringify(value);
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  res.end(body);
}
