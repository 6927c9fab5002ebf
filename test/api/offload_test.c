/* SPDX-License-Identifier: MIT */
/*
 * offload_test.c - blocking code beside the hub.
 */
#include <errno.h>
#include <unistd.h>

#include <thrum.h>

#include "futures.h"
#include "thrum_test.h"

static void *thread_of(void *ret)
{
    *(pthread_t *)ret = pthread_self();
    return ret;
}

TEST(offload_calls_in_another_thread_and_gives_the_result)
{
    pthread_t id = pthread_self();
    void *value = NULL;

    assert_int_equal(thrum_offload(thread_of, &id, THRUM_FOREVER, &value), 0);
    assert_ptr_equal(value, &id);
    assert_false(pthread_equal(id, pthread_self()));
    assert_int_equal(thrum_offload(thread_of, &id, THRUM_FOREVER, NULL), 0);
}

/* A greenlet offloads a call that only another greenlet of its thread ends. */
static void *offload_gate(void *gate)
{
    void *value = NULL;

    CHECK_INT(thrum_offload(gate_task, gate, THRUM_FOREVER, &value), 0);
    return value;
}

static void *open_gate(void *gate)
{
    gate_open(gate);
    return NULL;
}

TEST(offload_lets_the_other_greenlets_of_the_thread_go_on)
{
    struct gate gate = GATE_INIT;
    thrum_future *futures[2];
    void *value = NULL;

    assert_int_equal(thrum_spawn(offload_gate, &gate, 0, &futures[0]), 0);
    assert_int_equal(thrum_spawn(open_gate, &gate, 0, &futures[1]), 0);
    assert_int_equal(thrum_join_all(futures, 2, THRUM_FOREVER), 0);
    assert_int_equal(thrum_future_result(futures[0], THRUM_NOW, &value), 0);
    assert_ptr_equal(value, &gate);
    thrum_future_unref(futures[0]);
    thrum_future_unref(futures[1]);
}

static void *fail_with(void *code)
{
    return thrum_raise((int)(intptr_t)code, "as asked");
}

static void *offload_failure(void *code)
{
    CHECK_INT(thrum_offload(fail_with, code, THRUM_FOREVER, NULL),
              THRUM_EFAILED);
    CHECK(thrum_error_pending() != NULL);
    return NULL;
}

static void *offload_failure_raise(void *code)
{
    CHECK_INT(thrum_offload(fail_with, code, THRUM_FOREVER, NULL),
              THRUM_EFAILED);
    return thrum_raise(THRUM_EUSER - 1, "on top");
}

TEST(offload_hands_the_error_on_to_the_body_that_waits)
{
    const thrum_error *error = NULL;
    thrum_future *future = NULL;
    void *code = (void *)(intptr_t)THRUM_EUSER;

    assert_int_equal(thrum_offload(fail_with, code, THRUM_FOREVER, NULL),
                     THRUM_EFAILED);
    assert_int_equal(thrum_spawn(offload_failure, code, 0, &future), 0);
    assert_int_equal(thrum_future_exception(future, THRUM_FOREVER, &error), 0);
    assert_int_equal(error->code, THRUM_EUSER);
    thrum_future_unref(future);
    assert_int_equal(thrum_spawn(offload_failure_raise, code, 0, &future), 0);
    assert_int_equal(thrum_future_exception(future, THRUM_FOREVER, &error), 0);
    assert_int_equal(error->code, THRUM_EUSER - 1);
    assert_int_equal(error->cause->code, THRUM_EUSER);
    thrum_future_unref(future);
}

struct left {
    struct gate gate;
    struct latch ended;
    atomic_bool cancelled;
};

static void *note_cancelled(void *arg)
{
    struct left *left = arg;

    gate_wait(&left->gate);
    atomic_store(&left->cancelled, thrum_cancelled());
    latch_down(&left->ended);
    return NULL;
}

