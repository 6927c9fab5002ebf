/* SPDX-License-Identifier: MIT */
/*
 * pool/process_crew.c - one worker process, as its owner sees it.
 *
 * A worker can be given tasks as soon as its memory is there, before its process
 * is. What it was given and has not begun can be taken back at any time: a
 * request's state is changed by an exchange that only one side wins.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "pool/process_pool.h"
#include "sys/clock.h"
#include "sys/memfd.h"
#include "sys/message.h"
#include "sys/park.h"
#include "sys/pidfd.h"
#include "task/map_packed.h"

/* Slots that a task may need beside its own, and one for the last request. */
#define CREW_SPARE_SLOTS 3u

/* ---- requests ---- */

static struct thrumi_process_flight *crew_flight(struct thrumi_crew *crew,
                                                 uint64_t seq)
{
    return &crew->flights[seq % THRUMI_WIRE_SLOTS];
}

static uint64_t crew_free_slots(const struct thrumi_crew *crew)
{
    return THRUMI_WIRE_SLOTS - (crew->out.ring.mine - crew->out.ring.others);
}

uint64_t thrumi_crew_oldest(struct thrumi_crew *crew)
{
    while (crew->first < crew->out.ring.mine &&
           crew_flight(crew, crew->first)->task == NULL)
        crew->first++;
    return crew->first;
}

/* Room for what is on its way: a slot of the ring is free when the worker has
 * passed it, but what flew there may not have landed yet. */
static uint64_t crew_free_flights(struct thrumi_crew *crew)
{
    return THRUMI_WIRE_SLOTS - (crew->out.ring.mine - thrumi_crew_oldest(crew));
}

bool thrumi_crew_has_room(struct thrumi_crew *crew)
{
    if (crew_free_slots(crew) < CREW_SPARE_SLOTS)
        thrumi_spsc_see_head(&crew->out.ring);
    return crew_free_slots(crew) >= CREW_SPARE_SLOTS &&
           crew_free_flights(crew) >= CREW_SPARE_SLOTS &&
           !crew->out.ring.broken;
}

/* An empty request, in the slot that is next. */
static struct thrumi_request *crew_request(struct thrumi_crew *crew,
                                           enum thrumi_request_kind kind)
{
    struct thrumi_request *request =
        thrumi_wire_request(crew->shared, crew->out.ring.mine);

    /* relaxed, all of it: the ring's index hands the slot over */
    atomic_store_explicit(&request->state, THRUMI_REQUEST_QUEUED,
                          memory_order_relaxed);
    request->kind = (uint16_t)kind;
    request->flags = 0;
    request->object = 0;
    atomic_store_explicit(&request->asked, 0, memory_order_relaxed);
    request->offset = 0;
    request->size = 0;
    request->at = 0;
    request->start_by = 0;
    atomic_store_explicit(&request->begun_at, 0, memory_order_relaxed);
    return request;
}

static void crew_put(struct thrumi_crew *crew, thrum_future *task,
                     int64_t run_ns)
{
    *crew_flight(crew, crew->out.ring.mine) =
        (struct thrumi_process_flight){task, crew->out.ring.mine, run_ns, 0, 0};
    thrumi_wire_put(&crew->out);
}

/* Tells the worker of an object; false if there is no room now. */
static bool crew_tell_object(struct thrumi_process_pool *pool,
                             struct thrumi_crew *crew, uint32_t number)
{
    const struct thrumi_process_object *object = pool->objects.known[number];
    struct thrumi_wire_object told = {object->object.id, number};
    size_t length = strlen(object->path) + 1;
    struct thrumi_request *request;
    uint64_t at;

    if ((crew->told[number / 64] & (1ull << number % 64)) != 0)
        return true;
    at = thrumi_wire_reserve(&crew->out, sizeof(told) + length);
    if (at == UINT64_MAX)
        return false;
    request = crew_request(crew, THRUMI_REQUEST_OBJECT);
    request->at = at;
    request->size = sizeof(told) + length;
    memcpy(crew->out.data + at, &told, sizeof(told));
    memcpy(crew->out.data + at + sizeof(told), object->path, length);
    crew_put(crew, NULL, 0);
    crew->told[number / 64] |= 1ull << number % 64;
    return true;
}

