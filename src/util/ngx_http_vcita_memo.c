
/*
 * Copyright (C) the vcita OAuth gate authors
 *
 * A memo of opened values and their contents, a pure function of bytes and
 * keys.  Whether the contents are still valid is up to the caller, at each use.
 * Bounded in entries and bytes: the least recently used entry is dropped.  May
 * touch the memory that it allocates.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#include "util/ngx_http_vcita_hash.h"
#include "util/ngx_http_vcita_memo.h"


/* the most that malloc() adds: a header, and bytes of alignment */
#define NGX_HTTP_VCITA_MEMO_MALLOC  32

/* sizes are multiples of this, so that entries can replace each other */
#define NGX_HTTP_VCITA_MEMO_ROUND  256

/* so that one entry does not displace many */
#define NGX_HTTP_VCITA_MEMO_LARGEST  (NGX_HTTP_VCITA_MEMO_SIZE / 16)


/* 16 bytes, of which SSE2 and NEON make one instruction's operand */

typedef uint64_t  ngx_http_vcita_memo_block_t __attribute__((vector_size(16)));


static ngx_http_vcita_memo_entry_t *ngx_http_vcita_memo_reuse(
    ngx_http_vcita_memo_t *memo, size_t size, size_t used);
static void ngx_http_vcita_memo_unlink(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_entry_t *entry);
static uint64_t ngx_http_vcita_memo_hash(ngx_http_vcita_memo_t *memo,
    ngx_str_t *value);
static ngx_uint_t ngx_http_vcita_memo_same(ngx_str_t *one, ngx_str_t *two);
static ngx_inline void ngx_http_vcita_memo_differ(
    ngx_http_vcita_memo_block_t *differ, u_char *p, u_char *q);
static void ngx_http_vcita_memo_free(ngx_http_vcita_memo_entry_t *entry);


/* NULL: out of memory, or no random bytes for the key of the hash */

ngx_http_vcita_memo_t *
ngx_http_vcita_memo_create(ngx_log_t *log)
{
    ngx_http_vcita_memo_t  *memo;

    memo = ngx_calloc(sizeof(ngx_http_vcita_memo_t), log);
    if (memo == NULL) {
        return NULL;
    }

    if (ngx_http_vcita_hash_random((u_char *) memo->key, sizeof(memo->key))
        != NGX_OK)
    {
        ngx_free(memo);
        return NULL;
    }

    ngx_queue_init(&memo->queue);

    memo->size = sizeof(ngx_http_vcita_memo_t) + NGX_HTTP_VCITA_MEMO_MALLOC;

    return memo;
}


/* Entries in use are freed when they are released */

void
ngx_http_vcita_memo_destroy(ngx_http_vcita_memo_t *memo)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&memo->queue)) {
        q = ngx_queue_last(&memo->queue);

        ngx_http_vcita_memo_drop(memo,
                       ngx_queue_data(q, ngx_http_vcita_memo_entry_t, queue));
    }

    ngx_explicit_memzero(memo, sizeof(ngx_http_vcita_memo_t));
    ngx_free(memo);
}


/* Returns the entry of the key, to be released; NULL: there is none */

ngx_http_vcita_memo_entry_t *
ngx_http_vcita_memo_find(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_key_t *key)
{
    ngx_http_vcita_memo_entry_t  *entry;

    if (key->value.len < NGX_HTTP_VCITA_MEMO_TAIL) {
        return NULL;
    }

    key->hash = ngx_http_vcita_memo_hash(memo, &key->value);

    for (entry = memo->buckets[key->hash % NGX_HTTP_VCITA_MEMO_BUCKETS];
         entry;
         entry = entry->next)
    {
        if (entry->key.hash == key->hash
            && entry->key.owner == key->owner
            && entry->key.kind == key->kind
            && ngx_http_vcita_memo_same(&entry->key.value, &key->value))
        {
            ngx_queue_remove(&entry->queue);
            ngx_queue_insert_head(&memo->queue, &entry->queue);

            entry->users++;

            return entry;
        }
    }

    return NULL;
}


