/* SPDX-License-Identifier: MIT */
/*
 * future_test.c - one settlement, whatever happens at the same time.
 *
 * Records are plain allocations here, so that a future which is touched after
 * its last reference is gone shows as a use after free.
 */
#include "model.h"

#include <errno.h>

#include <thrum/promise.h>

#include "base/alloc.h"
#include "sys/clock.h"
#include "task/future.h"
#include "task/record.h"

void *thrumi_record_alloc(void)
{
    return thrumi_alloc(THRUMI_RECORD_SIZE);
}

void thrumi_record_free(void *memory)
{
    thrumi_free(memory);
}

void thrumi_record_flush(struct thrumi_self *self)
{
}

static thrum_promise *promise;
static thrum_future *future;
static unsigned settled; /* how many settlements there were */
static unsigned cancels;
static unsigned calls; /* of the callback */
static unsigned removed;
static unsigned released;

static void setup(void)
{
    model_assert(thrum_promise_new(&promise, &future) == 0);
}

/* Each thread has a reference of its own, and so has the check. */
static void setup_shared(void)
{
    setup();
    for (unsigned i = 0; i < MODEL_THREADS; i++)
        thrum_future_ref(future);
}

static void release(void)
{
    released++;
    thrum_future_unref(future);
}

static void settle(void)
{
    if (thrum_promise_set_result(promise, &settled) == 0)
        settled++;
    release();
}

static void settle_and_free(void)
{
    if (thrum_promise_set_result(promise, &settled) == 0)
        settled++;
    thrum_promise_free(promise);
}

static void start_and_settle(void)
{
    if (thrum_promise_set_running_or_notify_cancel(promise)) {
        model_assert(thrum_promise_set_result(promise, &settled) == 0);
        settled++;
    }
    release();
}

static void cancel(void)
{
    if (thrum_future_cancel(future))
        cancels++;
    release();
}

static void wait_for_ever(void)
{
    void *result = NULL;

    model_assert(thrum_future_result(future, THRUM_FOREVER, &result) == 0);
    model_assert(result == &settled);
    release();
}

static void wait_any_outcome(void)
{
    int rc = thrum_future_result(future, THRUM_FOREVER, NULL);

    model_assert(rc == 0 || rc == THRUM_ECANCELLED);
    model_assert((rc == 0) == !thrum_future_cancelled(future));
    release();
}

/* Writes over the stack that a wait has used, so that what was left on a list
 * there does not go unnoticed. */
static __attribute__((noinline)) void scribble(void)
{
    volatile unsigned char place[2048];

    for (size_t i = 0; i < sizeof(place); i++)
        place[i] = 0xee;
    model_step("has written over its old frames");
    for (size_t i = 0; i < sizeof(place); i++)
        model_assert(place[i] == 0xee);
}

static void wait_a_while(void)
{
    thrum_time deadline = {thrumi_clock_ns() + 100};
    int rc = thrum_future_result(future, deadline, NULL);

    model_assert(rc == 0 || rc == -ETIMEDOUT);
    scribble();
    release();
}

static void callback(thrum_future *done, void *arg)
{
    model_assert(done == future && thrum_future_done(done));
    calls++;
}

static void add_callback(void)
{
    model_assert(thrum_future_add_done_callback(future, callback, NULL) == 0);
    release();
}

static void add_and_remove_callback(void)
{
    model_assert(thrum_future_add_done_callback(future, callback, NULL) == 0);
    if (thrum_future_remove_done_callback(future, callback, NULL))
        removed++;
    release();
}

static void add_and_quiesce(void)
{
    model_assert(thrum_future_add_done_callback(future, callback, NULL) == 0);
    model_assert(thrum_future_quiesce(future, THRUM_FOREVER) == 0);
    model_assert(calls == 1);
    release();
}

static void quiesce_a_while(void)
{
    thrum_time deadline = {thrumi_clock_ns() + 100};
    int rc = thrum_future_quiesce(future, deadline);

    model_assert(rc == 0 || rc == -ETIMEDOUT);
    scribble();
    release();
}

/* Nobody is on the list any more, and with the last reference it is gone. */
static void check(void)
{
    model_assert(thrum_future_done(future));
    model_assert(future->waiters == NULL);
    while (released++ < MODEL_THREADS)
        thrum_future_unref(future);
    thrum_future_unref(future);
    model_assert(model_live_blocks() == 1); /* the promise's */
}

static void check_settled(void)
{
    model_assert(settled == 1);
    check();
}

static void check_callback(void)
{
    model_assert(calls + removed == 1);
    check_settled();
}

static void check_two_callbacks(void)
{
    model_assert(calls + removed == 2);
    check_settled();
}

static void check_one_outcome(void)
{
    bool cancelled = thrum_future_cancelled(future);

    model_assert(settled == (cancelled ? 0 : 1));
    model_assert(cancelled == (cancels > 0));
    check();
}

static void check_freed(void)
{
    model_assert(settled == 1);
    model_assert(model_live_blocks() == 0);
}

static const struct model_program programs[] = {
    {.name = "future: settled while two wait",
     .setup = setup_shared,
     .threads = {settle, wait_for_ever, wait_for_ever},
     .check = check_settled,
     .preemptions = 3,
     .spurious = 1},
    {.name = "future: settled while one waits, stores delayed",
     .setup = setup_shared,
     .threads = {settle, wait_for_ever},
     .check = check_settled,
     .preemptions = 3,
     .delays = 2,
     .spurious = 1},
    {.name = "future: a wait runs out of time",
     .setup = setup_shared,
     .threads = {settle, wait_a_while, wait_for_ever},
     .check = check_settled,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "future: a callback is added",
     .setup = setup_shared,
     .threads = {settle, add_callback, add_callback},
     .check = check_two_callbacks,
     .preemptions = 3},
    {.name = "future: a callback is added and removed",
     .setup = setup_shared,
     .threads = {settle, add_and_remove_callback},
     .check = check_callback,
     .preemptions = 4,
     .delays = 1},
    {.name = "future: callbacks added and removed beside a wait",
     .setup = setup_shared,
     .threads = {settle, add_and_remove_callback, wait_for_ever},
     .check = check_callback,
     .preemptions = 3},
    {.name = "future: quiesce comes after the callback",
     .setup = setup_shared,
     .threads = {settle, add_and_quiesce, quiesce_a_while},
     .check = check_settled,
     .preemptions = 2,
     .timeouts = 1},
    {.name = "future: cancelled twice as it starts",
     .setup = setup_shared,
     .threads = {start_and_settle, cancel, cancel},
     .check = check_one_outcome,
     .preemptions = 3},
    {.name = "future: cancelled as it starts, and waited for",
     .setup = setup_shared,
     .threads = {start_and_settle, cancel, wait_any_outcome},
     .check = check_one_outcome,
     .preemptions = 3},
    {.name = "future: the waiter has the last reference",
     .setup = setup,
     .threads = {settle_and_free, wait_for_ever},
     .check = check_freed,
     .preemptions = 4,
     .spurious = 1},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
