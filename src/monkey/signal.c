/* SPDX-License-Identifier: MIT */
/*
 * monkey/signal.c - waiting for signals.
 *
 * A signalfd tells when one of them is pending; then the original takes it, or
 * its handler is let in, by a call that does not wait. Where there is no
 * descriptor to be had it is looked for again and again.
 *
 * pause() and sigsuspend() end when a handler has run. While a greenlet is in
 * one of them, the signals that it would let in are blocked in its thread, so
 * that they are not handled behind its back while others run; it lets them in
 * itself, with its mask, as soon as one is pending. Those that a program gets for
 * what it does itself, as SIGSEGV, are never blocked. A thread or a program that
 * others start meanwhile has them blocked as well, unless it comes by fork() or system().
 */
#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>

#include <thrum/green.h>
#include <thrum/net.h>

#include "monkey/hooks.h"
#include "monkey/locks.h"
#include "monkey/span.h"

#define SIGNAL_LAST    64
#define SIGNAL_LOOK_MS 10 /* from one look to the next, without a descriptor */

/* ---- what is held back ---- */

/* What the thread blocks for those that wait here. */
static _Thread_local struct {
    unsigned waiting;
    sigset_t added;
} signal_held;

/* Takes out what cannot be held back. */
static void signal_leave_out_own(sigset_t *set)
{
    static const int never[] = {SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
                                SIGSYS,  SIGABRT, SIGKILL, SIGSTOP};

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        sigdelset(set, never[i]);
}

static void signal_hold(const sigset_t *wanted)
{
    sigset_t before;

    if (signal_held.waiting++ == 0)
        sigemptyset(&signal_held.added);
    pthread_sigmask(SIG_BLOCK, wanted, &before);
    for (int signal = 1; signal <= SIGNAL_LAST; signal++)
        if (sigismember(wanted, signal) == 1 &&
            sigismember(&before, signal) == 0)
            sigaddset(&signal_held.added, signal);
}

static void signal_let_go(void)
{
    if (--signal_held.waiting == 0)
        pthread_sigmask(SIG_UNBLOCK, &signal_held.added, NULL);
}

void thrumi_signal_leave_out_held(sigset_t *mask)
{
    if (signal_held.waiting == 0)
        return;
    for (int signal = 1; signal <= SIGNAL_LAST; signal++)
        if (sigismember(&signal_held.added, signal) == 1)
            sigdelset(mask, signal);
}

/* ---- fork ---- */

/* Those that wait are not in the child, and what it runs is to be let in. */
void thrumi_signal_after_fork_in_child(void)
{
    if (signal_held.waiting == 0)
        return;
    signal_held.waiting = 0;
    pthread_sigmask(SIG_UNBLOCK, &signal_held.added, NULL);
}

/* ---- taking one ---- */

static int signal_open(const sigset_t *set)
{
    int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

    return thrum_fd_fresh(fd);
}

static int signal_close(int fd, int result)
{
    int error = errno;

    if (fd >= 0)
        (void)thrum_close(fd);
    errno = error;
    return result;
}

static bool signal_is_past(thrum_time deadline)
{
    return deadline.ns != THRUM_FOREVER.ns && thrum_now().ns >= deadline.ns;
}

static int signal_look_later(thrum_time deadline)
{
    thrum_time soon = thrum_in_ms(SIGNAL_LOOK_MS);

    if (signal_is_past(deadline))
        return -ETIMEDOUT;
    return thrum_sleep(deadline.ns < soon.ns ? deadline : soon);
}

/* Until it is worth a look: 0 or more, or why there is to be none. What cannot be
 * waited for is looked for later. */
static int signal_await(int fd, thrum_time deadline)
{
    int rc = fd < 0 ? fd : thrum_poll_one(fd, POLLIN, deadline);

    if (rc < 0 && rc != -ECANCELED && rc != -ETIMEDOUT)
        rc = signal_look_later(deadline);
    return rc;
}

