/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_tty.c - tcdrain, and tcsetattr that drains first.
 *
 * A line that is stopped may keep its output for ever, and nothing tells when it
 * is gone; how much is left can be asked. What the hardware has of it then is
 * gone in no time, which another thread waits for.
 */
#include <errno.h>
#include <sys/ioctl.h>

#include "monkey/again.h"
#include "monkey/elsewhere.h"
#include "monkey/hooks.h"

static int64_t tty_try(void *arg)
{
    int *fd = arg;
    int left = 0;

    return ioctl(*fd, TIOCOUTQ, &left) == 0 && left > 0 ? -EAGAIN : 0;
}

/* Until there is nothing left, or a code. */
static int64_t tty_await_empty(int fd)
{
    return thrumi_again(tty_try, &fd);
}

struct tty_drain {
    int fd;
    int result;
};

static void tty_run_drain(void *arg)
{
    struct tty_drain *call = arg;

    call->result = thrumi_original.tcdrain(call->fd);
}

int thrumi_hook_tcdrain(int fd)
{
    struct tty_drain call = {fd, 0};
    int64_t rc;

    if (thrumi_monkey_outside())
        return thrumi_original.tcdrain(fd);
    rc = tty_await_empty(fd);
    if (rc < 0)
        return (int)thrumi_to_errno(rc);
    thrumi_elsewhere(tty_run_drain, &call);
    return call.result;
}

struct tty_set {
    int fd;
    int when;
    const struct termios *to;
    int result;
};

static void tty_run_set(void *arg)
{
    struct tty_set *call = arg;

    call->result = thrumi_original.tcsetattr(call->fd, call->when, call->to);
}

int thrumi_hook_tcsetattr(int fd, int when, const struct termios *to)
{
    struct tty_set call = {fd, when, to, 0};
    int64_t rc;

    if (thrumi_monkey_outside() || when == TCSANOW)
        return thrumi_original.tcsetattr(fd, when, to);
    rc = tty_await_empty(fd);
    if (rc < 0)
        return (int)thrumi_to_errno(rc);
    thrumi_elsewhere(tty_run_set, &call);
    return call.result;
}
