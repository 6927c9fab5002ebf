/* SPDX-License-Identifier: MIT */
/*
 * process_pool.c - tasks in worker processes.
 *
 * One of the records is a bad one, and the parser that stumbles over it dies of
 * it. The others do not notice.
 */
#include <signal.h>
#include <string.h>

#include "check.h"

/* doc: task */
struct record {
    char text[32];
};

static int scale; /* of the workers: set by their initializer */

static int set_scale(void *arg)
{
    scale = *(int *)arg;
    return 0;
}

static void *measure(void *arg)
{
    struct record *record = arg; /* a copy, in the worker */
    int length = (int)strlen(record->text) * scale;

    if (strcmp(record->text, "bad") == 0)
        raise(SIGSEGV); /* the bug that every parser has */
    return thrum_return(&length, sizeof(length));
}
/* doc: end */

/* doc: pool */
static thrum_executor *make_pool(int with_scale)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 2;
    options.initializer = set_scale;
    options.initializer_arg = &with_scale;
    options.initializer_arg_size = sizeof(with_scale);
    options.no_core = true;
    CHECK(thrum_process_pool_new(&options, &pool));
    return pool;
}
/* doc: end */

/* doc: outcome */
static void show(const struct record *record, thrum_future *future)
{
    const thrum_error *error;
    void *length;

    if (thrum_future_result(future, THRUM_FOREVER, &length) == 0) {
        printf("%s: %d\n", record->text, *(int *)length);
        return;
    }
    CHECK(thrum_future_exception(future, THRUM_FOREVER, &error));
    printf("%s: %s, signal %s\n", record->text, thrum_strerror(error->code),
           error->signal == SIGSEGV ? "SIGSEGV" : "?");
}
/* doc: end */

/* doc: kill */
static void *spin(void *arg)
{
    for (;;)
        *(volatile unsigned *)arg += 1;
    return NULL;
}

static void limit(thrum_executor *pool)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    const thrum_error *error;
    thrum_future *future;
    int zero = 0;

    options.run_ns = 20 * 1000 * 1000;
    CHECK(thrum_executor_submit_with(pool, spin, &zero, sizeof(zero), &options,
                                     &future));
    CHECK(thrum_future_exception(future, THRUM_FOREVER, &error));
    printf("spin: %s\n", error->message);
    thrum_future_unref(future);
}
/* doc: end */

int main(void)
{
    static const struct record records[] = {{"one"}, {"bad"}, {"three"}};
    thrum_executor *pool = make_pool(10);
    thrum_future *futures[3];

    for (int i = 0; i < 3; i++)
        CHECK(thrum_executor_submit(pool, measure, &records[i],
                                    sizeof(records[i]), &futures[i]));
    for (int i = 0; i < 3; i++) {
        show(&records[i], futures[i]);
        thrum_future_unref(futures[i]);
    }
    limit(pool);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    return 0;
}
