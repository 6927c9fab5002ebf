/* SPDX-License-Identifier: MIT */
/*
 * pool/process_death.c - a worker has ended: who is told what.
 *
 * What it had answered is settled as if nothing had happened. Of the rest, the
 * task that it had begun fails, for the reason that the worker ended, or is
 * tried again elsewhere; those that it had not begun go back to the queue. A
 * worker that ends before it has answered for its initializer was born dead:
 * the next one is started after a while, and after a few in a row none.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "pool/process_pool.h"
#include "sys/clock.h"
#include "sys/signals.h"

#define DEATH_FIRST_PAUSE 10000000 /* ns; doubles each time */
#define DEATH_SUSPECT     5u       /* workers that died when a task was next */

/* ---- why ---- */

static int death_code(const struct thrumi_ending *ending)
{
    if (ending->signal == 0)
        return THRUM_EEXITED;
    return thrumi_confine_is_cpu(ending->signal) ? THRUM_ERLIMIT
                                                 : THRUM_ECRASHED;
}

static void death_describe(const struct thrumi_ending *ending, char *text,
                           size_t size)
{
    if (ending->signal == 0)
        snprintf(text, size, "the task ended its process %d with exit code %d",
                 ending->pid, ending->exit_code);
    else if (thrumi_confine_is_cpu(ending->signal))
        snprintf(text, size,
                 "the task used up its time on the CPU in process "
                 "%d",
                 ending->pid);
    else
        snprintf(text, size,
                 "process %d of the task was killed by signal %d "
                 "(%s)",
                 ending->pid, ending->signal,
                 thrumi_signal_name(ending->signal));
}

/* The last words, ended by a 0; false if it had none. */
static bool death_last_words(const struct thrumi_crew *crew, char *text)
{
    /* acquire: pairs with the release of who wrote them */
    unsigned length =
        atomic_load_explicit(&crew->shared->last_length, memory_order_acquire);

    if (length == 0 || length >= THRUMI_WIRE_LAST)
        return false;
    memcpy(text, crew->shared->last_words, length);
    text[length] = '\0';
    return true;
}

static thrum_error *death_error(const struct thrumi_crew *crew,
                                const struct thrumi_ending *ending)
{
    char message[128];
    char words[THRUMI_WIRE_LAST];
    struct thrumi_error_parts parts = {.code = death_code(ending),
                                       .pid = ending->pid,
                                       .signal = ending->signal,
                                       .exit_code = ending->exit_code,
                                       .message = message};

    death_describe(ending, message, sizeof(message));
    if (ending->signal != 0 && death_last_words(crew, words))
        parts.backtrace = words;
    return thrumi_error_of(&parts);
}

static thrum_error *death_expired(const struct thrumi_ending *ending)
{
    const struct thrumi_error_parts parts = {
        .code = THRUM_EEXPIRED,
        .pid = ending->pid,
        .signal = ending->signal,
        .message = "it ran too long and was killed"};

    return thrumi_error_of(&parts);
}

/* ---- what it had ---- */

/* Of the task that it had begun. */
static void death_of_task(struct thrumi_process_pool *pool,
                          struct thrumi_crew *crew, thrum_future *task,
                          const struct thrumi_ending *ending)
{
    struct thrumi_task_extra *extra = task->extra.task;
    struct thrumi_outcome outcome = {THRUMI_ERROR, NULL, NULL, NULL};

    thrumi_future_start(task);
    if (crew->killed == task && crew->verdict == THRUM_ECANCELLED) {
        outcome.phase = THRUMI_CANCELLED;
    } else if (crew->killed == task) {
        outcome.error = death_expired(ending);
    } else if (death_code(ending) == THRUM_ECRASHED &&
               extra->tries < (unsigned)pool->options.retries &&
               atomic_load_explicit(&pool->closing, memory_order_relaxed) !=
                   THRUM_EBROKEN &&
               atomic_load_explicit(&pool->kill_all, memory_order_relaxed) ==
                   0) {
        extra->tries++;
        thrumi_admission_enter(&pool->admission);
        thrumi_process_push(pool, task, THRUMI_QUEUE_RETURNED);
        return;
    } else {
        outcome.error = death_error(crew, ending);
    }
    thrumi_process_answer(pool, task, &outcome);
}

/* The task that was next, or the one that a worker without its mind says it has
 * not begun. It is believed a few times, since a worker may be killed from
 * outside, and then taken for what killed them. */