/* Puts the argument where the request will find it. */
static bool crew_send_argument(struct thrumi_crew *crew,
                               const struct thrumi_task_extra *extra, int file,
                               uint64_t *ret_at)
{
    *ret_at = 0;
    if (file >= 0)
        return thrumi_message_send(crew->socket, &crew->out.ring.mine,
                                   sizeof(crew->out.ring.mine), &file, 1) == 0;
    *ret_at = thrumi_wire_reserve(&crew->out, extra->size);
    if (*ret_at == UINT64_MAX)
        return false;
    memcpy(crew->out.data + *ret_at, extra->data, extra->size);
    return true;
}

static bool crew_is_chunk(const thrum_future *task)
{
    return task->fn == thrumi_map_packed_entry;
}

thrum_fn *thrumi_crew_function(const thrum_future *task)
{
    return crew_is_chunk(task) ? thrumi_map_packed_fn(task->extra.task->data)
                               : task->fn;
}

bool thrumi_crew_assign(struct thrumi_process_pool *pool,
                        struct thrumi_crew *crew, thrum_future *task, int file)
{
    struct thrumi_task_extra *extra = task->extra.task;
    struct thrumi_process_function function = {0, 0};
    struct thrumi_request *request;
    uint64_t at;

    thrumi_process_function(&pool->objects, thrumi_crew_function(task),
                            &function);
    if (!crew_tell_object(pool, crew, function.object) ||
        !crew_send_argument(crew, extra, file, &at))
        return false;
    request = crew_request(crew, crew_is_chunk(task) ? THRUMI_REQUEST_CHUNK
                                                     : THRUMI_REQUEST_CALL);
    request->object = function.object;
    request->offset = function.offset;
    request->flags =
        (uint16_t)((file >= 0 ? THRUMI_REQUEST_FILE : 0) |
                   (extra->run_ns > 0 ? THRUMI_REQUEST_TELL : 0) |
                   (extra->queued_at != 0 ? THRUMI_REQUEST_TIME : 0));
    request->size = extra->size;
    request->at = at;
    request->start_by = extra->start_by;
    extra->place = crew;
    extra->ticket = crew->out.ring.mine;
    crew_put(crew, task, extra->run_ns);
    crew->in_flight++;
    crew->limited += extra->run_ns > 0;
    crew->assigned++;
    crew->idle_since = 0;
    return true;
}

void thrumi_crew_ring(struct thrumi_crew *crew)
{
    if (thrumi_bell_rings(&crew->shared->worker_bell))
        thrumi_wake_shared(&crew->shared->worker_bell, 1);
}

void thrumi_crew_land(struct thrumi_crew *crew, uint64_t seq)
{
    struct thrumi_process_flight *flight = crew_flight(crew, seq);

    crew->limited -= flight->run_ns > 0;
    crew->in_flight--;
    flight->task->extra.task->place = NULL;
    flight->task = NULL;
    if (crew->in_flight == 0)
        crew->idle_since = thrumi_clock_ns();
}

/* ---- taking back ---- */

bool thrumi_crew_revoke(struct thrumi_crew *crew, uint64_t seq)
{
    return thrumi_request_take(thrumi_wire_request(crew->shared, seq),
                               THRUMI_REQUEST_REVOKED);
}

bool thrumi_crew_has_begun(struct thrumi_crew *crew, uint64_t seq)
{
    return atomic_load_explicit(&thrumi_wire_request(crew->shared, seq)->state,
                                memory_order_acquire) != THRUMI_REQUEST_QUEUED;
}

void thrumi_crew_dismiss(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew)
{
    if (crew->state != THRUMI_CREW_STARTING &&
        crew->state != THRUMI_CREW_ALIVE && crew->state != THRUMI_CREW_SPARE)
        return;
    pool->crew_count -= crew->hired;
    crew->state = THRUMI_CREW_LEAVING;
    crew_request(crew, THRUMI_REQUEST_LEAVE);
    crew_put(crew, NULL, 0);
    thrumi_crew_ring(crew);
}

