/* SPDX-License-Identifier: MIT */
/*
 * signal_test.c - several that wait for signals, and waits that are ended.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <thrum/scope.h>

#include "cases.h"

static sigset_t set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

struct waits {
    int signal;
    int got;
    int rc;
    int error;
};

static void *wait_for_signal(void *arg)
{
    struct waits *waits = arg;
    sigset_t set = set_of(waits->signal);

    waits->rc = sigwait(&set, &waits->got);
    return waits;
}

TEST_GREEN(P40_each_gets_the_signal_that_it_waits_for)
{
    struct waits one = {.signal = SIGUSR1}, two = {.signal = SIGUSR2};
    sigset_t before, both = set_of(SIGUSR1);
    thrum_future *first, *second;

    sigaddset(&both, SIGUSR2);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &both, &before), 0);
    first = case_spawn(wait_for_signal, &one);
    second = case_spawn(wait_for_signal, &two);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR2), 0);
    case_await(second);
    CHECK(!thrum_future_done(first));
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
    case_await(first);
    CHECK_INT(one.got, SIGUSR1);
    CHECK_INT(two.got, SIGUSR2);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

TEST_GREEN(P40_a_kill_ends_a_wait_for_a_signal)
{
    struct waits waits = {.signal = SIGUSR1};
    sigset_t before, set = set_of(SIGUSR1);
    thrum_future *future;

    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    future = case_spawn(wait_for_signal, &waits);
    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    CHECK_INT(waits.rc, ECANCELED);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

TEST_GREEN(P40_the_deadline_of_a_block_is_ETIMEDOUT_and_its_own_is_EAGAIN)
{
    const struct timespec late = {60, 0}, soon = {0, 1}, none = {-1, 0};
    sigset_t before, set = set_of(SIGUSR1);

    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        CHECK_INT(sigtimedwait(&set, NULL, &late), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    CHECK(thrum_expired(&limit));
    CHECK_INT(sigtimedwait(&set, NULL, &soon), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(sigtimedwait(&set, NULL, &none), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* ---- handlers ---- */

static atomic_uint handled;

static void handle(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

static void *pause_once(void *arg)
{
    struct waits *waits = arg;

    waits->rc = pause();
    waits->error = errno;
    return waits;
}

static bool is_blocked(int signal)
{
    sigset_t now;

    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
    return sigismember(&now, signal) == 1;
}

/* The first takes the signal, and the second waits for another. */
TEST_GREEN(P40_a_signal_ends_one_pause_of_several)
{
    const struct sigaction action = {.sa_handler = handle};
    struct sigaction before;
    struct waits one = {.rc = 0}, two = {.rc = 0};
    thrum_future *first, *second;

    atomic_store(&handled, 0);
    CHECK_INT(sigaction(SIGUSR1, &action, &before), 0);
    first = case_spawn(pause_once, &one);
    second = case_spawn(pause_once, &two);
    CHECK_INT(thrum_pass(), 0);
    for (unsigned i = 1; i <= 2; i++) {
        CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
        while (atomic_load(&handled) < i)
            CHECK_INT(thrum_pass(), 0);
    }
    case_await(first);
    case_await(second);
    CHECK_INT(one.rc, -1);
    CHECK_INT(one.error, EINTR);
    CHECK_INT(two.error, EINTR);
    CHECK_INT(atomic_load(&handled), 2);
    CHECK(!is_blocked(SIGUSR1));
    CHECK_INT(sigaction(SIGUSR1, &before, NULL), 0);
}

TEST_GREEN(P40_a_pause_that_is_killed_blocks_nothing)
{
    struct waits waits = {.rc = 0};
    thrum_future *future = case_spawn(pause_once, &waits);

    CHECK_INT(thrum_pass(), 0);
    CHECK(is_blocked(SIGUSR1));
    CHECK(!is_blocked(SIGSEGV));
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    CHECK_INT(waits.rc, -1);
    CHECK_INT(waits.error, ECANCELED);
    CHECK(!is_blocked(SIGUSR1));
}

/* ---- what is not blocked ---- */

TEST_GREEN(P40_a_signal_that_is_not_blocked_is_for_whoever_waits)
{
    struct waits waits = {.signal = SIGUSR1};
    thrum_future *future = case_spawn(wait_for_signal, &waits);

    CHECK_INT(thrum_pass(), 0);
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
    case_await(future);
    CHECK_INT(waits.rc, 0);
    CHECK_INT(waits.got, SIGUSR1);
    CHECK(!is_blocked(SIGUSR1));
}

TEST_GREEN(P40_a_long_time_is_long)
{
    const struct timespec longest = {INT64_MAX, 999999999}, negative = {-1, 0};
    sigset_t before, set = set_of(SIGUSR1);

    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, &before), 0);
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
    CHECK_INT(sigtimedwait(&set, NULL, &longest), SIGUSR1);
    CHECK_INT(sigtimedwait(&set, NULL, &negative), -1);
    CHECK_INT(errno, EINVAL);
    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        CHECK_INT(sigtimedwait(&set, NULL, &longest), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
}

/* ---- children ---- */

static int look_in_child(void *arg)
{
    (void)arg;
    return is_blocked(SIGTERM);
}

TEST_GREEN(P29_a_child_blocks_nothing_for_those_that_wait_in_its_parent)
{
    struct waits waits = {.rc = 0};
    thrum_future *future = case_spawn(pause_once, &waits);

    CHECK_INT(thrum_pass(), 0);
    CHECK(is_blocked(SIGTERM));
    CHECK_INT(in_child(look_in_child, NULL), 0);
    CHECK_INT(system("kill -TERM $$; exit 0") & 0x7f, SIGTERM);
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("signal", argc, argv);
}
