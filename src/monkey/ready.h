/* SPDX-License-Identifier: MIT */
/*
 * monkey/ready.h - waiting until something is ready: what poll, select and
 * epoll_wait have in common.
 *
 * Each of them looks first, by the original and without waiting: it says what is
 * wrong with the call, and what is ready. Only when nothing is, it waits here.
 */
#ifndef THRUMI_MONKEY_READY_H
#define THRUMI_MONKEY_READY_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include <thrum/base.h>
#include <thrum/error.h>

/* Nothing in Thrum could end the wait: the call is to be made as it is. */
static inline bool thrumi_ready_never(int code)
{
    return code == -EDEADLK || code == THRUM_ECONTEXT;
}

/* Waits until one of the descriptors is ready: how many are, as poll(2) tells;
 * 0 at the deadline; or a code. */
int thrumi_ready_wait(struct pollfd *fds, size_t n, thrum_time deadline);

/* For a call that has found nothing and is not to wait: 0 or a code. Others have
 * a turn, since what they do may be what the caller looks for. */
int thrumi_ready_pass(void);

/* The same for one that has found `result`, but only now and then; and not when
 * it has failed, with errno set. */
int thrumi_ready_found(int result);

/* A wait that looks for itself whether it is over. */
struct thrumi_ready {
    struct pollfd *fds; /* with room for one more */
    size_t n;
    const sigset_t *mask; /* the thread's while it waits, or NULL */
    thrum_time deadline;
    /* Something has happened: the call's result, 0 to go on, or -errno. */
    int (*look)(struct thrumi_ready *ready);
    bool in_part; /* something waited for is not in fds: look now and then */
};

/* The result; 0 at the deadline; or a code. */
int thrumi_ready_until(struct thrumi_ready *ready);

#endif /* THRUMI_MONKEY_READY_H */
