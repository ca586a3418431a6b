// seal.mjs FOLDER COOKIE CLIENT_ID SECRET SIZE...: sessions as the module seals
// them (src/session/ngx_http_vcita_session.c, src/util/ngx_http_vcita_seal.c), in
// place of a login each.  Sizes grow; for each, what it has more than the last:
//
//   cookies        all of them: a line of a Cookie header each, in the cookie
//   ids            all of them: such a line each, of the same sessions in a store
//   records.SIZE   key (32 bytes), length (2), value: for vcita_oauth_slow_load
//   redis.SIZE     the same as commands, for redis-cli --pipe

import { createCipheriv, createHash, createHmac, hkdfSync, randomFillSync } from 'node:crypto';
import { openSync, writeSync, closeSync } from 'node:fs';

const [folder, cookie, client, secret, ...sizes] = process.argv.slice(2);
const CHUNK = 1 << 22;
const LIVES = 8 * 3600;

const sha256 = (...parts) => {
    const hash = createHash('sha256');

    for (const part of parts) hash.update(part);
    return hash.digest();
};

// bytes behind their length, as hash_field writes them
const field = (bytes) => {
    const b = Buffer.from(bytes);

    return Buffer.concat([Buffer.from([b.length >> 8, b.length & 0xff]), b]);
};

const bound = sha256(field('session'), field(cookie), field(client));
const derived = Buffer.from(hkdfSync('sha256', secret, client, 'session', 32));
const key = createHmac('sha256', derived).update(field(bound)).digest();
const head = Buffer.from([1, sha256(key)[0]]);


// --- a session as tagged values -----------------------------------------------

const tlv = (tag, value) => {
    const n = value.length;

    return Buffer.concat([Buffer.from(n < 0x80 ? [tag, n] : [tag, 0x80 | n >> 7, n & 0x7f]), value]);
};

const number = (tag, n) => {
    const hex = n.toString(16);

    return tlv(tag, Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex'));
};

const claim = (name, value) =>
    tlv(0x10, Buffer.concat([Buffer.from([name.length]), Buffer.from(name + value)]));

const now = Date.now();
const shared = Buffer.concat([
    number(0x81, now), number(0x82, Math.floor(now / 1000) + 20 * 31556952),
    claim('type', 'staff'), claim('role', 'owner'), claim('email', 'alice@example.biz'),
    claim('business_id', 'ed469f8764326a66'), claim('business_uid', 'ed469f8764326a66'),
    claim('business_name', 'Tiara'), claim('directory_uid', 'u6g6s4q3386zs6j2'),
    claim('brand_host', 'clients.example.biz'),
    claim('brand_theme', '{"colors":{"primary":"#0a7cff","secondary":"#f2f5f9"},"locale":"en"}'),
]);

// random: of the id, the token, the sub, in one draw
const session = (random) => Buffer.concat([shared, tlv(0x84, random.subarray(0, 16)),
    tlv(0x06, random.subarray(16, 48)), claim('sub', random.subarray(48, 56).toString('hex'))]);


// --- sealed -------------------------------------------------------------------

const seal = (text, nonce, aad) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce);

    if (aad) cipher.setAAD(field(aad));

    const body = cipher.update(text);

    cipher.final();
    return Buffer.concat([head, nonce, body, cipher.getAuthTag()]);
};


// --- files, written in large pieces -------------------------------------------

const writer = (name) => {
    const file = openSync(`${folder}/${name}`, 'w');
    let parts = [];
    let bytes = 0;
    const flush = () => {
        writeSync(file, Buffer.concat(parts));
        parts = [];
        bytes = 0;
    };

    return {
        put(part) {
            parts.push(part);
            bytes += part.length;
            if (bytes > CHUNK) flush();
        },
        end() { flush(); closeSync(file); },
    };
};

const set = (name, value) => Buffer.concat([
    Buffer.from(`*5\r\n$3\r\nSET\r\n$70\r\nvcita:${name.toString('hex')}\r\n$${value.length}\r\n`, 'latin1'),
    value, Buffer.from(`\r\n$2\r\nEX\r\n$5\r\n${LIVES}\r\n`, 'latin1')]);

const line = (bytes) => Buffer.from(`${cookie}=${bytes.toString('base64url')}\n`, 'latin1');

const cookies = writer('cookies');
const ids = writer('ids');
const pool = Buffer.alloc(112 * 1024);
let made = 0;

for (const size of sizes.map(Number)) {
    const records = writer(`records.${size}`);
    const redis = writer(`redis.${size}`);

    for (; made < size; made++) {
        if (made % 1024 === 0) randomFillSync(pool);

        const random = pool.subarray(112 * (made % 1024), 112 * (made % 1024 + 1));
        const text = session(random);
        const id = random.subarray(56, 88);
        const name = sha256(id);
        const value = seal(text, random.subarray(88, 100), name);

        cookies.put(line(seal(text, random.subarray(100, 112))));
        ids.put(line(id));
        records.put(Buffer.concat([name, Buffer.from([value.length >> 8, value.length & 0xff]), value]));
        redis.put(set(name, value));
    }

    records.end();
    redis.end();
}

cookies.end();
ids.end();
