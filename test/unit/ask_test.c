/* SPDX-License-Identifier: MIT */
/*
 * test/unit/ask_test.c - asking another thread where it is.
 */
#include "sys/ask.h"

#include <errno.h>
#include <signal.h>

#include "sys/look.h"
#include "thrum_test.h"

#define FRAMES 64

struct other {
    atomic_int thread;
    atomic_bool stop;
    bool blocked; /* the signal */
};

/* A function of its own, whose frame is looked for. */
static __attribute__((noinline)) void spins(struct other *other)
{
    atomic_store_explicit(&other->thread, thrumi_thread_number(),
                          memory_order_release);
    while (!atomic_load_explicit(&other->stop, memory_order_relaxed))
        ;
}

static void *calls_spins(void *arg)
{
    struct other *other = arg;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    if (other->blocked)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    spins(other);
    return NULL;
}

static int number_of(struct other *other)
{
    int thread;

    WAIT_UNTIL((thread = atomic_load_explicit(&other->thread,
                                              memory_order_acquire)) != 0);
    return thread;
}

static void end(struct other *other, struct test_thread *thread)
{
    atomic_store_explicit(&other->stop, true, memory_order_relaxed);
    join_thread(thread);
}

/* It is the first, but under ThreadSanitizer, which calls handlers itself. */
static bool is_in(void **frames, int n, void (*fn)(struct other *))
{
    for (int i = 0; i < (TEST_TSAN ? n : 1); i++)
        if ((uintptr_t)frames[i] - (uintptr_t)fn < 512)
            return true;
    return false;
}

TEST(a_thread_that_computes_tells_its_frames)
{
    struct other other = {0, false, false};
    struct test_thread *thread = spawn_thread(calls_spins, &other);
    void *frames[FRAMES];
    int n;

    assert_int_equal(thrumi_ask_prepare(SIGRTMIN), 0);
    assert_int_equal(thrumi_ask_prepare(SIGRTMIN), 0); /* ours already */
    n = thrumi_ask_frames(number_of(&other), SIGRTMIN, THRUM_FOREVER, frames,
                          FRAMES);
    assert_true(n >= 2);
    assert_true(is_in(frames, n, spins));
    assert_int_equal(thrumi_ask_frames(number_of(&other), SIGRTMIN,
                                       THRUM_FOREVER, frames, 1),
                     1);
    end(&other, thread);
}

TEST(one_that_has_blocked_the_signal_does_not_answer)
{
    struct other other = {0, false, true};
    struct test_thread *thread = spawn_thread(calls_spins, &other);
    void *frames[FRAMES];

    assert_int_equal(thrumi_ask_prepare(SIGRTMIN), 0);
    assert_int_equal(thrumi_ask_frames(number_of(&other), SIGRTMIN, THRUM_NOW,
                                       frames, FRAMES),
                     0);
    end(&other, thread);
}

TEST(nor_does_one_that_is_not_there)
{
    void *frames[FRAMES];

    assert_int_equal(
        thrumi_ask_frames(1 << 29, SIGRTMIN, THRUM_FOREVER, frames, FRAMES), 0);
}

static void nothing(int number)
{
    (void)number;
}

TEST(a_signal_that_is_in_use_is_not_taken)
{
    assert_true(signal(SIGRTMIN + 1, nothing) != SIG_ERR);
    assert_int_equal(thrumi_ask_prepare(SIGRTMIN + 1), -EBUSY);
    assert_true(signal(SIGRTMIN + 1, SIG_DFL) == nothing);
    assert_int_equal(thrumi_ask_prepare(0), -EINVAL);
    assert_int_equal(thrumi_ask_prepare(-1), -EINVAL);
    assert_int_equal(thrumi_ask_prepare(SIGKILL), -EINVAL);
}

/* A question that was given up finds nobody to answer it. */
TEST(a_signal_nobody_asked_by_does_nothing)
{
    assert_int_equal(thrumi_ask_prepare(SIGRTMIN), 0);
    assert_int_equal(raise(SIGRTMIN), 0);
}

TEST_MAIN("ask")
