/* SPDX-License-Identifier: MIT */
/*
 * monkey/owners.c - a table of owners, by the address of what they have.
 *
 * Of one object there is one entry at most. Entries are used again and never
 * freed, as the same objects are locked again and again.
 *
 * The kind of a mutex and the thread that has it are read from its inside, which
 * glibc has as it is since static initialisers hold it.
 *
 * Locking: a bucket's lock is a leaf.
 */
#include "monkey/owners.h"

#include <stdint.h>
#include <stdlib.h>

#include <thrum/greenlet.h>

#include "base/container.h"

#define OWNERS_BUCKETS 16u /* a fork takes all; see lot.c */
#define OWNERS_KIND    3   /* of __kind: what the program asked for */

struct owners_entry {
    struct owners_entry *next;
    const void *object; /* NULL: free */
    const thrum_greenlet *owner;
    unsigned depth;
};

struct owners_bucket {
    pthread_mutex_t lock;
    struct owners_entry *first; /* guarded by lock */
} __attribute__((aligned(64)));

static struct owners_bucket owners_buckets[OWNERS_BUCKETS] = {
    [0 ... OWNERS_BUCKETS - 1] = {PTHREAD_MUTEX_INITIALIZER, NULL}};

atomic_uint thrumi_owners_known;

bool thrumi_owners_matter(const pthread_mutex_t *mutex)
{
    int kind = mutex->__data.__kind & OWNERS_KIND;

    return kind == PTHREAD_MUTEX_RECURSIVE || kind == PTHREAD_MUTEX_ERRORCHECK;
}

static struct owners_bucket *owners_open(const void *object)
{
    uint64_t hash = (uintptr_t)object / 8 * UINT64_C(0x9e3779b97f4a7c15);
    struct owners_bucket *bucket = &owners_buckets[hash >> 60];

    pthread_mutex_lock(&bucket->lock);
    return bucket;
}

static void owners_close(struct owners_bucket *bucket)
{
    pthread_mutex_unlock(&bucket->lock);
}

/* The entry of a mutex, or with NULL a free one; NULL: there is none. */
static struct owners_entry *owners_find(const struct owners_bucket *bucket,
                                        const void *object)
{
    struct owners_entry *entry = bucket->first;

    while (entry != NULL && entry->object != object)
        entry = entry->next;
    return entry;
}

static enum thrumi_owner owners_who(const struct owners_entry *entry)
{
    if (entry == NULL)
        return THRUMI_OWNER_NONE;
    return entry->owner == thrum_greenlet_current() ? THRUMI_OWNER_SELF
                                                    : THRUMI_OWNER_OTHER;
}

static void owners_free(struct owners_entry *entry)
{
    entry->object = NULL;
    atomic_fetch_sub_explicit(&thrumi_owners_known, 1, memory_order_relaxed);
}

enum thrumi_owner thrumi_owners_ask(const void *object)
{
    struct owners_bucket *bucket = owners_open(object);
    enum thrumi_owner owner = owners_who(owners_find(bucket, object));

    owners_close(bucket);
    return owner;
}

/* It is added after it was locked and dropped before it is unlocked, so under the
 * bucket's lock what is remembered is locked. */
enum thrumi_owner thrumi_owners_ask_mutex(const pthread_mutex_t *mutex)
{
    struct owners_bucket *bucket = owners_open(mutex);
    struct owners_entry *entry = owners_find(bucket, mutex);
    enum thrumi_owner owner;

    if (entry != NULL && mutex->__data.__owner == 0) {
        owners_free(entry);
        entry = NULL;
    }
    owner = owners_who(entry);
    owners_close(bucket);
    return owner;
}

/* A new one; NULL: no memory. */
static struct owners_entry *owners_make(struct owners_bucket *bucket,
                                        const void *object,
                                        const thrum_greenlet *owner)
{
    struct owners_entry *entry = owners_find(bucket, NULL);

    if (entry == NULL) {
        entry = malloc(sizeof(*entry));
        if (entry == NULL)
            return NULL;
        entry->next = bucket->first;
        bucket->first = entry;
    }
    *entry = (struct owners_entry){entry->next, object, owner, 1};
    atomic_fetch_add_explicit(&thrumi_owners_known, 1, memory_order_relaxed);
    return entry;
}

bool thrumi_owners_add(const void *object)
{
    struct owners_bucket *bucket = owners_open(object);
    struct owners_entry *entry = owners_find(bucket, object);
    const thrum_greenlet *self = thrum_greenlet_current();
    bool own;

    if (entry == NULL) {
        entry = owners_make(bucket, object, self);
        own = entry != NULL;
    } else {
        own = entry->owner == self;
        entry->depth += own;
    }
    owners_close(bucket);
    return own;
}

void thrumi_owners_drop(const void *object)
{
    struct owners_bucket *bucket = owners_open(object);
    struct owners_entry *entry = owners_find(bucket, object);

    if (entry != NULL && --entry->depth == 0)
        owners_free(entry);
    owners_close(bucket);
}

void thrumi_owners_forget(const void *object)
{
    struct owners_bucket *bucket = owners_open(object);
    struct owners_entry *entry = owners_find(bucket, object);

    if (entry != NULL)
        owners_free(entry);
    owners_close(bucket);
}

/* ---- fork ---- */

void thrumi_owners_before_fork(void)
{
    for (unsigned i = 0; i < OWNERS_BUCKETS; i++)
        pthread_mutex_lock(&owners_buckets[i].lock);
}

void thrumi_owners_after_fork(void)
{
    for (unsigned i = 0; i < OWNERS_BUCKETS; i++)
        pthread_mutex_unlock(&owners_buckets[i].lock);
}
