/* SPDX-License-Identifier: MIT */
/*
 * pool/process_tasks.c - what the users of a future can do to a task that may
 * be in another process.
 *
 * Whether it has begun is the worker's to decide, until the pool takes it back:
 * so a task that lies at a worker is as good as one in the queue (F89).
 *
 * A task's extra is there as long as it is not answered, which happens under
 * the lock. It is settled later and without the lock, and its result takes the
 * place of the extra then: so that is not to be looked at once it is answered.
 */
#include <errno.h>

#include "pool/process_pool.h"

/* NULL: it is over; the lock is held. */
static struct thrumi_task_extra *tasks_extra(const thrum_future *task)
{
    if (task->place != 0 || thrumi_future_settled(task))
        return NULL;
    return task->extra.task;
}

/* The worker that has it, or NULL; the lock is held. */
static struct thrumi_crew *tasks_crew(struct thrumi_process_pool *pool,
                                      const thrum_future *task)
{
    const struct thrumi_task_extra *extra = tasks_extra(task);

    if (extra == NULL || extra->place == pool)
        return NULL;
    return extra->place;
}

/* Takes it out of wherever it lies; false if it has begun. `*ret_ours`: a
 * reference that is to be dropped. The lock is held. */
static bool tasks_withdraw(struct thrumi_process_pool *pool, thrum_future *task,
                           bool *ret_ours)
{
    struct thrumi_crew *crew = tasks_crew(pool, task);
    struct thrumi_task_extra *extra = tasks_extra(task);

    if (extra == NULL)
        return true;
    if (crew != NULL) {
        if (!thrumi_crew_revoke(crew, extra->ticket)) {
            thrumi_future_start(task);
            return false;
        }
        thrumi_crew_land(crew, extra->ticket);
        *ret_ours = true;
    } else if (thrumi_link_listed(&extra->link)) {
        thrumi_process_unqueue(pool, task);
        *ret_ours = true;
    }
    return true;
}

bool thrumi_process_cancel(void *self, thrum_future *task, bool *ret_busy)
{
    struct thrumi_process_pool *pool = self;
    bool ours = false;
    bool cancelled = false;
    unsigned phase;

    thrumi_mutex_lock(&pool->lock);
    phase = thrumi_future_phase(task);
    if (phase == THRUMI_PENDING && tasks_withdraw(pool, task, &ours))
        cancelled = thrumi_future_move(task, THRUMI_PENDING, THRUMI_CANCELLED,
                                       ret_busy);
    if (ours) {
        pool->outstanding--;
        pool->counts.cancelled++;
    }
    thrumi_mutex_unlock(&pool->lock);
    if (ours) {
        thrumi_process_wake(pool);
        thrum_future_unref(task);
    }
    return cancelled;
}

void thrumi_process_look(void *self, thrum_future *task)
{
    struct thrumi_process_pool *pool = self;
    struct thrumi_crew *crew;

    thrumi_mutex_lock(&pool->lock);
    crew = tasks_crew(pool, task);
    if (crew != NULL && thrumi_crew_has_begun(crew, task->extra.task->ticket))
        thrumi_future_start(task);
    thrumi_mutex_unlock(&pool->lock);
}

int thrumi_process_ask(void *self, thrum_future *task)
{
    struct thrumi_process_pool *pool = self;
    struct thrumi_crew *crew;

    thrumi_mutex_lock(&pool->lock);
    crew = tasks_crew(pool, task);
    if (crew != NULL)
        /* relaxed: a hint, no data comes with it */
        atomic_store_explicit(
            &thrumi_wire_request(crew->shared, task->extra.task->ticket)->asked,
            1, memory_order_relaxed);
    thrumi_mutex_unlock(&pool->lock);
    return 0;
}

/* One that has begun and lies in the queue waits for another try. */
static bool tasks_give_up(struct thrumi_process_pool *pool, thrum_future *task)
{
    struct thrumi_task_extra *extra = tasks_extra(task);
    const struct thrumi_outcome outcome = {THRUMI_CANCELLED, NULL, NULL, NULL};

    if (extra == NULL || !thrumi_link_listed(&extra->link))
        return false;
    thrumi_process_unqueue(pool, task);
    thrumi_process_answer(pool, task, &outcome);
    return true;
}

int thrumi_process_kill(void *self, thrum_future *task, thrum_time deadline)
{
    struct thrumi_process_pool *pool = self;
    struct thrumi_crew *crew;

    thrumi_mutex_lock(&pool->lock);
    crew = tasks_crew(pool, task);
    if (crew != NULL)
        thrumi_crew_kill(pool, crew, task, THRUM_ECANCELLED);
    else
        tasks_give_up(pool, task);
    thrumi_mutex_unlock(&pool->lock);
    thrumi_process_wake(pool);
    return thrumi_future_wait(task, deadline);
}
