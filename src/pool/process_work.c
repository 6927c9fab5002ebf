/* SPDX-License-Identifier: MIT */
/*
 * pool/process_work.c - a worker process: takes requests, answers them.
 *
 * It has one thread, unless tasks make more. It never waits for the owner: there
 * is always a slot for an answer, since the owner asks for no more than it has
 * room for, and bytes that find no room go as a file.
 *
 * A task runs with an executor of its own, which refuses all: a pool cannot be
 * submitted to from within its processes.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "pool/process_protocol.h"
#include "pool/process_reply.h"
#include "pool/process_wire.h"
#include "sys/clock.h"
#include "sys/lastwords.h"
#include "sys/memfd.h"
#include "sys/message.h"
#include "sys/park.h"
#include "task/executor.h"
#include "task/future.h"
#include "task/map_packed.h"

#define WORK_OBJECTS 512u /* of which functions are called */

/* An object that the owner has told of. */
struct work_object {
    bool known;
    thrum_error *error; /* why it cannot be had here, or NULL */
    struct thrumi_object object;
};

static struct {
    unsigned number;
    struct thrumi_confine confine;
    struct thrumi_wire_shared *shared;
    struct thrumi_spsc_side requests;
    struct thrumi_reply reply;
    struct thrumi_request *current;
    bool passed; /* over requests that are not answered */
    thrum_executor executor;
    thrum_future *future; /* of whatever task runs */
    struct work_object objects[WORK_OBJECTS];
} work;

/* ---- functions ---- */

static void work_object(const char *data, size_t size)
{
    const struct thrumi_wire_object *told = (const void *)data;
    const char *path = data + sizeof(*told);
    struct work_object *object;
    const char *why = NULL;

    if (size <= sizeof(*told) || told->number >= WORK_OBJECTS)
        return;
    object = &work.objects[told->number];
    object->known = true;
    if (thrumi_object_find(&told->id, &object->object))
        return;
    if (path[0] != '\0')
        why = thrumi_object_load(path);
    if (why != NULL)
        object->error =
            thrumi_error_new(-ELIBACC, "cannot load %s: %s", path, why);
    else if (!thrumi_object_find(&told->id, &object->object))
        object->error = thrumi_error_new(
            -ELIBBAD, "%s is not the one that the program has loaded",
            path[0] == '\0' ? "the program" : path);
}

/* The function that a request names; NULL and an error if there is none. */
static thrum_fn *work_function(const struct thrumi_request *request,
                               thrum_error **ret_error)
{
    const struct work_object *object =
        &work.objects[request->object % WORK_OBJECTS];
    uintptr_t address = object->object.base + request->offset;

    if (object->error != NULL)
        *ret_error = thrumi_error_copy(object->error);
    else if (!object->known || address < object->object.low ||
             address >= object->object.high)
        *ret_error = thrumi_error_new(-ELIBBAD, "there is no such function");
    else
        return (thrum_fn *)address;
    return NULL;
}

/* ---- tasks ---- */

struct work_argument {
    void *memory; /* NULL: it could not be had */
    size_t mapped;
};

static struct work_argument
work_get_argument(const struct thrumi_request *request)
{
    struct work_argument argument = {work.shared->request_data + request->at,
                                     0};
    int fds[THRUMI_MESSAGE_FDS];
    uint64_t seq;

    if ((request->flags & THRUMI_REQUEST_FILE) == 0)
        return argument;
    argument.memory = NULL;
    if (thrumi_message_receive(work.reply.socket, &seq, sizeof(seq), fds,
                               true) != 0)
        return argument;
    argument.memory = thrumi_memfd_map(fds[0], request->size, true);
    argument.mapped = request->size;
    thrumi_message_close_fds(fds);
    return argument;
}

static void work_call(const struct thrumi_request *request, thrum_fn *fn,
                      void *arg, struct thrumi_outcome *ret)
{
    struct thrumi_context *context = thrumi_context_running();
    THRUMI_BODY body;
    void *value;

    thrumi_body_begin(context, &body, work.future, &work.executor);
    body.part = true; /* its future is not to be settled */
    if (request->kind == THRUMI_REQUEST_CHUNK)
        value = thrumi_map_packed_run(fn, arg, request->size);
    else
        value = fn(arg);
    thrumi_body_end(context, &body, value, ret);
}

