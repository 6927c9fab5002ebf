/* SPDX-License-Identifier: MIT */
/*
 * monkey/patch.c - writing hooks into slots, and originals back.
 *
 * A slot is written when it holds the original or the hook and is to hold the
 * other one; what holds anything else is another's business. One that the loader
 * has not bound yet is bound to the hook at once; if a thread is in the middle of
 * binding it, that overwrites the hook, so whenever there were such slots all are
 * looked at again.
 *
 * Another thread may be in the middle of loading an object. What the loader is
 * going to make read-only it still writes to, so that is not to be made so before:
 * such an object is left until it is loaded.
 *
 * Locking: patch.lock is held while slots are written. The loader's lock is
 * taken under it, but never that which dlopen() holds while it runs
 * constructors: those may patch. So originals are looked for before.
 */
#include "monkey/patch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include <thrum/monkey.h>
#include <thrum/net.h>

#include "monkey/locks.h"
#include "monkey/lot.h"
#include "monkey/objects.h"
#include "monkey/owners.h"
#include "monkey/stray_watch.h"
#include "monkey/table.h"
#include "monkey/watch.h"
#include "sys/allbarrier.h"

#define PATCH_LOOKS    4 /* at most, while slots are being bound */
#define PATCH_PAUSE_MS 1

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    atomic_uint families; /* written under the lock */
    atomic_ullong loaded; /* objects, when the first one was patched */
} patch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_ONCE_INIT, 0, 0};

/* One walk over all slots. */
struct patch_walk {
    unsigned families;
    const struct thrumi_object_seen *object;
    bool only_look;
    bool sealed; /* some of the object's read-only slots are to be written */
    bool last;   /* there will be no other look */
    unsigned written;
    unsigned loading; /* objects that were left */
    unsigned unbound; /* of these, those that were not bound */
    int rc;
};

/* ---- slots ---- */

/* What is to be in it; 0: it is as it is to be, or not ours. */
static uintptr_t patch_wanted(const struct patch_walk *walk,
                              const struct thrumi_import *slot)
{
    const struct thrumi_monkey_row *row;
    uintptr_t now;

    if (slot->own)
        return 0;
    row = thrumi_monkey_find(slot->name);
    if (row == NULL || row->original == 0)
        return 0;
    now = thrumi_import_get(slot);
    if (row->families & walk->families)
        return now == row->original || slot->unbound ? row->hook : 0;
    return now == row->hook ? row->original : 0;
}

static bool patch_visit_slot(const struct thrumi_import *slot, void *arg)
{
    struct patch_walk *walk = arg;
    uintptr_t wanted = patch_wanted(walk, slot);

    if (wanted == 0)
        return true;
    if (walk->only_look) {
        walk->sealed |= thrumi_slots_sealed(&walk->object->slots, slot);
        return true;
    }
    thrumi_import_set(slot, wanted);
    walk->written++;
    walk->unbound += slot->unbound;
    return true;
}

/* False: the object is to be left, or there is an error. What is writable still
 * at the last look was made so by others, and stays as it is. */
static bool patch_unseal(struct patch_walk *walk)
{
    const struct thrumi_slots *slots = &walk->object->slots;

    if (thrumi_slots_are_sealed(slots)) {
        walk->rc = thrumi_slots_unseal(slots);
        return walk->rc == 0;
    }
    walk->sealed = false;
    walk->loading++;
    return walk->last;
}

static bool patch_visit_object(const struct thrumi_object_seen *object,
                               void *arg)
{
    struct patch_walk *walk = arg;

    if (object->left_alone)
        return true;
    walk->object = object;
    walk->sealed = false;
    walk->only_look = true;
    thrumi_slots_each(&object->slots, patch_visit_slot, walk);
    if (walk->sealed && !patch_unseal(walk))
        return walk->rc == 0;
    walk->only_look = false;
    thrumi_slots_each(&object->slots, patch_visit_slot, walk);
    if (walk->sealed)
        (void)thrumi_slots_seal(&object->slots);
    return true;
}

