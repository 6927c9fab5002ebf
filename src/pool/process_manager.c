/* SPDX-License-Identifier: MIT */
/*
 * pool/process_manager.c - the thread that looks after a pool's processes.
 *
 * It settles what they have answered, starts those that are missing, buries
 * those that have ended, kills what runs too long, and sleeps as long as none
 * of that is to be done. It runs no code of the program's but the callbacks of
 * futures, and blocks all signals that are not its own fault.
 *
 * A callback may end the thread (pthread_exit()): another one takes over where
 * it was.
 */
#include "pool/process_pool.h"
#include "sys/park.h"
#include "sys/pollset.h"
#include "sys/wakefd.h"

#define MANAGER_ROUNDS 32u /* between two looks at the zygote's socket, */
#define MANAGER_STEPS  8u  /* and steps before a sleep */

static bool manager_collect(struct thrumi_process_pool *pool)
{
    struct thrumi_link *next;
    bool any = false;

    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = next) {
        next = link->next;
        if (thrumi_process_collect(
                pool, thrumi_container_of(link, struct thrumi_crew, link)))
            any = true;
    }
    return any;
}

/* The lock is not needed: only the manager changes the list. */
static bool manager_has_news(struct thrumi_process_pool *pool)
{
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (atomic_load_explicit(&crew->shared->news, memory_order_relaxed) !=
                0 ||
            (!crew->lies && thrumi_spsc_has_news(&crew->responses)))
            return true;
    }
    return false;
}

static void manager_arm(struct thrumi_process_pool *pool, bool arm)
{
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (arm)
            thrumi_bell_arm(&crew->shared->owner_bell);
        else
            thrumi_bell_disarm(&crew->shared->owner_bell);
    }
    if (!arm)
        thrumi_wakefd_set(pool->bell_fd, false);
}

static void manager_poll(struct thrumi_process_pool *pool, int64_t until)
{
    struct thrumi_poll polls[2 + THRUMI_CREW_MOST];
    unsigned n = 2;

    polls[0] = (struct thrumi_poll){pool->bell_fd, false};
    polls[1] = (struct thrumi_poll){pool->zygote, false};
    for (struct thrumi_link *link = pool->crew.next;
         link != &pool->crew && n < 2 + THRUMI_CREW_MOST; link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (crew->orphan)
            polls[n++].fd = crew->pidfd;
    }
    thrumi_poll(polls, n, (thrum_time){until});
    for (unsigned i = 1; i < n; i++)
        pool->zygote_ready = pool->zygote_ready || polls[i].ready;
}

/* A death is told while the manager looks for answers, often because whoever
 * waits for one does not get it: it is seen before the manager would sleep. */
static bool manager_is_told(struct thrumi_process_pool *pool, unsigned step)
{
    struct thrumi_poll poll = {pool->zygote, false};

    if (step % MANAGER_STEPS != MANAGER_STEPS - 1)
        return false;
    thrumi_poll(&poll, 1, THRUM_NOW);
    pool->zygote_ready = pool->zygote_ready || poll.ready;
    return poll.ready;
}

/* Sleeps, unless there is something to do by now. */
static void manager_sleep(struct thrumi_process_pool *pool, int64_t until)
{
    for (unsigned step = 0; step < THRUMI_SPIN_STEPS; step++) {
        if (manager_has_news(pool) ||
            atomic_load_explicit(&pool->work, memory_order_relaxed) != 0 ||
            manager_is_told(pool, step))
            return;
        thrumi_spin(step);
    }
    thrumi_bell_arm(&pool->bell);
    manager_arm(pool, true);
    if (!manager_has_news(pool) &&
        atomic_load_explicit(&pool->work, memory_order_relaxed) == 0)
        manager_poll(pool, until);
    manager_arm(pool, false);
    thrumi_bell_disarm(&pool->bell);
}

/* Is there nothing left to do, for ever? */
static bool manager_is_done(struct thrumi_process_pool *pool)
{
    bool done;

    thrumi_mutex_lock(&pool->lock);
    done = atomic_load_explicit(&pool->closing, memory_order_acquire) != 0 &&
           pool->outstanding == 0 && thrumi_list_empty(&pool->crew) &&
           thrumi_list_empty(&pool->answers);
    thrumi_mutex_unlock(&pool->lock);
    return done;
}

/* What the zygote tells is looked for when it has been said that there is
 * something, and now and then while there is no time to ask. */
static bool manager_hear(struct thrumi_process_pool *pool)
{
    bool any;

    if (!pool->zygote_ready && pool->unheard == 0 &&
        ++pool->rounds % MANAGER_ROUNDS != 0)
        return false;
    pool->zygote_ready = false;
    any = thrumi_process_listen(pool);
    return thrumi_process_bury_orphans(pool) || any;
}

static void manager_loop(struct thrumi_process_pool *pool)
{
    int64_t next = 0;

    do {
        bool any = false;

        atomic_store_explicit(&pool->work, 0, memory_order_relaxed);
        any = manager_hear(pool);
        any = manager_collect(pool) || any;
        next = thrumi_process_arrange(pool);
        if (pool->broken_by != NULL)
            thrumi_process_break(pool);
        thrumi_process_settle(pool);
        thrumi_crew_clear(pool);
        if (!any && !manager_is_done(pool) && !thrumi_process_prepare(pool))
            manager_sleep(pool, next);
    } while (!manager_is_done(pool));
}

/* ---- the thread ---- */

static void *manager_main(void *arg);

/* A callback has ended the thread. Where there is no other to be had, this one
 * goes on while it ends. */
static void manager_lost(void *arg)
{
    struct thrumi_process_pool *pool = arg;
    pthread_t self = pthread_self();

    if (thrumi_process_start_manager(pool) == 0)
        pthread_detach(self);
    else
        manager_main(pool);
}

static void *manager_main(void *arg)
{
    struct thrumi_process_pool *pool = arg;

    thrumi_thread_set_name("thrum-pool", 0);
    atomic_store_explicit(&pool->manager, thrumi_self(), memory_order_relaxed);
    pthread_cleanup_push(manager_lost, pool);
    manager_loop(pool);
    pthread_cleanup_pop(0);
    thrumi_process_end_zygote(pool);
    thrumi_process_ended(pool);
    thrumi_process_release(pool);
    return NULL;
}

int thrumi_process_start_manager(struct thrumi_process_pool *pool)
{
    struct thrumi_thread_options options = {.mask = NULL};
    sigset_t mask;
    int rc;

    thrumi_thread_mask(&mask, true);
    options.mask = &mask;
    thrumi_mutex_lock(&pool->lock);
    rc = thrumi_thread_start(&pool->thread, &options, manager_main, pool);
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}
