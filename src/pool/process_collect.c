/* SPDX-License-Identifier: MIT */
/*
 * pool/process_collect.c - what workers answer, and settling it.
 *
 * An answer is copied out of the worker's memory before anything is believed of
 * it. Then, under the lock, it is matched with a task that this worker has and
 * that is not answered yet; a worker whose answer matches none, or whose bytes
 * lie where they cannot, has lost its mind: it is killed, and the task that it
 * had begun fails as by any crash.
 *
 * Answers are settled in the end, with no lock held, one after the other: each
 * may run callbacks. They wait on a list meanwhile, so that none is lost if a
 * callback ends the thread.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/error_pack.h"
#include "pool/process_pool.h"
#include "sys/memfd.h"
#include "sys/message.h"
#include "sys/pidfd.h"

#define COLLECT_AT_ONCE 16u

/* ---- results in files ---- */

/* What frees a result that is mapped. */
struct collect_mapping {
    void *memory;
    size_t size;
};

static void collect_unmap(void *arg)
{
    struct collect_mapping mapping;

    memcpy(&mapping, arg, sizeof(mapping));
    thrumi_memfd_unmap(mapping.memory, mapping.size);
}

/* A file that nobody can change becomes the result itself: a copy of its own for
 * whoever writes to it, page by page. */
static bool collect_map(int fd, size_t size, struct thrumi_outcome *ret)
{
    struct collect_mapping mapping = {
        NULL, size + offsetof(struct thrumi_payload, data)};

    ret->payload = thrumi_payload_new(sizeof(mapping));
    if (ret->payload == NULL)
        return false;
    mapping.memory = thrumi_memfd_map(fd, mapping.size, true);
    if (mapping.memory == NULL) {
        thrumi_payload_free(ret->payload);
        ret->payload = NULL;
        return false;
    }
    memcpy(ret->payload->data, &mapping, sizeof(mapping));
    ret->payload->size = size;
    ret->payload->free_fn = collect_unmap;
    ret->payload->owned = ret->payload->data;
    ret->value = (char *)mapping.memory + offsetof(struct thrumi_payload, data);
    return true;
}

/* Somebody may still write to it: what is there now. */
static bool collect_copy_file(int fd, size_t size, struct thrumi_outcome *ret)
{
    ret->payload = thrumi_payload_new(size);
    if (ret->payload == NULL)
        return false;
    ret->value = ret->payload->data;
    if (thrumi_memfd_read(fd, ret->payload->data, size,
                          offsetof(struct thrumi_payload, data)) == 0)
        return true;
    thrumi_payload_free(ret->payload);
    ret->payload = NULL;
    return false;
}

static bool collect_file(int socket, size_t size, struct thrumi_outcome *ret)
{
    size_t whole = size + offsetof(struct thrumi_payload, data);
    int fds[THRUMI_MESSAGE_FDS];
    uint64_t seq;
    bool ok;

    if (whole < size ||
        thrumi_message_receive(socket, &seq, sizeof(seq), fds, false) != 0)
        return false;
    if (fds[0] < 0)
        ok = false;
    else if (thrumi_memfd_is_frozen(fds[0], whole))
        ok = collect_map(fds[0], size, ret);
    else
        ok = collect_copy_file(fds[0], size, ret);
    thrumi_message_close_fds(fds);
    return ok;
}

/* ---- answers ---- */

static void collect_error(struct thrumi_outcome *ret, thrum_error *error)
{
    *ret = (struct thrumi_outcome){THRUMI_ERROR, NULL, NULL, error};
}

/* The bytes of a response, as a value; false if there are none such. */
static bool collect_bytes(struct thrumi_crew *crew,
                          const struct thrumi_response *response,
                          struct thrumi_outcome *ret)
{
    const char *bytes;

    if (response->in_file != 0) {
        if (!collect_file(crew->socket, response->size, ret))
            collect_error(ret, thrumi_error_new(-ENOMEM,
                                                "a result of %zu bytes cannot "
                                                "be had",
                                                (size_t)response->size));
        return true;
    }
    bytes = thrumi_wire_response_bytes(crew->shared, response);
    if (bytes == NULL)
        return false;
    ret->payload = thrumi_payload_new(response->size);
    if (ret->payload == NULL) {
        collect_error(ret, thrumi_error_new(-ENOMEM, "no memory for a result"));
        return true;
    }
    memcpy(ret->payload->data, bytes, response->size);
    ret->value = ret->payload->data;
    return true;
}

/* What was raised there. */
static void collect_raised(struct thrumi_outcome *outcome)
{
    struct thrumi_payload *payload = outcome->payload;

    if (outcome->phase != THRUMI_VALUE)
        return; /* the error itself could not be had */
    collect_error(outcome, thrumi_error_unpack(outcome->value, payload->size));
    thrumi_payload_free(payload);
}

/* Copies out what a response says; false: nonsense. */
static bool collect_outcome(struct thrumi_crew *crew,
                            const struct thrumi_response *response,
                            struct thrumi_outcome *ret)
{
    *ret = (struct thrumi_outcome){THRUMI_VALUE, NULL, NULL, NULL};
    switch (response->kind) {
    case THRUMI_RESPONSE_NULL:
    case THRUMI_RESPONSE_INIT:
        return true;
    case THRUMI_RESPONSE_BYTES:
        return collect_bytes(crew, response, ret);
    case THRUMI_RESPONSE_ERROR:
        if (!collect_bytes(crew, response, ret))
            return false;
        collect_raised(ret);
        return true;
    case THRUMI_RESPONSE_CANCELLED:
        ret->phase = THRUMI_CANCELLED;
        return true;
    default:
        return false;
    }
}