static void work_fail(struct thrumi_outcome *ret, thrum_error *error)
{
    *ret = (struct thrumi_outcome){THRUMI_ERROR, NULL, NULL, error};
}

static void work_run(struct thrumi_request *request, int64_t now,
                     struct thrumi_outcome *ret)
{
    thrum_error *error = NULL;
    thrum_fn *fn;
    struct work_argument argument = work_get_argument(request);

    if (argument.memory == NULL) {
        work_fail(ret, thrumi_error_new(-ENOMEM,
                                        "no memory for the task's argument"));
        return;
    }
    fn = work_function(request, &error);
    if (fn == NULL) {
        work_fail(ret, error);
    } else if (request->start_by != 0 && now >= request->start_by) {
        work_fail(ret, thrumi_error_new(THRUM_EEXPIRED, "not begun in time"));
    } else {
        work.current = request;
        if (work.confine.cpu_seconds != 0)
            thrumi_confine_cpu(work.confine.cpu_seconds);
        work_call(request, fn, argument.memory, ret);
        work.current = NULL;
    }
    if (argument.mapped > 0)
        thrumi_memfd_unmap(argument.memory, argument.mapped);
}

/* Something has come about that is no answer. */
static void work_tell_news(void)
{
    /* release: pairs with the acquire in thrumi_process_collect() */
    atomic_store_explicit(&work.shared->news, 1, memory_order_release);
    thrumi_reply_wake(&work.reply);
}

static void work_task(struct thrumi_request *request)
{
    struct thrumi_response response = {.seq = work.requests.mine};
    struct thrumi_outcome outcome;

    if ((request->flags & (THRUMI_REQUEST_TELL | THRUMI_REQUEST_TIME)) != 0 ||
        request->start_by != 0)
        response.begun_at = thrumi_clock_ns();
    atomic_store_explicit(&request->begun_at, response.begun_at,
                          memory_order_relaxed);
    if ((request->flags & THRUMI_REQUEST_TELL) != 0)
        work_tell_news();
    work_run(request, response.begun_at, &outcome);
    if ((request->flags & THRUMI_REQUEST_TIME) != 0)
        response.ended_at = thrumi_clock_ns();
    thrumi_reply_outcome(&work.reply, &response, &outcome);
}

/* ---- the first request ---- */

/* The initializer returns a code, not a pointer. */
static int work_initialize(const struct thrumi_request *request,
                           thrum_error **ret_error)
{
    thrum_fn *fn;
    int (*initializer)(void *);

    if (request->object == 0)
        return 0;
    fn = work_function(request, ret_error);
    if (fn == NULL)
        return (*ret_error)->code;
    memcpy(&initializer, &fn, sizeof(initializer));
    return initializer(work.shared->request_data + request->at);
}

static void work_init(const struct thrumi_request *request)
{
    struct thrumi_response response = {.seq = work.requests.mine,
                                       .kind = THRUMI_RESPONSE_INIT};
    struct thrumi_outcome outcome;
    thrum_error *error = NULL;
    int rc = thrumi_confine(&work.confine);

    if (rc != 0)
        error = thrumi_error_new(rc, "the limits of a worker: %s",
                                 thrum_strerror(rc));
    else
        rc = work_initialize(request, &error);
    if (rc >= 0 && work.confine.sandbox) {
        rc = thrumi_sandbox_enter();
        if (rc != 0)
            error = thrumi_error_new(rc, "the sandbox of a worker: %s",
                                     thrum_strerror(rc));
    }
    if (rc < 0 && error == NULL)
        error = thrumi_error_new(rc, "the initializer failed");
    if (error == NULL) {
        thrumi_reply_put(&work.reply, &response);
    } else {
        work_fail(&outcome, error);
        thrumi_reply_outcome(&work.reply, &response, &outcome);
        thrumi_children_exit(1); /* what is not set up runs no task */
    }
}

