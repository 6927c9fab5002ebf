/* SPDX-License-Identifier: MIT */
/*
 * task/record.c - memory for futures: 64 bytes each, reused.
 *
 * Each thread keeps two magazines of up to 64 free records, taken from and
 * given back to without any atomic. Whoever frees a record keeps it. Full
 * magazines go to the depot and come from there whole, so that a thread which
 * only makes futures and one which only drops them take its lock once in 64.
 * (J. Bonwick and J. Adams, "Magazines and Vmem", USENIX 2001.)
 *
 *     thread:  current [o o o . . .]   spare [o o o o o o]
 *     depot:   full -> full -> full         slabs: one allocation per 64
 *
 * Slabs are kept until the process ends: the memory of the most futures that
 * ever lived at once.
 *
 * Locking: depot.lock, a leaf.
 */
#include "task/record.h"

#include <string.h>

#include "base/alloc.h"
#include "sys/mutex.h"
#include "sys/tools.h"

#define RECORD_MAGAZINE 64u

/* A free record; the first of a magazine in the depot has `chain` too. */
struct thrumi_record {
    struct thrumi_record *next;
    struct thrumi_record *chain; /* the first record of the next magazine */
    unsigned count;              /* of the magazine in the depot */
};

struct record_slab {
    struct record_slab *next;
};

static struct {
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    struct thrumi_record *full; /* magazines */
    struct record_slab *slabs;  /* so that leak checkers can see them */
} depot;

static void record_hide(struct thrumi_record *record)
{
    thrumi_poison(record, THRUMI_RECORD_SIZE);
}

static void record_show(struct thrumi_record *record)
{
    thrumi_unpoison(record, THRUMI_RECORD_SIZE);
}

/* A child may have inherited the depot locked and half changed: it starts an
 * empty one, and what was in it stays where it is. */
static void record_lock_depot(void)
{
    if (thrumi_unlikely(thrumi_global_mutex_lock(&depot.lock)))
        depot.full = NULL;
}

static struct thrumi_magazine record_from_depot(void)
{
    struct thrumi_magazine magazine = {NULL, 0};
    struct thrumi_record *first;

    record_lock_depot();
    first = depot.full;
    if (first != NULL) {
        record_show(first);
        depot.full = first->chain;
        magazine.first = first;
        magazine.count = first->count;
        record_hide(first);
    }
    thrumi_global_mutex_unlock(&depot.lock);
    return magazine;
}

static void record_to_depot(struct thrumi_magazine *magazine)
{
    struct thrumi_record *first = magazine->first;

    record_lock_depot();
    record_show(first);
    first->chain = depot.full;
    first->count = magazine->count;
    record_hide(first);
    depot.full = first;
    thrumi_global_mutex_unlock(&depot.lock);
    magazine->first = NULL;
    magazine->count = 0;
}

static void record_push(struct thrumi_magazine *magazine, void *memory)
{
    struct thrumi_record *record = memory;

    record->next = magazine->first;
    record_hide(record);
    magazine->first = record;
    magazine->count++;
}

static struct thrumi_magazine record_from_slab(void)
{
    struct thrumi_magazine magazine = {NULL, 0};
    struct record_slab *slab =
        thrumi_alloc((RECORD_MAGAZINE + 2) * THRUMI_RECORD_SIZE);
    char *at;

    if (slab == NULL)
        return magazine;
    record_lock_depot();
    slab->next = depot.slabs;
    depot.slabs = slab;
    thrumi_global_mutex_unlock(&depot.lock);
    /* past the slab's head, on a cache line of its own */
    at = (char *)slab + 2 * THRUMI_RECORD_SIZE;
    at -= (uintptr_t)at % THRUMI_RECORD_SIZE;
    for (unsigned i = RECORD_MAGAZINE; i-- > 0;)
        record_push(&magazine, at + (size_t)i * THRUMI_RECORD_SIZE);
    return magazine;
}

static bool record_refill(struct thrumi_self *self)
{
    thrumi_context_running(); /* so that the thread's end is noticed */
    if (self->spare.count > 0) {
        self->current = self->spare;
        self->spare = (struct thrumi_magazine){NULL, 0};
        return true;
    }
    self->current = record_from_depot();
    if (self->current.count == 0)
        self->current = record_from_slab();
    return self->current.count > 0;
}

void *thrumi_record_alloc(void)
{
    struct thrumi_self *self = thrumi_self();
    struct thrumi_record *record;

    if (thrumi_unlikely(self->current.count == 0) && !record_refill(self))
        return NULL;
    record = self->current.first;
    record_show(record);
    self->current.first = record->next;
    self->current.count--;
    return record;
}

void thrumi_record_free(void *memory)
{
    struct thrumi_self *self = thrumi_self();

    if (thrumi_unlikely(self->current.count == RECORD_MAGAZINE)) {
        thrumi_context_running();
        if (self->spare.count > 0)
            record_to_depot(&self->spare);
        self->spare = self->current;
        self->current = (struct thrumi_magazine){NULL, 0};
    }
    record_push(&self->current, memory);
}

void thrumi_record_flush(struct thrumi_self *self)
{
    if (self->current.count > 0)
        record_to_depot(&self->current);
    if (self->spare.count > 0)
        record_to_depot(&self->spare);
}