/* Makes all slots those of these families: how many were written, or a code. */
static int patch_walk(unsigned families)
{
    struct patch_walk walk = {.families = families};
    unsigned written = 0;

    for (int look = 0; look < PATCH_LOOKS; look++) {
        walk.written = 0;
        walk.unbound = 0;
        walk.loading = 0;
        walk.last = look == PATCH_LOOKS - 1;
        thrumi_objects_each(patch_visit_object, &walk);
        if (walk.rc != 0)
            return walk.rc;
        written += walk.written;
        if (walk.unbound + walk.loading == 0)
            break;
        if (walk.loading > 0)
            (void)poll(NULL, 0, PATCH_PAUSE_MS);
    }
    return (int)written;
}

/* ---- fork ---- */

/* Whoever forks has all locks, so that the child finds them free and what they
 * guard whole. */
static void patch_before_fork(void)
{
    pthread_mutex_lock(&patch.lock);
    thrumi_once_before_fork();
    thrumi_owners_before_fork();
    thrumi_lot_before_fork();
}

static void patch_after_fork_in(bool child)
{
    thrumi_lot_after_fork(child);
    thrumi_owners_after_fork();
    thrumi_once_after_fork(child);
    pthread_mutex_unlock(&patch.lock);
}

static void patch_after_fork(void)
{
    patch_after_fork_in(false);
}

static void patch_after_fork_in_child(void)
{
    patch_after_fork_in(true);
    thrumi_signal_after_fork_in_child();
}

static void patch_prepare(void)
{
    (void)pthread_atfork(patch_before_fork, patch_after_fork,
                         patch_after_fork_in_child);
}

/* ---- families ---- */

unsigned thrumi_monkey_families(void)
{
    return atomic_load_explicit(&patch.families, memory_order_relaxed);
}

unsigned thrumi_monkey_late_objects(void)
{
    if (thrumi_monkey_families() == 0)
        return 0;
    return (
        unsigned)(thrumi_objects_loaded() -
                  atomic_load_explicit(&patch.loaded, memory_order_relaxed));
}

/* Nothing is half done: what cannot be written is undone. What descriptors are
 * set to may change untold until it is done. */
static int patch_set(unsigned families)
{
    unsigned before = thrumi_monkey_families();
    int rc;

    thrum_fd_told(false);
    rc = patch_walk(families);
    if (rc < 0) {
        (void)patch_walk(before);
        families = before;
    }
    if (before == 0)
        atomic_store_explicit(&patch.loaded, thrumi_objects_loaded(),
                              memory_order_relaxed);
    atomic_store_explicit(&patch.families, families, memory_order_relaxed);
    thrum_fd_told((families & THRUM_MONKEY_SOCKET) != 0);
    return rc < 0 ? rc : 0;
}

static int patch_change(unsigned add, unsigned drop)
{
    int rc;

    if (((add | drop) & ~THRUM_MONKEY_ALL) != 0)
        return -EINVAL;
    pthread_once(&patch.once, patch_prepare);
    thrumi_monkey_resolve();
    /* a thread that finds a hook in a slot reads the original without a fence */
    (void)thrumi_all_barrier();
    pthread_mutex_lock(&patch.lock);
    rc = patch_set((thrumi_monkey_families() | add) & ~drop);
    pthread_mutex_unlock(&patch.lock);
    return rc;
}

int thrum_monkey_patch(unsigned families)
{
    int rc = patch_change(families, 0);

    if (rc == 0)
        thrumi_monkey_watch();
    return rc;
}

int thrum_monkey_patch_all(void)
{
    return thrum_monkey_patch(THRUM_MONKEY_ALL);
}

int thrum_monkey_unpatch(unsigned families)
{
    int rc = patch_change(0, families);

    if (thrumi_monkey_families() == 0)
        thrumi_stray_unwatch();
    return rc;
}

int thrum_monkey_check(void)
{
    int rc;

    pthread_mutex_lock(&patch.lock);
    rc = patch_walk(thrumi_monkey_families());
    pthread_mutex_unlock(&patch.lock);
    return rc;
}

void thrumi_monkey_look_again(void)
{
    (void)thrum_monkey_check();
}

/* ---- names ---- */

bool thrum_monkey_is_patched(const char *symbol)
{
    const struct thrumi_monkey_row *row = thrumi_monkey_find(symbol);

    return row != NULL && row->original != 0 &&
           (row->families & thrumi_monkey_families()) != 0;
}

void *thrum_monkey_original(const char *symbol)
{
    const struct thrumi_monkey_row *row;

    thrumi_monkey_resolve();
    row = thrumi_monkey_find(symbol);
    return row == NULL ? NULL : (void *)row->original;
}
