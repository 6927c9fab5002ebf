/* SPDX-License-Identifier: MIT */
/*
 * child_test.c - children and signals, waited for.
 */
#include <signal.h>
#include <sys/wait.h>

#include <thrum.h>

#include "net.h"

/* A child that ends with `code` when the pipe's other end is closed. */
static pid_t fork_child(const struct ends *ends, int code)
{
    pid_t pid = fork();
    char byte;

    if (pid != 0)
        return pid;
    close(ends->out);
    (void)!read(ends->in, &byte, 1);
    _exit(code);
}

struct waiter {
    int pid;
    int status;
    int rc;
};

static void *wait_run(void *arg)
{
    struct waiter *waiter = arg;

    waiter->rc = thrum_waitpid(waiter->pid, &waiter->status, THRUM_FOREVER);
    return NULL;
}

TEST(a_child_is_waited_for_and_others_go_on)
{
    struct ends ends;
    struct waiter waiter = {.rc = 1};
    thrum_future *future;

    ends_pipe(&ends);
    waiter.pid = fork_child(&ends, 7);
    assert_int_equal(thrum_waitpid(waiter.pid, NULL, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_waitpid(waiter.pid, NULL, thrum_in_ms(2)),
                     -ETIMEDOUT);
    future = spawn(wait_run, &waiter);
    settle_down();
    assert_false(thrum_future_done(future));
    ends_close(&ends);
    join(future);
    assert_int_equal(waiter.rc, 0);
    assert_true(WIFEXITED(waiter.status));
    assert_int_equal(WEXITSTATUS(waiter.status), 7);
    assert_int_equal(thrum_waitpid(waiter.pid, NULL, THRUM_FOREVER), -ECHILD);
}

TEST(a_child_that_was_killed_says_by_what)
{
    struct ends ends;
    int status = 0;
    pid_t pid;

    ends_pipe(&ends);
    pid = fork_child(&ends, 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(thrum_waitpid(pid, &status, THRUM_FOREVER), 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    ends_close(&ends);
}

TEST(S7_a_kill_ends_a_wait_for_a_child)
{
    struct ends ends;
    struct waiter waiter = {.rc = 1};
    thrum_future *future;

    ends_pipe(&ends);
    waiter.pid = fork_child(&ends, 0);
    future = spawn(wait_run, &waiter);
    settle_down();
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(waiter.rc, -ECANCELED);
    thrum_future_unref(future);
    ends_close(&ends);
    assert_int_equal(thrum_waitpid(waiter.pid, NULL, THRUM_FOREVER), 0);
}

TEST(what_is_no_child_is_told)
{
    assert_int_equal(thrum_waitpid(0, NULL, THRUM_FOREVER), -EINVAL);
    assert_int_equal(thrum_waitpid(-1, NULL, THRUM_FOREVER), -EINVAL);
    assert_int_equal(thrum_waitpid(1, NULL, THRUM_FOREVER), -ECHILD);
}

/* ---- signals ---- */

static const int pair[2] = {SIGUSR1, SIGUSR2};

static void *signal_run(void *arg)
{
    *(int *)arg = thrum_signal_wait(pair, 2, THRUM_FOREVER);
    return NULL;
}

/* In a child, where no other thread could get the signals. */
static int signals_in_child(void *arg)
{
    int got[2] = {0, 0};
    thrum_future *futures[2];
    sigset_t set;

    (void)arg;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    CHECK_INT(thrum_signal_wait(pair, 2, THRUM_NOW), -ETIMEDOUT);
    CHECK_INT(thrum_signal_wait(pair, 2, thrum_in_ms(2)), -ETIMEDOUT);
    kill(getpid(), SIGUSR2);
    CHECK_INT(thrum_signal_wait(pair, 2, THRUM_FOREVER), SIGUSR2);
    for (int i = 0; i < 2; i++)
        futures[i] = spawn(signal_run, &got[i]);
    settle_down();
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    for (int i = 0; i < 2; i++)
        join(futures[i]);
    CHECK_INT(got[0] + got[1], SIGUSR1 + SIGUSR2);
    futures[0] = spawn(signal_run, &got[0]);
    settle_down();
    CHECK_INT(thrum_future_kill(futures[0], THRUM_FOREVER), 0);
    CHECK_INT(got[0], -ECANCELED);
    thrum_future_unref(futures[0]);
    return 0;
}

TEST(S7_signals_are_waited_for_and_each_is_taken_once)
{
    assert_int_equal(in_child(signals_in_child, NULL), 0);
}

TEST(what_is_no_signal_is_told)
{
    const int wrong = 1000;

    assert_int_equal(thrum_signal_wait(&wrong, 1, THRUM_FOREVER), -EINVAL);
}

TEST_MAIN("child")