static void death_suspect(struct thrumi_process_pool *pool,
                          struct thrumi_crew *crew,
                          const struct thrumi_ending *ending)
{
    for (uint64_t seq = crew->first; seq < crew->out.ring.mine; seq++) {
        thrum_future *task = crew->flights[seq % THRUMI_WIRE_SLOTS].task;

        if (task == NULL)
            continue;
        if (!thrumi_crew_has_begun(crew, seq) && !crew->lies &&
            crew->killed != task &&
            (crew->state == THRUMI_CREW_STARTING ||
             ++task->extra.task->suspected < DEATH_SUSPECT))
            return;
        thrumi_crew_land(crew, seq);
        death_of_task(pool, crew, task, ending);
        return;
    }
}

static void death_of_flights(struct thrumi_process_pool *pool,
                             struct thrumi_crew *crew,
                             const struct thrumi_ending *ending)
{
    death_suspect(pool, crew, ending);
    thrumi_process_reclaim(pool, crew, crew->first);
    for (uint64_t seq = crew->first; seq < crew->out.ring.mine; seq++) {
        thrum_future *task = crew->flights[seq % THRUMI_WIRE_SLOTS].task;

        if (task == NULL)
            continue;
        thrumi_crew_land(crew, seq);
        death_of_task(pool, crew, task, ending);
    }
}

/* ---- born dead ---- */

void thrumi_process_not_born(struct thrumi_process_pool *pool,
                             thrum_error *error)
{
    int64_t pause;

    pool->stillborn++;
    if (pool->stillborn >= THRUMI_CREW_STILLBORN && pool->broken_by == NULL) {
        pool->broken_by = error;
        return;
    }
    thrumi_error_free(error);
    pause = (int64_t)DEATH_FIRST_PAUSE << (pool->stillborn - 1);
    pool->start_after = thrumi_clock_ns() + pause;
}

/* A pool that has lost a worker is likely to lose another. What has not become
 * a worker does not count: whatever ended it would end the next one. */
static void death_foresee(struct thrumi_process_pool *pool,
                          const struct thrumi_crew *crew)
{
    if (crew->hired && crew->state != THRUMI_CREW_STARTING &&
        crew->state != THRUMI_CREW_LEAVING)
        thrumi_crew_foresee(pool);
}

void thrumi_process_bury(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew,
                         const struct thrumi_ending *ending)
{
    thrumi_process_collect(pool, crew);
    thrumi_mutex_lock(&pool->lock);
    death_foresee(pool, crew);
    if (crew->state == THRUMI_CREW_STARTING && !crew->lies &&
        atomic_load_explicit(&pool->kill_all, memory_order_relaxed) == 0)
        thrumi_process_not_born(pool, death_error(crew, ending));
    death_of_flights(pool, crew, ending);
    thrumi_crew_free(pool, crew);
    thrumi_mutex_unlock(&pool->lock);
}

/* ---- the pool itself ---- */

static thrum_error *death_broken(const thrum_error *cause)
{
    thrum_error *error =
        thrumi_error_new(THRUM_EBROKEN, "the pool's workers cannot be started");

    if (cause != NULL)
        thrumi_error_set_cause(error, thrumi_error_copy(cause));
    return error;
}

/* One task at a time: what is settled may run callbacks. */
static bool death_fail_next(struct thrumi_process_pool *pool)
{
    struct thrumi_outcome outcome = {THRUMI_ERROR, NULL, NULL, NULL};
    thrum_future *task;

    thrumi_mutex_lock(&pool->lock);
    task = thrumi_process_next(pool);
    if (task != NULL) {
        outcome.error = death_broken(pool->broken_by);
        thrumi_process_unqueue(pool, task);
        thrumi_process_answer(pool, task, &outcome);
    }
    thrumi_mutex_unlock(&pool->lock);
    thrumi_process_settle(pool);
    return task != NULL;
}

void thrumi_process_break(struct thrumi_process_pool *pool)
{
    int open = 0;

    /* release: pairs with the acquire of who submits */
    atomic_compare_exchange_strong_explicit(&pool->closing, &open,
                                            THRUM_EBROKEN, memory_order_acq_rel,
                                            memory_order_relaxed);
    thrumi_admission_close(&pool->admission, THRUM_EBROKEN);
    thrumi_mutex_lock(&pool->lock);
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        thrumi_process_reclaim(pool, crew, crew->first);
    }
    thrumi_mutex_unlock(&pool->lock);
    while (death_fail_next(pool))
        ;
}