/* Why the wait for it has ended: EAGAIN at its own deadline. */
static void signal_set_errno(int ready, thrum_time deadline)
{
    if (ready == -ETIMEDOUT && thrum_now().ns >= deadline.ns)
        ready = -EAGAIN;
    (void)thrumi_to_errno(ready);
}

/* The signal, or -1 and errno. */
static int signal_take_by(int fd, const sigset_t *set, siginfo_t *info,
                          thrum_time deadline)
{
    const struct timespec now = {0, 0};
    int signal = -1;
    int ready = 0;

    while (signal < 0 && ready >= 0) {
        ready = signal_await(fd, deadline);
        signal = thrumi_original.sigtimedwait(set, info, &now);
        if (signal < 0 && errno != EAGAIN)
            return -1;
    }
    if (signal < 0)
        signal_set_errno(ready, deadline);
    return signal;
}

/* They may not be blocked: the system takes them for whoever waits all the same,
 * and neither runs their handlers nor ends the process by them. */
static int signal_take(const sigset_t *set, siginfo_t *info,
                       thrum_time deadline)
{
    int fd = signal_open(set);
    sigset_t held;
    int signal;

    if (fd < 0 && errno == EFAULT)
        return -1;
    held = *set;
    signal_leave_out_own(&held);
    signal_hold(&held);
    signal = signal_take_by(fd, set, info, deadline);
    signal_let_go();
    return signal_close(fd, signal);
}

int thrumi_hook_sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    if (thrumi_monkey_outside())
        return thrumi_original.sigwaitinfo(set, info);
    return signal_take(set, info, THRUM_FOREVER);
}

int thrumi_hook_sigtimedwait(const sigset_t *set, siginfo_t *info,
                             const struct timespec *span)
{
    if (thrumi_monkey_outside() || !thrumi_span_is_limit(span))
        return thrumi_original.sigtimedwait(set, info, span);
    return signal_take(set, info, thrumi_span_limit(span));
}

/* Its errors are numbers, and errno is left alone. */
int thrumi_hook_sigwait(const sigset_t *set, int *ret)
{
    int error = errno;
    int signal, rc;

    if (thrumi_monkey_outside())
        return thrumi_original.sigwait(set, ret);
    signal = signal_take(set, NULL, THRUM_FOREVER);
    rc = signal < 0 ? errno : 0;
    if (rc == 0)
        *ret = signal;
    errno = error;
    return rc;
}

/* ---- letting handlers in ---- */

/* All that the mask lets in and that can be held back. */
static void signal_let_in(const sigset_t *mask, sigset_t *ret)
{
    sigfillset(ret);
    for (int signal = 1; signal <= SIGNAL_LAST; signal++)
        if (sigismember(mask, signal) == 1)
            sigdelset(ret, signal);
    signal_leave_out_own(ret);
}

/* Handles what is pending, as the mask allows it. True: a handler has run. */
static bool signal_handle(const sigset_t *mask)
{
    const struct timespec now = {0, 0};

    return ppoll(NULL, 0, &now, mask) < 0 && errno == EINTR;
}

static int signal_suspend(const sigset_t *mask)
{
    sigset_t wanted;
    int ready = 0;
    int fd;

    signal_let_in(mask, &wanted);
    fd = signal_open(&wanted);
    signal_hold(&wanted);
    while (!signal_handle(mask) && ready >= 0)
        ready = signal_await(fd, THRUM_FOREVER);
    signal_let_go();
    (void)signal_close(fd, 0);
    return (int)thrumi_to_errno(ready < 0 ? ready : -EINTR);
}

int thrumi_hook_sigsuspend(const sigset_t *mask)
{
    if (thrumi_monkey_outside())
        return thrumi_original.sigsuspend(mask);
    return signal_suspend(mask);
}

/* With the mask as it is, but for what is held for others here. */
int thrumi_hook_pause(void)
{
    sigset_t mask;

    if (thrumi_monkey_outside())
        return thrumi_original.pause();
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    thrumi_signal_leave_out_held(&mask);
    return signal_suspend(&mask);
}
