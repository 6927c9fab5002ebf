/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns_state.c - res_nquery and its like, with a state of the caller's.
 *
 * That has to stay for as long as the call runs, so a kill does not end the wait.
 * It is no longer than the state's own patience.
 */
#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

struct state_call {
    res_state state;
    const char *name;
    const char *domain;
    const unsigned char *message;
    int length;
    int class;
    int type;
    unsigned char *answer;
    int room;
    int rc;
    int host_error;
};

static void state_run_query(void *arg)
{
    struct state_call *call = arg;

    call->rc = thrumi_original.res_nquery(call->state, call->name, call->class,
                                          call->type, call->answer, call->room);
    call->host_error = h_errno;
}

static void state_run_search(void *arg)
{
    struct state_call *call = arg;

    call->rc =
        thrumi_original.res_nsearch(call->state, call->name, call->class,
                                    call->type, call->answer, call->room);
    call->host_error = h_errno;
}

static void state_run_domain(void *arg)
{
    struct state_call *call = arg;

    call->rc = thrumi_original.res_nquerydomain(
        call->state, call->name, call->domain, call->class, call->type,
        call->answer, call->room);
    call->host_error = h_errno;
}

static void state_run_send(void *arg)
{
    struct state_call *call = arg;

    call->rc = thrumi_original.res_nsend(
        call->state, call->message, call->length, call->answer, call->room);
    call->host_error = h_errno;
}

static int state_ask(void (*run)(void *call), struct state_call *call)
{
    thrumi_elsewhere(run, call);
    h_errno = call->host_error;
    return call->rc;
}

int thrumi_hook_res_nquery(res_state state, const char *name, int class,
                           int type, unsigned char *answer, int room)
{
    struct state_call call = {.state = state,
                              .name = name,
                              .class = class,
                              .type = type,
                              .answer = answer,
                              .room = room};

    if (thrumi_monkey_outside())
        return thrumi_original.res_nquery(state, name, class, type, answer,
                                          room);
    return state_ask(state_run_query, &call);
}

int thrumi_hook_res_nsearch(res_state state, const char *name, int class,
                            int type, unsigned char *answer, int room)
{
    struct state_call call = {.state = state,
                              .name = name,
                              .class = class,
                              .type = type,
                              .answer = answer,
                              .room = room};

    if (thrumi_monkey_outside())
        return thrumi_original.res_nsearch(state, name, class, type, answer,
                                           room);
    return state_ask(state_run_search, &call);
}

int thrumi_hook_res_nquerydomain(res_state state, const char *name,
                                 const char *domain, int class, int type,
                                 unsigned char *answer, int room)
{
    struct state_call call = {.state = state,
                              .name = name,
                              .domain = domain,
                              .class = class,
                              .type = type,
                              .answer = answer,
                              .room = room};

    if (thrumi_monkey_outside())
        return thrumi_original.res_nquerydomain(state, name, domain, class,
                                                type, answer, room);
    return state_ask(state_run_domain, &call);
}

int thrumi_hook_res_nsend(res_state state, const unsigned char *message,
                          int length, unsigned char *answer, int room)
{
    struct state_call call = {.state = state,
                              .message = message,
                              .length = length,
                              .answer = answer,
                              .room = room};

    if (thrumi_monkey_outside())
        return thrumi_original.res_nsend(state, message, length, answer, room);
    return state_ask(state_run_send, &call);
}