/* Killing must hit the task and no other: what lies behind it is taken back
 * first. If the next one has begun, the task has ended. */
bool thrumi_crew_kill(struct thrumi_process_pool *pool,
                      struct thrumi_crew *crew, thrum_future *task, int verdict)
{
    if (crew->killed != NULL)
        return crew->killed == task;
    if (!thrumi_process_reclaim(pool, crew, task->extra.task->ticket + 1))
        return false;
    if (crew->state != THRUMI_CREW_LEAVING)
        pool->crew_count--;
    crew->state = THRUMI_CREW_KILLED;
    crew->killed = task;
    crew->verdict = verdict;
    if (crew->pidfd >= 0)
        thrumi_pidfd_kill(crew->pidfd, THRUMI_SIGNAL_KILL);
    return true;
}

struct thrumi_crew *thrumi_crew_find(struct thrumi_process_pool *pool,
                                     unsigned number)
{
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (crew->number == number)
            return crew;
    }
    return NULL;
}

struct thrumi_crew *thrumi_crew_spare(struct thrumi_process_pool *pool)
{
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = link->next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);

        if (crew->state == THRUMI_CREW_SPARE)
            return crew;
    }
    return NULL;
}

/* ---- beginning and end ---- */

/* The first request: who the worker is to be. */
static bool crew_put_init(struct thrumi_process_pool *pool,
                          struct thrumi_crew *crew)
{
    struct thrumi_process_function function = {0, 0};
    size_t size = pool->options.initializer_arg_size;
    struct thrumi_request *request;
    thrum_fn *fn = NULL;
    uint64_t at;

    memcpy(&fn, &pool->options.initializer, sizeof(fn));
    if (fn != NULL &&
        (!thrumi_process_function(&pool->objects, fn, &function) ||
         !crew_tell_object(pool, crew, function.object)))
        return false;
    at = thrumi_wire_reserve(&crew->out, size);
    request = crew_request(crew, THRUMI_REQUEST_INIT);
    request->object = function.object;
    request->offset = function.offset;
    request->size = size;
    request->at = at;
    if (size > 0)
        memcpy(crew->out.data + at, pool->initializer_arg, size);
    crew->init = crew->out.ring.mine;
    crew_put(crew, NULL, 0);
    return true;
}

/* What they share; the descriptors for the worker, to be closed. */
static int crew_open(struct thrumi_process_pool *pool, struct thrumi_crew *crew,
                     int *ret_fds)
{
    int ends[2];
    int rc;

    ret_fds[THRUMI_PROCESS_FD_BELL] = pool->bell_fd;
    ret_fds[THRUMI_PROCESS_FD_MEMORY] = thrumi_memfd_new(sizeof(*crew->shared));
    if (ret_fds[THRUMI_PROCESS_FD_MEMORY] < 0)
        return ret_fds[THRUMI_PROCESS_FD_MEMORY];
    crew->shared = thrumi_memfd_map(ret_fds[THRUMI_PROCESS_FD_MEMORY],
                                    sizeof(*crew->shared), false);
    rc = crew->shared == NULL ? -ENOMEM : thrumi_message_pair(ends);
    if (rc != 0) {
        thrumi_close(ret_fds[THRUMI_PROCESS_FD_MEMORY]);
        return rc;
    }
    crew->socket = ends[0];
    ret_fds[THRUMI_PROCESS_FD_SOCKET] = ends[1];
    return 0;
}

static void crew_close(struct thrumi_crew *crew)
{
    if (crew->shared != NULL)
        thrumi_memfd_unmap(crew->shared, sizeof(*crew->shared));
    thrumi_close(crew->socket);
    thrumi_close(crew->pidfd);
    thrumi_free(crew);
}

static int crew_send_start(struct thrumi_process_pool *pool,
                           struct thrumi_crew *crew)
{
    const struct thrumi_process_message message = {.kind = THRUMI_PROCESS_START,
                                                   .number = crew->number};
    int fds[THRUMI_PROCESS_FDS];
    int rc = crew_open(pool, crew, fds);

