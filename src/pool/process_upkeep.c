/* SPDX-License-Identifier: MIT */
/*
 * pool/process_upkeep.c - how many workers there are, what each is given, and
 * what it may take: all that the manager arranges under the lock.
 */
#include "base/error.h"
#include "pool/process_pool.h"
#include "sys/clock.h"
#include "sys/memfd.h"
#include "sys/message.h"

#define UPKEEP_PATIENCE 1000000000 /* ns, for a worker that does not begin */

/* Starts one that is missing: false if none is, or none can be now. */
static bool upkeep_start_one(struct thrumi_process_pool *pool)
{
    int rc = 0;

    if (pool->broken_by != NULL ||
        atomic_load_explicit(&pool->kill_all, memory_order_relaxed) != 0 ||
        pool->crew_count >= thrumi_process_wanted(pool) ||
        (pool->start_after != 0 && thrumi_clock_ns() < pool->start_after))
        return false;
    if (pool->zygote < 0)
        rc = thrumi_process_start_zygote(pool);
    if (rc == 0)
        rc = thrumi_crew_start(pool);
    if (rc == 0)
        return true;
    thrumi_process_not_born(
        pool, thrumi_error_new(rc, "a worker cannot be started: %s",
                               thrum_strerror(rc)));
    return false;
}

static struct thrumi_crew *upkeep_superfluous(struct thrumi_process_pool *pool,
                                              int64_t now)
{
    int64_t idle_ns = pool->options.idle_ns;
    bool all = pool->outstanding == 0 &&
               atomic_load_explicit(&pool->closing, memory_order_acquire) != 0;
    struct thrumi_crew *found = NULL;

    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if ((crew->state != THRUMI_CREW_STARTING &&
             crew->state != THRUMI_CREW_ALIVE))
            continue;
        if (all || (idle_ns != 0 && crew->in_flight == 0 &&
                    now - crew->idle_since >= idle_ns))
            return crew;
        if (pool->crew_count > pool->max_workers &&
            (found == NULL || crew->in_flight < found->in_flight))
            found = crew;
    }
    return found;
}

/* Is nothing left for workers, for ever? */
static bool upkeep_is_over(struct thrumi_process_pool *pool)
{
    return pool->broken_by != NULL ||
           atomic_load_explicit(&pool->kill_all, memory_order_relaxed) != 0 ||
           (pool->outstanding == 0 &&
            atomic_load_explicit(&pool->closing, memory_order_acquire) != 0);
}

/* A spare goes with the last worker, where workers go that have nothing to do.
 */
static bool upkeep_wants_spare(struct thrumi_process_pool *pool)
{
    return !upkeep_is_over(pool) &&
           (pool->crew_count > 0 || pool->options.idle_ns == 0);
}

static void upkeep_shrink_spare(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *crew;

    if (upkeep_wants_spare(pool))
        return;
    while ((crew = thrumi_crew_spare(pool)) != NULL)
        thrumi_crew_dismiss(pool, crew);
}

static bool upkeep_awaits_birth(struct thrumi_process_pool *pool)
{
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next)
        if (thrumi_container_of(link, struct thrumi_crew, link)->state ==
            THRUMI_CREW_STARTING)
            return true;
    return false;
}

/* Not while a worker is missing or is not there yet: it comes first. And not
 * after one that was born dead: the spare would be like it. */
bool thrumi_process_prepare(struct thrumi_process_pool *pool)
{
    bool now;

    thrumi_mutex_lock(&pool->lock);
    now = pool->spares_due > 0 && pool->zygote >= 0 && pool->stillborn == 0 &&
          pool->crew_count >= thrumi_process_wanted(pool) &&
          upkeep_wants_spare(pool) && !upkeep_awaits_birth(pool);
    if (now)
        pool->spares_due--; /* one that cannot be had is not tried again */
    thrumi_mutex_unlock(&pool->lock);
    if (now)
        thrumi_crew_start_spare(pool);
    return now;
}

/* Lets those go that are too many; what they have not begun is for others. */
static void upkeep_shrink(struct thrumi_process_pool *pool)
{
    int64_t now = thrumi_clock_ns();
    struct thrumi_crew *crew;

    while ((crew = upkeep_superfluous(pool, now)) != NULL) {
        thrumi_process_reclaim(pool, crew, crew->first);
        thrumi_crew_dismiss(pool, crew);
    }
}

/* When a task began, as its worker says; not later than when we see it. */
static int64_t upkeep_begun_at(struct thrumi_crew *crew, uint64_t seq,
                               int64_t now)
{
    int64_t begun_at =
        atomic_load_explicit(&thrumi_wire_request(crew->shared, seq)->begun_at,
                             memory_order_relaxed);

    return begun_at > 0 && begun_at < now ? begun_at : now;
}