TEST(offload_leaves_a_call_running_when_the_wait_ends)
{
    struct left left = {GATE_INIT, LATCH_INIT(1), false};

    assert_int_equal(thrum_offload(note_cancelled, &left, THRUM_NOW, NULL),
                     -ETIMEDOUT);
    gate_open(&left.gate);
    latch_wait(&left.ended);
    assert_true(atomic_load(&left.cancelled));
}

static void *offload_left(void *left)
{
    int rc = thrum_offload(note_cancelled, left, THRUM_FOREVER, NULL);

    CHECK_INT(rc, -ECANCELED);
    return NULL;
}

TEST(offload_leaves_a_call_running_when_the_one_that_waits_is_killed)
{
    struct left left = {GATE_INIT, LATCH_INIT(1), false};
    thrum_future *future = NULL;

    assert_int_equal(thrum_spawn(offload_left, &left, 0, &future), 0);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_true(thrum_future_cancelled(future));
    thrum_future_unref(future);
    gate_open(&left.gate);
    latch_wait(&left.ended);
    assert_true(atomic_load(&left.cancelled));
}

static void *store_result(void *arg)
{
    (void)arg;
    return thrum_return("text", 5);
}

TEST(offload_refuses_a_stored_result_that_its_future_has)
{
    thrum_future *future = NULL;
    void *value = NULL;

    assert_int_equal(thrum_offload(store_result, NULL, THRUM_FOREVER, &value),
                     -EINVAL);
    assert_null(value);
    assert_int_equal(thrum_offload_future(store_result, NULL, &future), 0);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    assert_string_equal(value, "text");
    thrum_future_unref(future);
}

static void *offload_again(void *arg)
{
    unsigned *depth = arg;
    pthread_t inner = pthread_self();

    if ((*depth)-- > 0)
        CHECK_INT(thrum_offload(offload_again, depth, THRUM_FOREVER, NULL), 0);
    else
        CHECK_INT(thrum_offload(thread_of, &inner, THRUM_FOREVER, NULL), 0);
    return NULL;
}

/* More of them than there are threads. */
TEST(offload_from_an_offloaded_call_does_not_wait_for_its_turn)
{
    unsigned depth = 80;

    assert_int_equal(thrum_offload(offload_again, &depth, THRUM_FOREVER, NULL),
                     0);
}

static void offload_in_callback(thrum_future *future, void *ret)
{
    (void)future;
    *(int *)ret = thrum_offload(thread_of, ret, THRUM_FOREVER, NULL);
}

TEST(offload_is_refused_in_a_callback_and_without_a_function)
{
    thrum_future *future = future_with(NULL);
    int rc = 0;

    assert_int_equal(
        thrum_future_add_done_callback(future, offload_in_callback, &rc), 0);
    assert_int_equal(rc, THRUM_ECONTEXT);
    thrum_future_unref(future);
    assert_int_equal(thrum_offload(NULL, NULL, THRUM_FOREVER, NULL), -EINVAL);
    assert_int_equal(thrum_offload_future(NULL, NULL, NULL), -EINVAL);
}

static int offload_in_child(void *arg)
{
    pthread_t id = pthread_self();

    (void)arg;
    CHECK_INT(thrum_offload(thread_of, &id, THRUM_FOREVER, NULL), 0);
    CHECK(!pthread_equal(id, pthread_self()));
    return 0;
}

TEST(offload_works_in_a_forked_child)
{
    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);

    pthread_t id = pthread_self();

    assert_int_equal(thrum_offload(thread_of, &id, THRUM_FOREVER, NULL), 0);
    assert_int_equal(in_child(offload_in_child, NULL), 0);
}

TEST(offload_many_at_once)
{
    enum {
        CALLS = 200
    };
    static pthread_t ids[CALLS];
    thrum_future *futures[CALLS];

    for (int i = 0; i < CALLS; i++)
        assert_int_equal(thrum_offload_future(thread_of, &ids[i], &futures[i]),
                         0);
    assert_int_equal(thrum_join_all(futures, CALLS, THRUM_FOREVER), 0);
    for (int i = 0; i < CALLS; i++)
        thrum_future_unref(futures[i]);
}

TEST_MAIN("offload")
