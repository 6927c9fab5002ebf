/* SPDX-License-Identifier: MIT */
/*
 * pool/places.c - the places of a pool's workers, and the threads that have
 * them.
 *
 *     workers:  [ worker ] [ worker ] [ NULL ] [ NULL ]
 *                   |          |
 *                 thread      NULL: the place is free
 *
 *     ended:    thread - thread                 to be joined
 *
 * A thread that ends gives its place up at once and is put on the list of the
 * ended. It may go on for long: the destructors that the program has for keys
 * and thread-local objects come then, and these may submit to the same pool.
 * So nobody waits for it but who waits for the end of the pool, with no lock
 * held. Whoever starts a thread joins those of the list that are gone by then.
 *
 * Locking: pool.lock guards which thread has which place, and the list;
 * join_lock, which is taken before it, that one joins at a time.
 */
#include <errno.h>

#include "base/alloc.h"
#include "pool/thread_pool.h"
#include "task/waitgraph.h"

/* ---- threads that have ended ---- */

/* Joins those that are gone, and waits for none. The lock is held. */
static void place_join_gone(struct thrumi_pool *pool)
{
    struct thrumi_link *next;

    for (struct thrumi_link *link = pool->ended.next; link != &pool->ended;
         link = next) {
        struct thrumi_pool_thread *thread =
            thrumi_container_of(link, struct thrumi_pool_thread, link);

        next = link->next;
        if (pthread_tryjoin_np(thread->id, NULL) != 0)
            continue;
        thrumi_list_remove(link);
        thrumi_free(thread);
    }
}

/* Takes a thread that is to be joined, or detached. */
static bool place_take_ended(struct thrumi_pool *pool, pthread_t *ret)
{
    struct thrumi_pool_thread *thread;
    struct thrumi_link *link;

    thrumi_mutex_lock(&pool->lock);
    link = thrumi_list_pop(&pool->ended);
    thrumi_mutex_unlock(&pool->lock);
    if (link == NULL)
        return false;
    thread = thrumi_container_of(link, struct thrumi_pool_thread, link);
    *ret = thread->id;
    thrumi_free(thread);
    return true;
}

void thrumi_pool_join_ended(struct thrumi_pool *pool)
{
    pthread_t id;

    thrumi_mutex_lock(&pool->join_lock);
    while (place_take_ended(pool, &id))
        pthread_join(id, NULL);
    thrumi_mutex_unlock(&pool->join_lock);
}

void thrumi_pool_detach_ended(struct thrumi_pool *pool)
{
    pthread_t id;

    thrumi_mutex_lock(&pool->lock);
    pool->orphaned = true;
    thrumi_mutex_unlock(&pool->lock);
    while (place_take_ended(pool, &id))
        pthread_detach(id);
}

bool thrumi_pool_some_run(struct thrumi_pool *pool)
{
    unsigned places = atomic_load_explicit(&pool->places, memory_order_relaxed);

    if (atomic_load_explicit(&pool->alive, memory_order_relaxed) != 0)
        return true;
    for (unsigned i = 0; i < places; i++) {
        struct thrumi_worker *worker =
            atomic_load_explicit(&pool->workers[i], memory_order_relaxed);

        if (worker != NULL && worker->thread != NULL)
            return true;
    }
    return false;
}

/* ---- starting ---- */

/* Makes the worker of a place that never had one. */
static struct thrumi_worker *place_new(struct thrumi_pool *pool, unsigned place)
{
    struct thrumi_worker *worker = thrumi_alloc_zero(sizeof(*worker));

    if (worker == NULL)
        return NULL;
    if (!thrumi_deque_init(&worker->deque)) {
        thrumi_free(worker);
        return NULL;
    }
    worker->pool = pool;
    worker->index = place;
    thrumi_sleeper_init(&worker->sleeper);
    /* release: pairs with the acquires of those who steal */
    atomic_store_explicit(&pool->workers[place], worker, memory_order_release);
    if (place >= atomic_load_explicit(&pool->places, memory_order_relaxed))
        atomic_store_explicit(&pool->places, place + 1, memory_order_release);
    return worker;
}