static int64_t upkeep_sum(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* When the request, which is the worker's next or the one that it is at, has to
 * be answered. One that is said not to have begun is given more time, not for
 * ever: a worker that is out of its mind says anything. */
static int64_t upkeep_limit_of(struct thrumi_crew *crew, uint64_t seq,
                               int64_t now)
{
    struct thrumi_process_flight *flight =
        &crew->flights[seq % THRUMI_WIRE_SLOTS];

    if (flight->begun_at == 0 && thrumi_crew_has_begun(crew, seq))
        flight->begun_at = upkeep_begun_at(crew, seq, now);
    if (flight->begun_at != 0)
        return upkeep_sum(flight->begun_at, flight->run_ns);
    if (crew->state == THRUMI_CREW_STARTING)
        return INT64_MAX;
    if (flight->next_at == 0)
        flight->next_at = now;
    return upkeep_sum(upkeep_sum(flight->next_at, UPKEEP_PATIENCE),
                      upkeep_sum(flight->run_ns, flight->run_ns));
}

/* When the task that it runs has to have ended; INT64_MAX: whenever. */
static int64_t upkeep_limit(struct thrumi_crew *crew, int64_t now,
                            thrum_future **ret)
{
    for (uint64_t seq = crew->first; seq < crew->out.ring.mine; seq++) {
        struct thrumi_process_flight *flight =
            &crew->flights[seq % THRUMI_WIRE_SLOTS];

        if (flight->task == NULL)
            continue;
        *ret = flight->task;
        return flight->run_ns == 0 ? INT64_MAX
                                   : upkeep_limit_of(crew, seq, now);
    }
    return INT64_MAX;
}

/* Kills what runs too long; when the next will. */
static int64_t upkeep_limits(struct thrumi_process_pool *pool)
{
    int64_t now = thrumi_clock_ns();
    int64_t next = INT64_MAX;

    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);
        thrum_future *task = NULL;
        int64_t limit = INT64_MAX;

        if (crew->limited > 0 && crew->killed == NULL)
            limit = upkeep_limit(crew, now, &task);
        if (limit <= now)
            thrumi_crew_kill(pool, crew, task, THRUM_EEXPIRED);
        else if (limit < next)
            next = limit;
    }
    return next;
}

/* ---- large arguments ---- */

static int upkeep_write_file(const struct thrumi_task_extra *extra)
{
    int fd = thrumi_memfd_new_blank(extra->size);
    int rc;

    if (fd < 0)
        return fd;
    rc = thrumi_memfd_write(fd, extra->data, extra->size);
    if (rc == 0)
        rc = thrumi_memfd_freeze(fd);
    if (rc == 0)
        return fd;
    thrumi_close(fd);
    return rc;
}

/* Hands it out, or fails it; false if it is in the queue again, since nobody can
 * take it now. The lock is held. */
static bool upkeep_hand_large(struct thrumi_process_pool *pool,
                              thrum_future *task, int file)
{
    struct thrumi_crew *crew = thrumi_process_choose(pool);
    struct thrumi_outcome outcome = {THRUMI_ERROR, NULL, NULL, NULL};

    if (file < 0) {
        outcome.error = thrumi_error_new(
            file, "no memory to hand over an argument of %zu bytes",
            task->extra.task->size);
        thrumi_process_answer(pool, task, &outcome);
        return true;
    }
    if (crew != NULL && thrumi_process_hand(pool, crew, task, file))
        return true;
    thrumi_admission_enter(&pool->admission);
    thrumi_process_push(pool, task, THRUMI_QUEUE_RETURNED);
    return false;
}

/* Hands out a large task if it is next; the lock is held, but not while its
 * bytes are written. */
static bool upkeep_large(struct thrumi_process_pool *pool)
{
    thrum_future *task = thrumi_process_next(pool);
    bool done = true;
    int file;

    if (task == NULL || !thrumi_process_is_large(task) ||
        thrumi_process_choose(pool) == NULL)
        return false;
    thrumi_process_unqueue(pool, task);
    task->extra.task->place = pool;
    thrumi_mutex_unlock(&pool->lock);
    file = upkeep_write_file(task->extra.task);
    thrumi_mutex_lock(&pool->lock);
    if (thrumi_future_phase(task) == THRUMI_CANCELLED) {
        pool->outstanding--;
        pool->counts.cancelled++;
        thrumi_mutex_unlock(&pool->lock);
        thrum_future_unref(task);
        thrumi_mutex_lock(&pool->lock);
    } else {
        done = upkeep_hand_large(pool, task, file);
    }
    thrumi_close(file);
    return done;
}

/* When the next worker has been idle for too long. */
static int64_t upkeep_idle_end(struct thrumi_process_pool *pool)
{
    int64_t next = INT64_MAX;

    if (pool->options.idle_ns == 0)
        return next;
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (crew->in_flight == 0 &&
            (crew->state == THRUMI_CREW_ALIVE ||
             crew->state == THRUMI_CREW_STARTING) &&
            crew->idle_since < next - pool->options.idle_ns)
            next = crew->idle_since + pool->options.idle_ns;
    }
    return next;
}

/* When a worker may be started that could not be before. */
static int64_t upkeep_next_start(struct thrumi_process_pool *pool)
{
    if (pool->broken_by == NULL && pool->start_after != 0 &&
        pool->crew_count < thrumi_process_wanted(pool))
        return pool->start_after;
    return INT64_MAX;
}

static int64_t upkeep_earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* All that is done under the lock; when there is something next. */
int64_t thrumi_process_arrange(struct thrumi_process_pool *pool)
{
    int64_t next;

    thrumi_mutex_lock(&pool->lock);
    while (upkeep_start_one(pool))
        ;
    do
        thrumi_process_dispatch(pool);
    while (upkeep_large(pool));
    thrumi_process_balance(pool);
    upkeep_shrink(pool);
    upkeep_shrink_spare(pool);
    next = upkeep_limits(pool);
    next = upkeep_earlier(next, upkeep_next_start(pool));
    next = upkeep_earlier(next, upkeep_idle_end(pool));
    thrumi_mutex_unlock(&pool->lock);
    return next;
}