/*
 * Creates an entry for a key that was not found, with "size" bytes of data, all
 * of which the caller writes.  The caller may keep it, and has to release it.
 * NULL: the memo cannot keep it.
 */

ngx_http_vcita_memo_entry_t *
ngx_http_vcita_memo_entry(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_key_t *key, size_t size, ngx_log_t *log)
{
    size_t                        used, all;
    ngx_http_vcita_memo_entry_t  *entry;

    used = sizeof(ngx_http_vcita_memo_entry_t) + size + key->value.len;
    all = ngx_align(used, NGX_HTTP_VCITA_MEMO_ROUND);

    if (key->value.len < NGX_HTTP_VCITA_MEMO_TAIL
        || all > NGX_HTTP_VCITA_MEMO_LARGEST)
    {
        return NULL;
    }

    entry = ngx_http_vcita_memo_reuse(memo, all, used);

    if (entry == NULL) {

        entry = ngx_alloc(all, log);
        if (entry == NULL) {
            return NULL;
        }
    }

    entry->key = *key;
    entry->key.value.data = (u_char *) &entry[1] + size;
    ngx_memcpy(entry->key.value.data, key->value.data, key->value.len);

    entry->data = &entry[1];
    entry->size = all;
    entry->users = 1;
    entry->kept = 0;

    return entry;
}


/*
 * If the memo is full, takes the least recently used entry if it has this size
 * and is not in use.  Bytes that will not be overwritten are wiped.
 */

static ngx_http_vcita_memo_entry_t *
ngx_http_vcita_memo_reuse(ngx_http_vcita_memo_t *memo, size_t size,
    size_t used)
{
    ngx_queue_t                  *q;
    ngx_http_vcita_memo_entry_t  *entry;

    if (memo->entries < NGX_HTTP_VCITA_MEMO_MAX
        && memo->size + size + NGX_HTTP_VCITA_MEMO_MALLOC
           <= NGX_HTTP_VCITA_MEMO_SIZE)
    {
        return NULL;
    }

    q = ngx_queue_last(&memo->queue);
    entry = ngx_queue_data(q, ngx_http_vcita_memo_entry_t, queue);

    if (entry->size != size || entry->users) {
        return NULL;
    }

    ngx_http_vcita_memo_unlink(memo, entry);
    ngx_explicit_memzero((u_char *) entry + used, size - used);

    return entry;
}


/* Puts a new entry into the memo until the time it ends */

void
ngx_http_vcita_memo_keep(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_entry_t *entry, time_t ends)
{
    ngx_queue_t                   *q;
    ngx_http_vcita_memo_entry_t  **bucket;

    memo->entries++;
    memo->size += entry->size + NGX_HTTP_VCITA_MEMO_MALLOC;

    while (memo->entries > NGX_HTTP_VCITA_MEMO_MAX
           || memo->size > NGX_HTTP_VCITA_MEMO_SIZE)
    {
        q = ngx_queue_last(&memo->queue);

        ngx_http_vcita_memo_drop(memo,
                       ngx_queue_data(q, ngx_http_vcita_memo_entry_t, queue));
    }

    bucket = &memo->buckets[entry->key.hash % NGX_HTTP_VCITA_MEMO_BUCKETS];

    entry->next = *bucket;
    *bucket = entry;

    ngx_queue_insert_head(&memo->queue, &entry->queue);

    entry->ends = ends;
    entry->kept = 1;
}


/* Removes an entry; it is wiped now, or when its last user releases it */

void
ngx_http_vcita_memo_drop(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_entry_t *entry)
{
    if (!entry->kept) {
        return;
    }

    ngx_http_vcita_memo_unlink(memo, entry);

    if (entry->users == 0) {
        ngx_http_vcita_memo_free(entry);
    }
}