/* Finds a place without a thread. 0; 1 if there is none; -ENOMEM. */
static int place_find(struct thrumi_pool *pool, struct thrumi_worker **ret)
{
    for (unsigned i = 0; i < pool->max_threads; i++) {
        struct thrumi_worker *worker =
            atomic_load_explicit(&pool->workers[i], memory_order_relaxed);

        if (worker != NULL && worker->thread != NULL)
            continue;
        if (worker == NULL)
            worker = place_new(pool, i);
        if (worker == NULL)
            return -ENOMEM;
        *ret = worker;
        return 0;
    }
    return 1;
}

static int place_start_thread(struct thrumi_pool *pool,
                              struct thrumi_worker *worker)
{
    const struct thrumi_thread_options options = {
        pool->options.stack_size, pool->affinity, pool->options.affinity_count,
        &pool->mask};
    struct thrumi_pool_thread *thread = thrumi_alloc(sizeof(*thread));
    int rc;

    if (thread == NULL)
        return -ENOMEM;
    thrumi_executor_hold(&pool->executor);
    atomic_fetch_add_explicit(&pool->alive, 1, memory_order_relaxed);
    worker->thread = thread;
    rc = thrumi_thread_start(&thread->id, &options, thrumi_worker_main, worker);
    if (rc == 0)
        return 0;
    worker->thread = NULL;
    thrumi_free(thread);
    atomic_fetch_sub_explicit(&pool->alive, 1, memory_order_relaxed);
    thrumi_executor_release(&pool->executor);
    return rc == -ENOMEM ? -ENOMEM : -EAGAIN;
}

int thrumi_worker_start_locked(struct thrumi_pool *pool, bool searching)
{
    struct thrumi_worker *worker;
    int rc;

    place_join_gone(pool);
    if (thrumi_pool_active(pool) >= pool->max_workers)
        return 1;
    rc = place_find(pool, &worker);
    if (rc != 0)
        return rc;
    /* somebody may still be looking at the context of the one before */
    thrumi_waitgraph_barrier();
    thrumi_context_init(&worker->context);
    worker->context.help = thrumi_worker_help;
    worker->context.block = thrumi_worker_block;
    worker->context.unblock = thrumi_worker_unblock;
    worker->searching = searching;
    worker->retired = false;
    worker->expired = false;
    return place_start_thread(pool, worker);
}

int thrumi_worker_start(struct thrumi_pool *pool, bool searching)
{
    int rc;

    thrumi_mutex_lock(&pool->lock);
    rc = thrumi_worker_start_locked(pool, searching);
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}

/* ---- leaving ---- */

/* The calling thread gives its worker up. The lock is held. */
static void place_leave(struct thrumi_worker *worker)
{
    struct thrumi_pool *pool = worker->pool;
    struct thrumi_pool_thread *thread = worker->thread;

    thrumi_self()->running = &thrumi_self()->thread;
    if (!worker->retired)
        atomic_fetch_sub_explicit(&pool->alive, 1, memory_order_relaxed);
    worker->thread = NULL;
    if (!pool->orphaned && !worker->expired) {
        thrumi_list_append(&pool->ended, &thread->link);
        return;
    }
    pthread_detach(thread->id);
    thrumi_free(thread);
}

bool thrumi_worker_leave(struct thrumi_worker *worker, bool replace)
{
    struct thrumi_pool *pool = worker->pool;
    bool last;
    int rc = 0;

    thrumi_mutex_lock(&pool->lock);
    place_leave(worker);
    if (replace)
        rc = thrumi_worker_start_locked(pool, false);
    last = atomic_load_explicit(&pool->alive, memory_order_relaxed) == 0;
    if (last)
        thrumi_pool_ended(pool);
    thrumi_mutex_unlock(&pool->lock);
    return !last || rc == 0;
}
