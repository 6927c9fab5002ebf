/* SPDX-License-Identifier: MIT */
/*
 * pool/at_exit.c - pools that exit() waits for, if they asked for it.
 *
 * The handler is registered with the first such pool. It does not wait when
 * exit() was called by a worker, which would wait for itself, nor in a forked
 * child, which has none of the threads (F68).
 *
 * Locking: at_exit.lock is held only to look at the list.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "pool/thread_pool.h"
#include "sys/mutex.h"

struct at_exit_entry {
    struct at_exit_entry *next;
    struct thrumi_pool *pool; /* held */
};

static struct {
    struct thrumi_global_mutex lock;
    /* guarded by lock: */
    struct at_exit_entry *entries;
    bool registered;
} at_exit;

static struct at_exit_entry *at_exit_take(void)
{
    struct at_exit_entry *entry;

    if (thrumi_global_mutex_lock(&at_exit.lock))
        at_exit.entries = NULL; /* the parent's */
    entry = at_exit.entries;
    if (entry != NULL)
        at_exit.entries = entry->next;
    thrumi_global_mutex_unlock(&at_exit.lock);
    return entry;
}

static bool at_exit_on_worker(void)
{
    return thrumi_context_running()->help == thrumi_worker_help;
}

static void at_exit_wait(void)
{
    struct at_exit_entry *entry;

    if (at_exit_on_worker())
        return;
    while ((entry = at_exit_take()) != NULL) {
        if (thrumi_executor_check(&entry->pool->executor) == 0)
            thrumi_pool_shutdown(entry->pool, THRUM_WAIT, THRUM_FOREVER);
        thrumi_pool_release(entry->pool);
        thrumi_free(entry);
    }
}

/* Lets go of those that have ended, so that the list is no longer than the
 * pools that live; the lock is held. */
static void at_exit_sweep(void)
{
    struct at_exit_entry **at = &at_exit.entries;

    while (*at != NULL) {
        struct at_exit_entry *entry = *at;
        struct thrumi_pool *pool = entry->pool;

        if (atomic_load_explicit(&pool->closing, memory_order_acquire) == 0 ||
            atomic_load_explicit(&pool->alive, memory_order_acquire) != 0) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        thrumi_pool_release(pool);
        thrumi_free(entry);
    }
}

int thrumi_pool_wait_at_exit(struct thrumi_pool *pool)
{
    struct at_exit_entry *entry = thrumi_alloc(sizeof(*entry));
    int rc = 0;

    if (entry == NULL)
        return -ENOMEM;
    if (thrumi_global_mutex_lock(&at_exit.lock))
        at_exit.entries = NULL;
    at_exit_sweep();
    if (!at_exit.registered && atexit(at_exit_wait) != 0)
        rc = -ENOMEM;
    if (rc == 0) {
        at_exit.registered = true;
        thrumi_executor_hold(&pool->executor);
        entry->pool = pool;
        entry->next = at_exit.entries;
        at_exit.entries = entry;
    } else {
        thrumi_free(entry);
    }
    thrumi_global_mutex_unlock(&at_exit.lock);
    return rc;
}