/* ---- the loop ---- */

static void work_obey(struct thrumi_request *request)
{
    switch (request->kind) {
    case THRUMI_REQUEST_CALL:
    case THRUMI_REQUEST_CHUNK:
        if (thrumi_request_take(request, THRUMI_REQUEST_BEGUN))
            work_task(request);
        else
            work.passed = true; /* the owner has taken it back */
        break;
    case THRUMI_REQUEST_INIT:
        work_init(request);
        break;
    case THRUMI_REQUEST_OBJECT:
        work_object(work.shared->request_data + request->at, request->size);
        work.passed = true;
        break;
    default:
        thrumi_children_flush();
        thrumi_children_exit(0);
    }
}

/* Sleeps until there may be something. Where requests were passed over there is
 * room that the owner does not know of, and may be waiting for. */
static void work_idle(void)
{
    if (work.passed) {
        work.passed = false;
        work_tell_news();
    }
    for (unsigned step = 0; step < THRUMI_SPIN_STEPS; step++) {
        if (thrumi_spsc_has_news(&work.requests))
            return;
        thrumi_spin(step);
    }
    thrumi_children_flush();
    thrumi_bell_arm(&work.shared->worker_bell);
    if (!thrumi_spsc_has_news(&work.requests))
        thrumi_park_shared(&work.shared->worker_bell, 1, THRUM_FOREVER);
    thrumi_bell_disarm(&work.shared->worker_bell);
}

static void work_loop(void)
{
    while (!work.requests.broken) {
        if (!thrumi_spsc_has_item(&work.requests)) {
            work_idle();
            continue;
        }
        work_obey(thrumi_wire_request(work.shared, work.requests.mine));
        thrumi_spsc_take(&work.requests);
    }
}

static bool work_asked(void)
{
    /* relaxed: a hint, no data comes with it */
    return work.current != NULL &&
           atomic_load_explicit(&work.current->asked, memory_order_relaxed) !=
               0;
}

static int work_refuse(void *self, thrum_task *task)
{
    (void)self;
    (void)task;
    return -ENOTSUP;
}

static bool work_set_up(const struct thrumi_process_birth *birth)
{
    const thrum_executor_ops ops = {.size = sizeof(ops),
                                    .name = "worker",
                                    .enqueue = work_refuse,
                                    .shares_memory = true};

    thrumi_executor_init(&work.executor, &ops, NULL);
    work.executor.own = true;
    thrumi_payload_source = thrumi_reply_new_payload;
    work.executor.fast.asked = work_asked;
    work.future = thrumi_future_new(1);
    work.number = birth->number;
    work.confine = birth->confine;
    work.reply.bell = birth->fds[THRUMI_PROCESS_FD_BELL];
    work.reply.socket = birth->fds[THRUMI_PROCESS_FD_SOCKET];
    work.shared = thrumi_memfd_map(birth->fds[THRUMI_PROCESS_FD_MEMORY],
                                   sizeof(*work.shared), false);
    thrumi_close(birth->fds[THRUMI_PROCESS_FD_MEMORY]);
    work.reply.shared = work.shared;
    return work.shared != NULL && work.future != NULL;
}

void thrumi_process_work(const struct thrumi_process_birth *birth)
{
    static const struct thrumi_self nothing;

    /* a fork of the owner has what the owner's thread was in */
    *thrumi_self() = nothing;
    thrumi_children_name("thrum-worker", birth->number);
    if (!work_set_up(birth))
        thrumi_children_exit(1);
    thrumi_spsc_init(&work.requests, &work.shared->requests_index,
                     THRUMI_WIRE_SLOTS);
    thrumi_wire_out_init(&work.reply.out, &work.shared->responses_index,
                         work.shared->response_data);
    thrumi_last_words_install(work.shared->last_words, THRUMI_WIRE_LAST,
                              &work.shared->last_length);
    work_loop();
    thrumi_children_exit(1);
}