    if (rc != 0)
        return rc;
    rc = thrumi_message_send(pool->zygote, &message, sizeof(message), fds,
                             THRUMI_PROCESS_FDS);
    thrumi_close(fds[THRUMI_PROCESS_FD_MEMORY]);
    thrumi_close(fds[THRUMI_PROCESS_FD_SOCKET]);
    return rc;
}

/* One that is no worker yet: memory, and a process on its way. */
static int crew_new(struct thrumi_process_pool *pool, struct thrumi_crew **ret)
{
    struct thrumi_crew *crew = thrumi_alloc_zero(sizeof(*crew));
    int rc;

    if (crew == NULL)
        return -ENOMEM;
    crew->number = ++pool->next_number;
    crew->state = THRUMI_CREW_SPARE;
    crew->pidfd = -1;
    crew->socket = -1;
    rc = crew_send_start(pool, crew);
    if (rc != 0) {
        crew_close(crew);
        return rc;
    }
    thrumi_wire_out_init(&crew->out, &crew->shared->requests_index,
                         crew->shared->request_data);
    thrumi_spsc_init(&crew->responses, &crew->shared->responses_index,
                     THRUMI_WIRE_SLOTS);
    *ret = crew;
    return 0;
}

static void crew_append(struct thrumi_process_pool *pool,
                        struct thrumi_crew *crew)
{
    thrumi_list_append(&pool->crew, &crew->link);
    pool->unheard++;
}

/* It is a worker from now on. */
static void crew_hire(struct thrumi_process_pool *pool,
                      struct thrumi_crew *crew)
{
    crew->state = THRUMI_CREW_STARTING;
    crew->hired = true;
    crew->idle_since = thrumi_clock_ns();
    pool->crew_count++;
    if (!crew_put_init(pool, crew))
        thrumi_crew_dismiss(pool, crew); /* no memory for it */
    thrumi_crew_ring(crew);
}

void thrumi_crew_foresee(struct thrumi_process_pool *pool)
{
    if (thrumi_crew_spare(pool) == NULL)
        pool->spares_due = THRUMI_CREW_SPARES;
}

/* One that was killed while it waited is no good. */
static struct thrumi_crew *crew_take_spare(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *crew;

    while ((crew = thrumi_crew_spare(pool)) != NULL && crew->pidfd >= 0 &&
           thrumi_pidfd_ended(crew->pidfd))
        crew->state = THRUMI_CREW_KILLED; /* the zygote will tell */
    return crew;
}

int thrumi_crew_start(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *crew = crew_take_spare(pool);
    int rc;

    if (crew == NULL) {
        rc = crew_new(pool, &crew);
        if (rc != 0)
            return rc;
        crew_append(pool, crew);
        crew_hire(pool, crew);
    } else {
        crew_hire(pool, crew);
        thrumi_crew_foresee(pool);
    }
    return 0;
}

void thrumi_crew_start_spare(struct thrumi_process_pool *pool)
{
    struct thrumi_crew *crew;

    if (crew_new(pool, &crew) != 0)
        return;
    thrumi_mutex_lock(&pool->lock);
    crew_append(pool, crew);
    thrumi_mutex_unlock(&pool->lock);
}

void thrumi_crew_free(struct thrumi_process_pool *pool,
                      struct thrumi_crew *crew)
{
    if (crew->state == THRUMI_CREW_STARTING || crew->state == THRUMI_CREW_ALIVE)
        pool->crew_count--;
    thrumi_list_remove(&crew->link);
    pool->unheard -= crew->pid == 0;
    if (crew->pidfd >= 0)
        thrumi_pidfd_bury(crew->pidfd);
    thrumi_list_append(&pool->remains, &crew->link);
}

void thrumi_crew_clear(struct thrumi_process_pool *pool)
{
    struct thrumi_link *link;

    while ((link = thrumi_list_pop(&pool->remains)) != NULL)
        crew_close(thrumi_container_of(link, struct thrumi_crew, link));
}
