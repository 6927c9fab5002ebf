/* SPDX-License-Identifier: MIT */
/*
 * test/api/tasks.h - arguments that count what is done with them, and tasks.
 */
#ifndef TEST_TASKS_H
#define TEST_TASKS_H

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "futures.h"

/* A task's argument: which call did what with it, how often, and where. */
struct token {
    struct gate *gate; /* the task waits for it, unless NULL */
    atomic_uint begun;
    atomic_uint ran;
    atomic_uint freed;
    atomic_int ran_by; /* thread ids */
    atomic_int freed_by;
    int code; /* negative: what the task raises */
};

static inline int token_thread(void)
{
    return (int)gettid();
}

static inline void *token_task(void *arg)
{
    struct token *token = arg;

    atomic_fetch_add(&token->begun, 1);
    CHECK_INT(atomic_load(&token->freed), 0);
    if (token->gate != NULL)
        gate_wait(token->gate);
    atomic_store(&token->ran_by, token_thread());
    atomic_fetch_add(&token->ran, 1);
    if (token->code < 0)
        return thrum_raise(token->code, "as told");
    return token;
}

static inline void token_free(void *arg)
{
    struct token *token = arg;

    atomic_store(&token->freed_by, token_thread());
    atomic_fetch_add(&token->freed, 1);
}

/* Submits the token's task, its argument to be freed. */
static inline int token_submit(thrum_executor *executor, struct token *token,
                               thrum_future **ret)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;

    options.free_arg = token_free;
    return thrum_executor_submit_with(executor, token_task, token, 0, &options,
                                      ret);
}

static inline void assert_token(struct token *token, unsigned ran,
                                unsigned freed)
{
    assert_int_equal(atomic_load(&token->ran), ran);
    assert_int_equal(atomic_load(&token->freed), freed);
}

/* Counts up the atomic that is its argument. */
static inline void *count_task(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
    return arg;
}

/* A pool of one whose worker waits for the gate. The caller opens that. The task
 * is not only taken: it runs, and has been counted. */
static inline thrum_executor *busy_pool(const thrum_thread_pool_options *with,
                                        struct gate *gate)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    if (with != NULL)
        options = *with;
    options.max_workers = 1;
    assert_int_equal(pool_new(&options, &pool), 0);
    thrum_future_unref(submit(pool, gate_task, gate));
    gate_await_visitor(gate);
    return pool;
}

#endif /* TEST_TASKS_H */