/* ---- matching; the lock is held ---- */

/* Times as the worker tells them, of one task in so many. */
static void collect_time(struct thrumi_process_pool *pool,
                         const thrum_future *task,
                         const struct thrumi_response *response)
{
    int64_t queued_at = task->extra.task->queued_at;

    if (queued_at == 0 || response->begun_at < queued_at ||
        response->ended_at < response->begun_at)
        return;
    thrumi_histogram_add(&pool->wait, response->begun_at - queued_at);
    thrumi_histogram_add(&pool->run, response->ended_at - response->begun_at);
}

static bool collect_initialized(struct thrumi_process_pool *pool,
                                struct thrumi_crew *crew,
                                struct thrumi_outcome *outcome)
{
    if (crew->state == THRUMI_CREW_STARTING)
        crew->state = THRUMI_CREW_ALIVE;
    if (outcome->phase == THRUMI_ERROR && pool->broken_by == NULL)
        pool->broken_by = outcome->error;
    else
        thrumi_outcome_free(outcome);
    pool->stillborn = 0;
    return true;
}

/* Whose answer it is; false if it cannot be one. */
static bool collect_match(struct thrumi_process_pool *pool,
                          struct thrumi_crew *crew,
                          const struct thrumi_response *response,
                          struct thrumi_outcome *outcome)
{
    uint64_t seq = response->seq;
    const struct thrumi_process_flight *flight;
    thrum_future *task;

    if (seq == crew->init && !crew->born) {
        crew->born = true;
        return collect_initialized(pool, crew, outcome);
    }
    if (seq != thrumi_crew_oldest(crew) || seq == crew->out.ring.mine)
        return false;
    flight = &crew->flights[seq % THRUMI_WIRE_SLOTS];
    task = flight->task;
    if (flight->seq != seq || !thrumi_crew_has_begun(crew, seq))
        return false;
    collect_time(pool, task, response);
    thrumi_crew_land(crew, seq);
    thrumi_process_answer(pool, task, outcome);
    return true;
}

void thrumi_process_answer(struct thrumi_process_pool *pool, thrum_future *task,
                           const struct thrumi_outcome *outcome)
{
    struct thrumi_task_extra *extra;

    thrumi_future_start(task); /* unless that was known before */
    extra = thrumi_task_take_extra(task);
    task->place = 1; /* answered */
    extra->self = task;
    extra->outcome = *outcome;
    thrumi_list_append(&pool->answers, &extra->link);
    pool->outstanding--;
    if (outcome->phase == THRUMI_VALUE)
        pool->counts.done++;
    else if (outcome->phase == THRUMI_ERROR)
        pool->counts.failed++;
    else
        pool->counts.cancelled++;
}

/* It cannot be trusted with anything any more. */
static void collect_give_up(struct thrumi_crew *crew)
{
    crew->lies = true;
    if (crew->pidfd >= 0)
        thrumi_pidfd_kill(crew->pidfd, THRUMI_SIGNAL_KILL);
}

/* ---- the manager's ---- */

static bool collect_some(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew)
{
    struct thrumi_response responses[COLLECT_AT_ONCE];
    struct thrumi_outcome outcomes[COLLECT_AT_ONCE];
    bool sane = true;
    unsigned n = 0;

    while (sane && n < COLLECT_AT_ONCE &&
           thrumi_spsc_has_item(&crew->responses)) {
        responses[n] = thrumi_wire_response(crew->shared, crew->responses.mine);
        sane = collect_outcome(crew, &responses[n], &outcomes[n]);
        thrumi_spsc_take(&crew->responses);
        n += sane;
    }
    thrumi_mutex_lock(&pool->lock);
    sane = sane && !crew->responses.broken && !crew->out.ring.broken;
    for (unsigned i = 0; i < n; i++)
        if (crew->lies ||
            !collect_match(pool, crew, &responses[i], &outcomes[i])) {
            thrumi_outcome_free(&outcomes[i]);
            sane = false;
        }
    if (!sane && !crew->lies)
        collect_give_up(crew);
    thrumi_mutex_unlock(&pool->lock);
    return n > 0;
}

bool thrumi_process_collect(struct thrumi_process_pool *pool,
                            struct thrumi_crew *crew)
{
    bool any = false;

    /* acquire: what it is about is looked at after this */
    atomic_exchange_explicit(&crew->shared->news, 0, memory_order_acquire);
    while (!crew->lies && collect_some(pool, crew))
        any = true;
    return any;
}

static void collect_settle_one(struct thrumi_task_extra *extra)
{
    thrum_future *task = extra->self;
    struct thrumi_outcome outcome = extra->outcome;

    thrumi_task_free_extra(extra);
    thrumi_future_set_outcome(task, &outcome);
    if (thrumi_future_settle_word(task, outcome.phase, true)) {
        thrumi_future_drain(task, true);
        thrum_future_unref(task);
    }
}

void thrumi_process_settle(struct thrumi_process_pool *pool)
{
    struct thrumi_link *link;

    for (;;) {
        while ((link = thrumi_list_pop(&pool->settling)) != NULL)
            collect_settle_one(
                thrumi_container_of(link, struct thrumi_task_extra, link));
        thrumi_mutex_lock(&pool->lock);
        thrumi_list_move(&pool->answers, &pool->settling);
        thrumi_mutex_unlock(&pool->lock);
        if (thrumi_list_empty(&pool->settling))
            return;
    }
}
