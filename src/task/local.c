/* SPDX-License-Identifier: MIT */
/*
 * task/local.c - variables of which each greenlet has its own value.
 *
 * A variable gets a number when it is first set, which is never used again.
 * Each greenlet and thread that has set one has a table of its own, so nothing
 * here is locked: an array of entries in the order in which they were first
 * set, and behind it, twice as long, a hash of their places by number. Numbers
 * are given out one by one, so the few variables of a program hardly ever meet
 * in it.
 *
 *     entries  | id, value, destroy | id, value, destroy | ...
 *     places   | 2 | - | 1 | - | ...      of the entry, from 1; 0: none
 *
 * An entry has its own copy of `destroy`, so the variable may go before it.
 */
#include "task/local.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>

#include <thrum/local.h>

#include "base/alloc.h"
#include "task/context.h"

#define LOCAL_FIRST  8u /* entries of a table at first; a power of two */
#define LOCAL_ROUNDS 4u /* how often values are destroyed that destroy sets */

struct local_entry {
    uint64_t id;
    void *value; /* NULL: there is nothing to be destroyed */
    void (*destroy)(void *value);
};

struct thrumi_locals {
    uint32_t count;
    uint32_t capacity; /* of entries; a power of two */
    uint32_t *places;  /* twice as many, behind the entries */
    struct local_entry entries[];
};

/* ---- numbers ---- */

static _Atomic uint64_t local_last_id;

static _Atomic uint64_t *local_id_of(const thrum_local *local)
{
    return (_Atomic uint64_t *)(uintptr_t)&local->id;
}

/* Its number; 0: it was never set. */
static uint64_t local_id(const thrum_local *local)
{
    /* relaxed: whoever has a value has given it the number himself, or has
       seen it; no data comes with it */
    return atomic_load_explicit(local_id_of(local), memory_order_relaxed);
}

static uint64_t local_need_id(thrum_local *local)
{
    uint64_t id = local_id(local);
    uint64_t fresh;

    if (thrumi_likely(id != 0))
        return id;
    fresh =
        atomic_fetch_add_explicit(&local_last_id, 1, memory_order_relaxed) + 1;
    /* of two who set it first, one gives it its number */
    return atomic_compare_exchange_strong_explicit(local_id_of(local), &id,
                                                   fresh, memory_order_relaxed,
                                                   memory_order_relaxed)
               ? fresh
               : id;
}

/* ---- the table ---- */

static struct thrumi_locals *local_table_new(uint32_t capacity)
{
    size_t entries = capacity * sizeof(struct local_entry);
    struct thrumi_locals *table = thrumi_alloc_zero(
        sizeof(*table) + entries + 2 * (size_t)capacity * sizeof(uint32_t));

    if (table == NULL)
        return NULL;
    table->capacity = capacity;
    table->places = (uint32_t *)(void *)((char *)table->entries + entries);
    return table;
}

/* Where its place is, or would be. */
static uint32_t *local_place(struct thrumi_locals *table, uint64_t id)
{
    uint32_t mask = 2 * table->capacity - 1;
    uint32_t at = (uint32_t)id & mask;

    while (table->places[at] != 0 &&
           table->entries[table->places[at] - 1].id != id)
        at = (at + 1) & mask;
    return &table->places[at];
}

static struct local_entry *local_find(struct thrumi_locals *table, uint64_t id)
{
    uint32_t place = table == NULL ? 0 : *local_place(table, id);

    return place == 0 ? NULL : &table->entries[place - 1];
}

static void local_add(struct thrumi_locals *table,
                      const struct local_entry *entry)
{
    table->entries[table->count++] = *entry;
    *local_place(table, entry->id) = table->count;
}

/* The table, or one twice as large in its place; NULL: no memory, and it is as
 * it was. Entries of variables that are gone go on being there. */
static struct thrumi_locals *local_make_room(struct thrumi_locals **locals)
{
    struct thrumi_locals *table = *locals;
    struct thrumi_locals *larger;

    if (table != NULL && table->count < table->capacity)
        return table;
    larger = local_table_new(table == NULL ? LOCAL_FIRST : 2 * table->capacity);
    if (larger == NULL)
        return NULL;
    for (uint32_t i = 0; table != NULL && i < table->count; i++)
        local_add(larger, &table->entries[i]);
    thrumi_free(table);
    *locals = larger;
    return larger;
}

/* ---- whose they are ---- */

/* Those of the greenlet that runs, or else of the thread. */
static struct thrumi_locals **local_table(void)
{
    struct thrumi_context *context = thrumi_context_running();

    for (; context != NULL; context = context->carrier)
        if (context->is_greenlet)
            return &context->locals;
    return &thrumi_self()->locals;
}

/* Calls destroy for all values that there are; false: there was none. Those
 * that it sets may move the table. */
static bool local_destroy_all(struct thrumi_locals **locals)
{
    bool any = false;

    for (uint32_t i = 0; i < (*locals)->count; i++) {
        struct local_entry *entry = &(*locals)->entries[i];
        void *value = entry->value;

        entry->value = NULL;
        if (value == NULL || entry->destroy == NULL)
            continue;
        entry->destroy(value);
        any = true;
    }
    return any;
}

void thrumi_locals_end(struct thrumi_locals **locals)
{
    unsigned rounds = 0;

    while (local_destroy_all(locals) && ++rounds < LOCAL_ROUNDS)
        ;
    thrumi_free(*locals);
    *locals = NULL;
}

/* ---- the variables ---- */

void thrum_local_init(thrum_local *local, void (*destroy)(void *value))
{
    *local = (thrum_local)THRUM_LOCAL_INIT(destroy);
}

void thrum_local_fini(thrum_local *local)
{
    atomic_store_explicit(local_id_of(local), 0, memory_order_relaxed);
}

void *thrum_local_get(const thrum_local *local)
{
    const struct local_entry *entry =
        local_find(*local_table(), local_id(local));

    return entry == NULL ? NULL : entry->value;
}

int thrum_local_set(thrum_local *local, void *value)
{
    struct thrumi_locals **locals = local_table();
    struct local_entry entry = {local_need_id(local), value, local->destroy};
    struct local_entry *before = local_find(*locals, entry.id);
    struct thrumi_locals *table;

    if (before != NULL) {
        before->value = value;
        return 0;
    }
    if (value == NULL)
        return 0;
    table = local_make_room(locals);
    if (table == NULL)
        return -ENOMEM;
    local_add(table, &entry);
    return 0;
}
