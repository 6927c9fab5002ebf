/* SPDX-License-Identifier: MIT */
/*
 * cases_signal.c - waiting for signals.
 *
 * Who is beside the case sends to the case's own thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

struct target {
    pthread_t thread;
    struct beside *sender;
    sigset_t before;
    sigset_t set; /* SIGUSR1 */
    atomic_bool stop;
};

static void *send_once(void *arg)
{
    struct target *target = arg;

    CHECK_INT(pthread_kill(target->thread, SIGUSR1), 0);
    return NULL;
}

static void target_begin(struct target *target)
{
    target->thread = pthread_self();
    atomic_init(&target->stop, false);
    sigemptyset(&target->set);
    sigaddset(&target->set, SIGUSR1);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &target->set, &target->before), 0);
    target->sender = beside(send_once, target);
}

static void target_end(struct target *target)
{
    beside_end(target->sender);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &target->before, NULL), 0);
}

CASE(sigwait)
{
    struct target target;
    int signal = 0;

    target_begin(&target);
    CHECK_INT(sigwait(&target.set, &signal), 0);
    CHECK_INT(signal, SIGUSR1);
    target_end(&target);
}

CASE(sigwaitinfo)
{
    struct target target;
    siginfo_t info = {0};

    target_begin(&target);
    CHECK_INT(sigwaitinfo(&target.set, &info), SIGUSR1);
    CHECK_INT(info.si_signo, SIGUSR1);
    CHECK_INT(info.si_pid, getpid());
    target_end(&target);
}

CASE(sigtimedwait)
{
    const struct timespec now = {0, 0};
    const struct timespec soon = {0, 1000};
    const struct timespec late = {60, 0};
    const struct timespec wrong = {0, -1};
    struct target target;

    target_begin(&target);
    CHECK_INT(sigtimedwait(&target.set, NULL, &late), SIGUSR1);
    CHECK_INT(sigtimedwait(&target.set, NULL, &now), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(sigtimedwait(&target.set, NULL, &soon), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(sigtimedwait(&target.set, NULL, &wrong), -1);
    CHECK_INT(errno, EINVAL);
    target_end(&target);
}

static atomic_uint handled;

static void handle(int signal)
{
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

static void handle_it(struct sigaction *before)
{
    const struct sigaction action = {.sa_handler = handle};

    atomic_store(&handled, 0);
    CHECK_INT(sigaction(SIGUSR1, &action, before), 0);
}

CASE(sigsuspend)
{
    struct sigaction before;
    struct target target;
    sigset_t mask;

    handle_it(&before);
    target_begin(&target);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    sigdelset(&mask, SIGUSR1);
    CHECK_INT(sigsuspend(&mask), -1);
    CHECK_INT(errno, EINTR);
    CHECK_INT(atomic_load(&handled), 1);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    CHECK_INT(sigismember(&mask, SIGUSR1), 1);
    target_end(&target);
    CHECK_INT(sigaction(SIGUSR1, &before, NULL), 0);
}

/* A signal that comes before the pause is none for it: so more come. */
static void *send_many(void *arg)
{
    struct target *target = arg;

    while (!atomic_load(&target->stop)) {
        CHECK_INT(pthread_kill(target->thread, SIGUSR1), 0);
        CHECK_INT(thrum_pass(), 0);
    }
    return NULL;
}

CASE(pause)
{
    struct target target = {.thread = pthread_self()};
    struct sigaction before;

    handle_it(&before);
    atomic_init(&target.stop, false);
    target.sender = beside(send_many, &target);
    CHECK_INT(pause(), -1);
    CHECK_INT(errno, EINTR);
    CHECK(atomic_load(&handled) > 0);
    atomic_store(&target.stop, true);
    beside_end(target.sender);
    CHECK_INT(sigaction(SIGUSR1, &before, NULL), 0);
}
