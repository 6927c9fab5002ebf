/* SPDX-License-Identifier: MIT */
/*
 * pool/process_end.c - the end of a process pool.
 *
 * Closing is one store. The manager goes on until nothing is outstanding, lets
 * the workers go, then the zygote, and ends; whoever waits joins it. When nobody
 * can any more, since the last user is gone, it is detached.
 */
#include <errno.h>

#include "pool/process_pool.h"
#include "sys/pidfd.h"
#include "sys/signals.h"

static void end_close(struct thrumi_process_pool *pool)
{
    int open = 0;

    /* release: pairs with the acquire of who submits */
    atomic_compare_exchange_strong_explicit(
        &pool->closing, &open, THRUM_ESHUTDOWN, memory_order_acq_rel,
        memory_order_relaxed);
}

int thrumi_process_request_shutdown(void *self)
{
    end_close(self);
    thrumi_process_wake(self);
    return 0;
}

/* ---- what has not begun ---- */

/* The next one that has not begun, with a reference; the lock is held. Those
 * that wait for another try have begun. */
static thrum_future *end_next(struct thrumi_process_pool *pool)
{
    for (unsigned i = 0; i < THRUMI_QUEUES; i++)
        for (struct thrumi_link *link = pool->queues[i].next;
             link != &pool->queues[i]; link = link->next) {
            thrum_future *task =
                thrumi_container_of(link, struct thrumi_task_extra, link)->self;

            if (thrumi_future_phase(task) == THRUMI_PENDING)
                return thrum_future_ref(task);
        }
    return NULL;
}

static void end_cancel_queued(struct thrumi_process_pool *pool)
{
    thrum_future *task;

    for (;;) {
        thrumi_mutex_lock(&pool->lock);
        for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
             link = link->next) {
            struct thrumi_crew *crew =
                thrumi_container_of(link, struct thrumi_crew, link);

            thrumi_process_reclaim(pool, crew, crew->first);
        }
        task = end_next(pool);
        thrumi_mutex_unlock(&pool->lock);
        if (task == NULL)
            return;
        thrum_future_cancel(task);
        thrum_future_unref(task);
    }
}

/* ---- waiting ---- */

void thrumi_process_ended(struct thrumi_process_pool *pool)
{
    thrumi_mutex_lock(&pool->lock);
    pool->ended = true;
    if (pool->orphaned && !pool->joined) {
        pool->joined = true;
        pthread_detach(pthread_self());
    }
    thrumi_waitnode_wake_all(thrumi_waitlist_take_all(&pool->waiters));
    thrumi_mutex_unlock(&pool->lock);
}

/* Whoever comes second finds it joined, and over. */
static void end_join(struct thrumi_process_pool *pool)
{
    bool join;

    thrumi_mutex_lock(&pool->join_lock);
    thrumi_mutex_lock(&pool->lock);
    join = !pool->joined;
    pool->joined = true;
    thrumi_mutex_unlock(&pool->lock);
    if (join)
        pthread_join(pool->thread, NULL);
    thrumi_mutex_unlock(&pool->join_lock);
}

int thrumi_process_shutdown(void *self, unsigned flags, thrum_time deadline)
{
    struct thrumi_process_pool *pool = self;
    int rc = 0;

    if ((flags & THRUM_WAIT) != 0 &&
        atomic_load_explicit(&pool->manager, memory_order_relaxed) ==
            thrumi_self())
        return -EDEADLK;
    end_close(pool);
    thrumi_admission_close(&pool->admission, THRUM_ESHUTDOWN);
    if ((flags & THRUM_CANCEL_FUTURES) != 0)
        end_cancel_queued(pool);
    thrumi_process_wake(pool);
    if ((flags & THRUM_WAIT) == 0)
        return 0;
    thrumi_mutex_lock(&pool->lock);
    while (rc == 0 && !pool->ended)
        rc = thrumi_waitlist_wait(&pool->waiters, &pool->lock,
                                  "end of process pool", pool, deadline);
    thrumi_mutex_unlock(&pool->lock);
    if (rc == 0)
        end_join(pool);
    return rc;
}

/* The last user is gone. What was submitted still runs. */
void thrumi_process_destroy(void *self)
{
    struct thrumi_process_pool *pool = self;

    end_close(pool);
    thrumi_mutex_lock(&pool->lock);
    pool->orphaned = true;
    if (pool->ended && !pool->joined) {
        pool->joined = true;
        pthread_detach(pool->thread);
    }
    thrumi_mutex_unlock(&pool->lock);
    thrumi_process_wake(pool);
}

/* ---- by force ---- */

int thrumi_process_kill_workers(struct thrumi_process_pool *pool, int number)
{
    if (!thrumi_signal_exists(number))
        return -EINVAL;
    end_close(pool);
    thrumi_admission_close(&pool->admission, THRUM_ESHUTDOWN);
    thrumi_mutex_lock(&pool->lock);
    atomic_store_explicit(&pool->kill_all, number, memory_order_relaxed);
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        thrumi_process_reclaim(pool, crew, crew->first);
        if (crew->pidfd >= 0)
            thrumi_pidfd_kill(crew->pidfd, number);
    }
    thrumi_mutex_unlock(&pool->lock);
    end_cancel_queued(pool);
    thrumi_process_wake(pool);
    return 0;
}