static void
ngx_http_vcita_memo_unlink(ngx_http_vcita_memo_t *memo,
    ngx_http_vcita_memo_entry_t *entry)
{
    ngx_http_vcita_memo_entry_t  **link;

    link = &memo->buckets[entry->key.hash % NGX_HTTP_VCITA_MEMO_BUCKETS];

    while (*link != entry) {
        link = &(*link)->next;
    }

    *link = entry->next;

    ngx_queue_remove(&entry->queue);

    memo->entries--;
    memo->size -= entry->size + NGX_HTTP_VCITA_MEMO_MALLOC;

    entry->kept = 0;
}


/* Releases an entry returned by find() or entry() */

void
ngx_http_vcita_memo_release(ngx_http_vcita_memo_entry_t *entry)
{
    if (--entry->users == 0 && !entry->kept) {
        ngx_http_vcita_memo_free(entry);
    }
}


/* Drops ended entries.  Returns the next time an entry ends; 0: none is left */

time_t
ngx_http_vcita_memo_expire(ngx_http_vcita_memo_t *memo, time_t now)
{
    time_t                        next;
    ngx_queue_t                  *q, *following;
    ngx_http_vcita_memo_entry_t  *entry;

    next = 0;

    for (q = ngx_queue_head(&memo->queue);
         q != ngx_queue_sentinel(&memo->queue);
         q = following)
    {
        following = ngx_queue_next(q);
        entry = ngx_queue_data(q, ngx_http_vcita_memo_entry_t, queue);

        if (entry->ends <= now) {
            ngx_http_vcita_memo_drop(memo, entry);

        } else if (next == 0 || entry->ends < next) {
            next = entry->ends;
        }
    }

    return next;
}


/*
 * The end of a value is its tag or signature, in which two opened values
 * differ.  The key is random, so no client can choose values of one bucket.
 */

static uint64_t
ngx_http_vcita_memo_hash(ngx_http_vcita_memo_t *memo, ngx_str_t *value)
{
    return ngx_http_vcita_hash_short(memo->key,
                                     value->data + value->len
                                     - NGX_HTTP_VCITA_MEMO_TAIL,
                                     NGX_HTTP_VCITA_MEMO_TAIL);
}


/*
 * 1: the two are equal, and at least as long as a tail.  In constant time for a
 * length, as CRYPTO_memcmp(), but a block at a time.
 */

static ngx_uint_t
ngx_http_vcita_memo_same(ngx_str_t *one, ngx_str_t *two)
{
    u_char                       *p, *q, *last;
    ngx_http_vcita_memo_block_t   differ;

    if (one->len != two->len) {
        return 0;
    }

    p = one->data;
    q = two->data;
    last = p + one->len;

    ngx_memzero(&differ, sizeof(ngx_http_vcita_memo_block_t));

    for ( /* void */ ; last - p >= 64; p += 64) {

        ngx_http_vcita_memo_differ(&differ, p, q);
        ngx_http_vcita_memo_differ(&differ, p + 16, q + 16);
        ngx_http_vcita_memo_differ(&differ, p + 32, q + 32);
        ngx_http_vcita_memo_differ(&differ, p + 48, q + 48);

        q += 64;
    }

    for ( /* void */ ; last - p >= 16; p += 16) {
        ngx_http_vcita_memo_differ(&differ, p, q);
        q += 16;
    }

    /* the last block overlaps the one before */

    q -= 16 - (last - p);
    ngx_http_vcita_memo_differ(&differ, last - 16, q);

    return (differ[0] | differ[1]) == 0;
}


static ngx_inline void
ngx_http_vcita_memo_differ(ngx_http_vcita_memo_block_t *differ, u_char *p,
    u_char *q)
{
    ngx_http_vcita_memo_block_t  one, two;

    ngx_memcpy(&one, p, sizeof(one));
    ngx_memcpy(&two, q, sizeof(two));

    *differ |= one ^ two;
}


static void
ngx_http_vcita_memo_free(ngx_http_vcita_memo_entry_t *entry)
{
    ngx_explicit_memzero(entry, entry->size);
    ngx_free(entry);
}
