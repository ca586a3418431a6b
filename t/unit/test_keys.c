
/*
 * What sealing is made of: SHA-256, HKDF, HMAC, comparison, random bytes.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_seal.h"
#include "unit.h"


#define TEST_KEYS_BLOCK  64


typedef struct {
    const char  *key;
    const char  *data;
    const char  *mac;
} test_keys_mac_t;


typedef struct {
    const char  *secret;
    const char  *salt;
    const char  *label;
    const char  *key;
} test_keys_hkdf_t;


static void test_keys_mac(ngx_str_t *key, ngx_str_t *data, u_char *mac);


/* RFC 4231, 4.2 to 4.5 */

static test_keys_mac_t  test_keys_macs[] = {

    { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      "4869205468657265",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },

    { "4a656665",
      "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },

    { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "dddddddddddddddddddddddddddddddddddddddddddddddddd"
      "dddddddddddddddddddddddddddddddddddddddddddddddddd",
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },

    { "0102030405060708090a0b0c0d0e0f10111213141516171819",
      "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
      "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" }
};


/* RFC 5869, A.1 to A.3, the first 32 bytes; labels end with a zero byte */

static test_keys_hkdf_t  test_keys_hkdfs[] = {

    { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      "000102030405060708090a0b0c",
      "f0f1f2f3f4f5f6f7f8f9 00",
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf" },

    { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
      "404142434445464748494a4b4c4d4e4f",
      "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
      "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
      "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
      "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
      "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
      "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff 00",
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c" },

    { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      "",
      "00",
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d" }
};


unit_test(keys_hash)
{
    u_char      hash[NGX_HTTP_VCITA_HASH_LEN];
    ngx_str_t   text, want;

    text = unit_text("abc");
    want = unit_hex("ba7816bf8f01cfea414140de5dae2223"
                    "b00361a396177a9cb410ff61f20015ad");
    is_int(ngx_http_vcita_hash_sha256(&text, hash), NGX_OK, "a hash");
    is_mem(hash, want.data, want.len, "SHA-256 of abc (FIPS 180-2)");

    text = unit_text("");
    want = unit_hex("e3b0c44298fc1c149afbf4c8996fb924"
                    "27ae41e4649b934ca495991b7852b855");
    is_int(ngx_http_vcita_hash_sha256(&text, hash), NGX_OK, "a hash");
    is_mem(hash, want.data, want.len, "SHA-256 of nothing");

    text = unit_text("abcdbcdecdefdefgefghfghighij"
                     "hijkijkljklmklmnlmnomnopnopq");
    want = unit_hex("248d6a61d20638b8e5c026930c3e6039"
                    "a33ce45964ff2167f6ecedd419db06c1");
    is_int(ngx_http_vcita_hash_sha256(&text, hash), NGX_OK, "a hash");
    is_mem(hash, want.data, want.len, "SHA-256 of two blocks");
}


unit_test(keys_hkdf)
{
    u_char             key[NGX_HTTP_VCITA_KEY_LEN];
    u_char             other[NGX_HTTP_VCITA_KEY_LEN];
    ngx_str_t          secret, salt, label, want;
    ngx_uint_t         i, n;
    test_keys_hkdf_t  *t;

    t = test_keys_hkdfs;
    n = sizeof(test_keys_hkdfs) / sizeof(test_keys_hkdfs[0]);

    for (i = 0; i < n; i++) {
        secret = unit_hex(t[i].secret);
        salt = unit_hex(t[i].salt);
        label = unit_hex(t[i].label);
        want = unit_hex(t[i].key);

        is_int(ngx_http_vcita_hash_hkdf(&secret, &salt, (char *) label.data,
                                        key), NGX_OK, "HKDF, RFC 5869 A.%ui",
               i + 1);
        is_mem(key, want.data, want.len, "the key of A.%ui", i + 1);
    }

    secret = unit_text("secret");
    salt = unit_text("client");
    ngx_http_vcita_hash_hkdf(&secret, &salt, "session", key);
    ngx_http_vcita_hash_hkdf(&secret, &salt, "state", other);
    ok(ngx_memcmp(key, other, sizeof(key)) != 0, "another label");

    salt = unit_text("clienu");
    ngx_http_vcita_hash_hkdf(&secret, &salt, "session", other);
    ok(ngx_memcmp(key, other, sizeof(key)) != 0, "another salt");
}


/*
 * HMAC (RFC 2104) is spelled out below from the hash alone, is held against
 * RFC 4231, and then is what the real one, which frames its parts, must equal.
 */

unit_test(keys_hmac)
{
    u_char            *p, key[NGX_HTTP_VCITA_KEY_LEN];
    u_char             mac[NGX_HTTP_VCITA_HASH_LEN];
    u_char             want[NGX_HTTP_VCITA_HASH_LEN];
    ngx_str_t          k, text, parts[3];
    ngx_uint_t         i, j, n, bad;
    test_keys_mac_t   *t;

    t = test_keys_macs;
    n = sizeof(test_keys_macs) / sizeof(test_keys_macs[0]);

    for (i = 0; i < n; i++) {
        k = unit_hex(t[i].key);
        text = unit_hex(t[i].data);
        test_keys_mac(&k, &text, mac);

        text = unit_hex(t[i].mac);
        is_mem(mac, text.data, text.len, "HMAC, RFC 4231 case %ui", i + 1);
    }

    bad = 0;

    for (i = 0; i < 200; i++) {
        ngx_http_vcita_hash_random(key, sizeof(key));

        text = unit_room(3 * 2 + 3 * 100);
        p = text.data;

        for (j = 0; j < 3; j++) {
            parts[j] = unit_room(unit_random(100));
            ngx_http_vcita_hash_random(parts[j].data, parts[j].len);

            *p++ = 0;
            *p++ = (u_char) parts[j].len;
            p = ngx_cpymem(p, parts[j].data, parts[j].len);
        }

        text.len = p - text.data;

        k.data = key;
        k.len = sizeof(key);
        test_keys_mac(&k, &text, want);

        bad += (ngx_http_vcita_hash_hmac(key, parts, 3, mac) != NGX_OK
                || ngx_memcmp(mac, want, sizeof(mac)) != 0);
    }

    is_int(bad, 0, "HMAC of random parts");

    parts[0] = unit_text("ab");
    parts[1] = unit_text("c");
    ngx_http_vcita_hash_hmac(key, parts, 2, mac);

    parts[0] = unit_text("a");
    parts[1] = unit_text("bc");
    ngx_http_vcita_hash_hmac(key, parts, 2, want);
    ok(ngx_memcmp(mac, want, sizeof(mac)) != 0, "ab, c is not a, bc");

    parts[0] = unit_text("");
    is_int(ngx_http_vcita_hash_hmac(key, parts, 1, mac), NGX_OK,
           "HMAC of an empty part");

    ngx_http_vcita_hash_hmac(key, parts, 0, want);
    ok(ngx_memcmp(mac, want, sizeof(mac)) != 0, "an empty part is not none");

    parts[0] = unit_room(510);
    ngx_memzero(parts[0].data, 510);
    is_int(ngx_http_vcita_hash_hmac(key, parts, 1, mac), NGX_OK,
           "HMAC of 510 bytes");

    parts[0] = unit_room(511);
    ngx_memzero(parts[0].data, 511);
    is_int(ngx_http_vcita_hash_hmac(key, parts, 1, mac), NGX_ERROR,
           "HMAC of 511 bytes has no room");

    parts[0] = unit_room(70000);
    ngx_memzero(parts[0].data, 70000);
    is_int(ngx_http_vcita_hash_hmac(key, parts, 1, mac), NGX_ERROR,
           "a length over two bytes does not wrap");
}


static void
test_keys_mac(ngx_str_t *key, ngx_str_t *data, u_char *mac)
{
    u_char      block[TEST_KEYS_BLOCK];
    ngx_str_t   text;
    ngx_uint_t  i;

    ngx_memzero(block, sizeof(block));
    ngx_memcpy(block, key->data, key->len);

    text = unit_room(TEST_KEYS_BLOCK + data->len);

    for (i = 0; i < TEST_KEYS_BLOCK; i++) {
        text.data[i] = block[i] ^ 0x36;
    }

    ngx_memcpy(text.data + TEST_KEYS_BLOCK, data->data, data->len);
    ngx_http_vcita_hash_sha256(&text, mac);

    text = unit_room(TEST_KEYS_BLOCK + NGX_HTTP_VCITA_HASH_LEN);

    for (i = 0; i < TEST_KEYS_BLOCK; i++) {
        text.data[i] = block[i] ^ 0x5c;
    }

    ngx_memcpy(text.data + TEST_KEYS_BLOCK, mac, NGX_HTTP_VCITA_HASH_LEN);
    ngx_http_vcita_hash_sha256(&text, mac);
}


unit_test(keys_equal)
{
    ngx_str_t   a, b, none;
    ngx_uint_t  i, bad;

    a = unit_room(43);
    ngx_http_vcita_hash_random(a.data, a.len);
    b = unit_copy(a.data, a.len);

    is_int(ngx_http_vcita_secret_eq(&a, &b), NGX_OK, "equal");

    bad = 0;

    for (i = 0; i < a.len * 8; i++) {
        b = unit_copy(a.data, a.len);
        b.data[i / 8] ^= (u_char) (1 << i % 8);
        bad += (ngx_http_vcita_secret_eq(&a, &b) != NGX_DECLINED);

        b = unit_copy(a.data, i % a.len);
        bad += (ngx_http_vcita_secret_eq(&a, &b) != NGX_DECLINED);
        bad += (ngx_http_vcita_secret_eq(&b, &a) != NGX_DECLINED);
    }

    is_int(bad, 0, "no other bit or length is equal");

    ngx_str_null(&none);
    b = unit_text("");
    is_int(ngx_http_vcita_secret_eq(&none, &b), NGX_OK, "nothing is equal");
    is_int(ngx_http_vcita_secret_eq(&none, &a), NGX_DECLINED,
           "nothing and something");
}


unit_test(keys_random)
{
    u_char      one[32], two[32];
    ngx_uint_t  i, same;

    same = 0;

    for (i = 0; i < 100; i++) {
        ngx_http_vcita_hash_random(one, sizeof(one));
        ngx_http_vcita_hash_random(two, sizeof(two));
        same += (ngx_memcmp(one, two, sizeof(one)) == 0);
    }

    is_int(same, 0, "random bytes differ");
    is_int(ngx_http_vcita_hash_random(one, 0), NGX_OK, "no random bytes");
}


unit_test(keys_random_fork)
{
    int     fd[2];
    pid_t   pid;
    u_char  one[32], two[32];

    /* some of what was drawn is left */

    ngx_http_vcita_hash_random(one, sizeof(one));

    is_int(pipe(fd), 0, "a pipe");

    pid = fork();

    if (pid == 0) {
        _exit(ngx_http_vcita_hash_random(one, sizeof(one)) != NGX_OK
              || write(fd[1], one, sizeof(one)) != sizeof(one));
    }

    is_int(read(fd[0], one, sizeof(one)), sizeof(one), "bytes of the child");
    is_int(waitpid(pid, NULL, 0), pid, "the child has ended");

    ngx_http_vcita_hash_random(two, sizeof(two));
    ok(ngx_memcmp(one, two, sizeof(one)) != 0,
       "a process has other random bytes than its parent");

    (void) close(fd[0]);
    (void) close(fd[1]);
}
