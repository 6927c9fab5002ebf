/* SPDX-License-Identifier: MIT */
/*
 * monkey/ready.c - waiting until something is ready.
 *
 * Where the system has no descriptor left to put many into one, or they are
 * nested too deep for that, what is waited for is looked at again and again.
 *
 * A mask that holds during a wait is the thread's, and the thread runs others
 * meanwhile. So it is put on only to look: once before the wait, and then
 * whenever a signal is pending which it would let through. A handler runs in that
 * look, and in no other place, and the look says EINTR.
 */
#include "monkey/ready.h"

#include <sys/signalfd.h>

#include <thrum/green.h>
#include <thrum/net.h>

#include "monkey/hooks.h"

#define READY_LOOK_MS 10 /* from one look to the next, where no event tells */
#define READY_TURNS   16 /* results without a wait, until the others are let on */

/* ---- turns ---- */

int thrumi_ready_pass(void)
{
    return thrum_pass();
}

/* How many results of this thread there may still be. Shared by its greenlets:
 * any of them would do. */
static __thread unsigned ready_turns;

int thrumi_ready_found(int result)
{
    if (result < 0 || ready_turns-- > 0)
        return result;
    ready_turns = READY_TURNS;
    (void)thrum_pass(); /* what was found stands */
    return result;
}

/* ---- descriptors ---- */

static bool ready_is_past(thrum_time deadline)
{
    return deadline.ns != THRUM_FOREVER.ns && thrum_now().ns >= deadline.ns;
}

static thrum_time ready_sooner(thrum_time deadline)
{
    thrum_time soon = thrum_in_ms(READY_LOOK_MS);

    return deadline.ns < soon.ns ? deadline : soon;
}

static int ready_look(struct pollfd *fds, size_t n)
{
    int rc = thrumi_original.poll(fds, (nfds_t)n, 0);

    return (int)thrumi_from_errno(rc);
}

static int ready_wait_by_looking(struct pollfd *fds, size_t n,
                                 thrum_time deadline)
{
    int rc = ready_look(fds, n);

    while (rc == 0 && !ready_is_past(deadline)) {
        rc = thrum_sleep(ready_sooner(deadline));
        if (rc == 0)
            rc = ready_look(fds, n);
    }
    return rc;
}

/* One of which more is asked than whether it has failed, so that its events are
 * all that there is to know. */
static bool ready_is_one(const struct pollfd *fds, size_t n)
{
    return n == 1 && fds->fd >= 0 && (fds->events & (POLLIN | POLLOUT)) != 0;
}

static int ready_wait_one(struct pollfd *one, thrum_time deadline)
{
    int rc = thrum_poll_one(one->fd, (unsigned short)one->events, deadline);

    if (rc < 0 && rc != -EBADF)
        return rc;
    one->revents = rc == -EBADF ? POLLNVAL : (short)rc;
    return 1;
}

/* Did the wait itself fail, for want of something? */
static bool ready_is_failure(int rc)
{
    return rc < 0 && rc != -ETIMEDOUT && rc != -ECANCELED && rc != -EINTR &&
           !thrumi_ready_never(rc);
}

static int ready_wait(struct pollfd *fds, size_t n, thrum_time deadline)
{
    int rc;

    if (n == 0)
        return thrum_sleep(deadline);
    if (ready_is_one(fds, n))
        rc = ready_wait_one(fds, deadline);
    else
        rc = thrum_poll(fds, n, deadline);
    if (ready_is_failure(rc))
        rc = ready_wait_by_looking(fds, n, deadline);
    return rc == -ETIMEDOUT && ready_is_past(deadline) ? 0 : rc;
}

int thrumi_ready_wait(struct pollfd *fds, size_t n, thrum_time deadline)
{
    bool before = thrum_hub_interruptible(true);
    int rc = ready_wait(fds, n, deadline);

    (void)thrum_hub_interruptible(before);
    return rc;
}

/* ---- signals ---- */

/* A descriptor that is readable while a signal is pending which is blocked, and
 * would not be by the mask. -1: there is no such signal; -ENOMEM: there is, and
 * no descriptor to be had. */
static int ready_watch_signals(const sigset_t *mask)
{
    sigset_t now;
    sigset_t let_through;
    int fd;

    if (mask == NULL || pthread_sigmask(SIG_BLOCK, NULL, &now) != 0)
        return -1;
    sigemptyset(&let_through);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&now, number) == 1 && sigismember(mask, number) == 0)
            sigaddset(&let_through, number);
    if (sigisemptyset(&let_through))
        return -1;
    fd = signalfd(-1, &let_through, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -ENOMEM : thrum_fd_fresh(fd);
}

static int ready_until(struct thrumi_ready *ready, size_t n)
{
    int rc = 0;

    while (rc == 0) {
        thrum_time deadline =
            ready->in_part ? ready_sooner(ready->deadline) : ready->deadline;

        rc = thrumi_ready_wait(ready->fds, n, deadline);
        if (rc < 0 || (rc == 0 && ready_is_past(ready->deadline)))
            return rc;
        rc = ready->look(ready);
    }
    return rc;
}

int thrumi_ready_until(struct thrumi_ready *ready)
{
    struct pollfd *last = &ready->fds[ready->n];
    int rc;

    *last = (struct pollfd){.fd = ready_watch_signals(ready->mask),
                            .events = POLLIN};
    if (last->fd < -1) {
        last->revents = POLLIN; /* for all that is known */
        ready->in_part = true;
    }
    if (last->fd < 0)
        return ready_until(ready, ready->n);
    rc = ready_until(ready, ready->n + 1);
    (void)thrum_close(last->fd);
    return rc;
}
