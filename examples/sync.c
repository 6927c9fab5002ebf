/* SPDX-License-Identifier: MIT */
/*
 * sync.c - submit a task and wait for its result at once.
 *
 * The task is an ordinary function with the shape of a pthread's. It succeeds
 * by returning a pointer, and fails by raising: the one that waits is told
 * which, and a wait that ran out of time is a third thing. The same task runs
 * on a pool's threads and in its caller: only the line that makes the executor
 * differs.
 */
#include <errno.h>
#include <string.h>

#include "check.h"

/* doc: task */
static void *length(void *text)
{
    size_t n = strlen(text);

    if (n == 0)
        return thrum_raise(-EINVAL, "an empty text has no length");
    return thrum_return(&n, sizeof(n)); /* a copy that the future owns */
}
/* doc: end */

/* doc: show */
static void show(thrum_executor *executor, char *text)
{
    thrum_future *future;
    const thrum_error *error;
    void *n;
    int rc;

    CHECK(thrum_executor_submit(executor, length, text, 0, &future));
    rc = thrum_future_result(future, thrum_in_s(60), &n);
    if (rc == 0) {
        printf("\"%s\": %zu\n", text, *(size_t *)n);
    } else if (rc == THRUM_EFAILED) {
        CHECK(thrum_future_exception(future, THRUM_NOW, &error));
        printf("\"%s\": %s\n", text, error->message);
    } else {
        printf("\"%s\": the wait: %s\n", text, thrum_strerror(rc));
    }
    thrum_future_unref(future);
}
/* doc: end */

/* doc: choose */
static thrum_executor *make_executor(bool sequential)
{
    thrum_executor *executor;

    CHECK(sequential ? thrum_inline_new(&executor)
                     : thrum_thread_pool_new(NULL, &executor));
    return executor;
}
/* doc: end */

int main(void)
{
    char first[] = "warp", second[] = "";

    for (int sequential = 0; sequential <= 1; sequential++) {
        thrum_executor *executor = make_executor(sequential != 0);

        show(executor, first);
        show(executor, second);
        CHECK(thrum_executor_shutdown(executor, THRUM_WAIT, THRUM_FOREVER));
        thrum_executor_unref(executor);
    }
    return 0;
}
