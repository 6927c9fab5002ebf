/* SPDX-License-Identifier: MIT */
/*
 * pool/process_dispatch.c - which worker gets which task.
 *
 * The one with the fewest tasks; of equal ones, one that is awake. A worker is
 * given up to several dozen ahead, so that a wake-up serves many. That is no
 * commitment: what it has not begun is taken back when another has nothing to
 * do, and when it has to end. Where the queue has a limit it is given one at a
 * time, so that what waits is in the queue and counts.
 *
 * All of it with the pool's lock held.
 */
#include "pool/process_pool.h"

#define DISPATCH_AHEAD 56u /* tasks at a worker */

/* ---- the queue ---- */

void thrumi_process_push(struct thrumi_process_pool *pool, thrum_future *task,
                         unsigned queue)
{
    struct thrumi_task_extra *extra = task->extra.task;

    extra->self = task;
    extra->place = NULL;
    if (queue == THRUMI_QUEUE_RETURNED)
        thrumi_list_prepend(&pool->queues[queue], &extra->link);
    else
        thrumi_list_append(&pool->queues[queue], &extra->link);
    pool->queued++;
}

void thrumi_process_unqueue(struct thrumi_process_pool *pool,
                            thrum_future *task)
{
    thrumi_list_remove(&task->extra.task->link);
    pool->queued--;
    thrumi_admission_leave(&pool->admission);
}

/* Comes before all others; it was let in before. */
static void dispatch_return(struct thrumi_process_pool *pool,
                            thrum_future *task)
{
    thrumi_admission_enter(&pool->admission);
    thrumi_process_push(pool, task, THRUMI_QUEUE_RETURNED);
}

thrum_future *thrumi_process_next(struct thrumi_process_pool *pool)
{
    for (unsigned i = 0; i < THRUMI_QUEUES; i++)
        if (!thrumi_list_empty(&pool->queues[i]))
            return thrumi_container_of(pool->queues[i].next,
                                       struct thrumi_task_extra, link)
                ->self;
    return NULL;
}

bool thrumi_process_is_large(const thrum_future *task)
{
    return task->extra.task->size > THRUMI_WIRE_MOST;
}

/* ---- choosing ---- */

static unsigned dispatch_depth(const struct thrumi_process_pool *pool,
                               const struct thrumi_crew *crew)
{
    if (crew->state == THRUMI_CREW_STARTING || pool->options.queue_limit != 0)
        return 1;
    return DISPATCH_AHEAD;
}

static bool dispatch_may_take(struct thrumi_process_pool *pool,
                              struct thrumi_crew *crew)
{
    uint64_t most = pool->options.max_tasks_per_worker;

    return (crew->state == THRUMI_CREW_STARTING ||
            crew->state == THRUMI_CREW_ALIVE) &&
           crew->in_flight < dispatch_depth(pool, crew) &&
           (most == 0 || crew->assigned < most) && thrumi_crew_has_room(crew);
}

static bool dispatch_is_awake(struct thrumi_crew *crew)
{
    return crew->state == THRUMI_CREW_ALIVE &&
           atomic_load_explicit(&crew->shared->worker_bell,
                                memory_order_relaxed) == 0;
}

/* Is `a` the better one to be given a task? */
static bool dispatch_is_better(struct thrumi_crew *a, struct thrumi_crew *b)
{
    if (a->in_flight != b->in_flight)
        return a->in_flight < b->in_flight;
    return dispatch_is_awake(a) && !dispatch_is_awake(b);
}

struct thrumi_crew *thrumi_process_choose(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *best = NULL;

    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (dispatch_may_take(pool, crew) &&
            (best == NULL || dispatch_is_better(crew, best)))
            best = crew;
    }
    return best;
}

unsigned thrumi_process_wanted(struct thrumi_process_pool *pool)
{
    return pool->outstanding < pool->max_workers ? (unsigned)pool->outstanding
                                                 : pool->max_workers;
}

/* One that has had all the tasks it may have ends after them; another is
 * started meanwhile, since it does not count any more. */
static void dispatch_check_used_up(struct thrumi_process_pool *pool,
                                   struct thrumi_crew *crew)
{
    uint64_t most = pool->options.max_tasks_per_worker;

    if (most != 0 && crew->assigned >= most)
        thrumi_crew_dismiss(pool, crew);
}

bool thrumi_process_hand(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew, thrum_future *task, int file)
{
    if (!thrumi_crew_assign(pool, crew, task, file))
        return false;
    if (thrumi_link_listed(&task->extra.task->link))
        thrumi_process_unqueue(pool, task);
    thrumi_crew_ring(crew);
    dispatch_check_used_up(pool, crew);
    return true;
}

/* The large ones are the manager's: their bytes are to be written to a file. */
void thrumi_process_dispatch(struct thrumi_process_pool *pool)
{
    thrum_future *task;
    struct thrumi_crew *crew;

    while ((task = thrumi_process_next(pool)) != NULL) {
        if (thrumi_process_is_large(task))
            return;
        crew = thrumi_process_choose(pool);
        if (crew == NULL || !thrumi_process_hand(pool, crew, task, -1))
            return; /* it will be tried again when one has answered */
    }
}

/* ---- taking back ---- */

bool thrumi_process_reclaim(struct thrumi_process_pool *pool,
                            struct thrumi_crew *crew, uint64_t from)
{
    bool all = true;

    for (uint64_t seq = crew->out.ring.mine; seq > from && seq > crew->first;
         seq--) {
        thrum_future *task = crew->flights[(seq - 1) % THRUMI_WIRE_SLOTS].task;

        if (task == NULL)
            continue;
        if (!thrumi_crew_revoke(crew, seq - 1)) {
            all = false;
            continue;
        }
        thrumi_crew_land(crew, seq - 1);
        crew->assigned--;
        dispatch_return(pool, task);
    }
    return all;
}

static struct thrumi_crew *dispatch_richest(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *richest = NULL;

    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (crew->in_flight > 1 &&
            (richest == NULL || crew->in_flight > richest->in_flight))
            richest = crew;
    }
    return richest;
}

/* From where on half of its tasks lie. */
static uint64_t dispatch_middle(const struct thrumi_crew *crew)
{
    unsigned keep = (crew->in_flight + 1) / 2;
    uint64_t seq = crew->first;

    while (keep > 0 && seq < crew->out.ring.mine) {
        keep -= crew->flights[seq % THRUMI_WIRE_SLOTS].task != NULL;
        seq++;
    }
    return seq;
}

void thrumi_process_balance(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *idle;
    struct thrumi_crew *richest;

    if (pool->queued > 0)
        return;
    idle = thrumi_process_choose(pool);
    if (idle == NULL || idle->in_flight > 0)
        return;
    richest = dispatch_richest(pool);
    if (richest == NULL)
        return;
    thrumi_process_reclaim(pool, richest, dispatch_middle(richest));
    thrumi_process_dispatch(pool);
}
