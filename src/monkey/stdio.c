/* SPDX-License-Identifier: MIT */
/*
 * monkey/stdio.c - which streams may have to wait, and whose they are; their
 * locks, and their end.
 *
 * flockfile() in a greenlet takes the lock beside the stream and not the stream's
 * own, which a call that another thread makes for this greenlet would find taken.
 */
#include "monkey/stdio.h"

#include <errno.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/stat.h>

#include <thrum/net.h>

#include "monkey/descriptor.h"
#include "monkey/elsewhere.h"
#include "monkey/hooks.h"
#include "monkey/lot.h"
#include "monkey/owners.h"

static bool stdio_may_wait(int fd)
{
    struct stat status;

    return !thrumi_descriptor_never_waits(fd) && fstat(fd, &status) == 0 &&
           (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
            S_ISCHR(status.st_mode));
}

static int stdio_try(void *stream)
{
    return thrumi_owners_add(stream) ? 0 : EBUSY;
}

bool thrumi_stdio_begin(FILE *stream)
{
    int fd = fileno_unlocked(stream);

    if (fd < 0 || !stdio_may_wait(fd))
        return false;
    (void)thrumi_lot_take(stream, stdio_try, THRUM_FOREVER);
    return true;
}

void thrumi_stdio_end(FILE *stream)
{
    thrumi_owners_drop(stream);
    thrumi_lot_wake(stream, 0);
}

int thrumi_stdio_await(FILE *stream, unsigned events)
{
    int rc = thrum_poll_one(fileno_unlocked(stream), events, THRUM_FOREVER);

    return thrumi_to_errno(rc) < 0 ? EOF : 0;
}

/* ---- locks ---- */

void thrumi_hook_flockfile(FILE *stream)
{
    if (thrumi_monkey_outside())
        thrumi_original.flockfile(stream);
    else
        (void)thrumi_lot_take(stream, stdio_try, THRUM_FOREVER);
}

int thrumi_hook_ftrylockfile(FILE *stream)
{
    if (thrumi_monkey_outside())
        return thrumi_original.ftrylockfile(stream);
    return stdio_try(stream);
}

void thrumi_hook_funlockfile(FILE *stream)
{
    if (thrumi_monkey_outside() ||
        thrumi_owners_ask(stream) != THRUMI_OWNER_SELF)
        thrumi_original.funlockfile(stream);
    else
        thrumi_stdio_end(stream);
}

/* ---- flushing and closing ---- */

struct stdio_call {
    FILE *stream;
    int rc;
};

static void stdio_run_flush(void *arg)
{
    struct stdio_call *call = arg;

    call->rc = thrumi_original.fflush(call->stream);
}

static void stdio_run_close(void *arg)
{
    struct stdio_call *call = arg;

    call->rc = thrumi_original.fclose(call->stream);
}

/* What is there to be written goes out in one write, of which POLLOUT says that
 * it will not block unless it is longer than a pipe promises. */
static int stdio_flush(FILE *stream)
{
    struct stdio_call call = {stream, 0};

    if (__fpending(stream) > PIPE_BUF) {
        thrumi_elsewhere(stdio_run_flush, &call);
        return call.rc;
    }
    if (__fpending(stream) > 0 && thrumi_stdio_await(stream, POLLOUT) != 0)
        return EOF;
    return thrumi_original.fflush(stream);
}

int thrumi_hook_fflush(FILE *stream)
{
    struct stdio_call call = {NULL, 0};
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.fflush(stream);
    if (stream == NULL) { /* all of them */
        thrumi_elsewhere(stdio_run_flush, &call);
        return call.rc;
    }
    if (!thrumi_stdio_begin(stream))
        return thrumi_original.fflush(stream);
    rc = stdio_flush(stream);
    thrumi_stdio_end(stream);
    return rc;
}

/* It is closed whatever happens, so no kill ends the wait. */
static int stdio_close(FILE *stream)
{
    struct stdio_call call = {stream, 0};

    if (__fpending(stream) == 0)
        return thrumi_original.fclose(stream);
    thrumi_elsewhere(stdio_run_close, &call);
    return call.rc;
}

/* Who waits for the descriptor is told, since the C library closes it itself. */
int thrumi_hook_fclose(FILE *stream)
{
    int fd, rc;

    if (thrumi_monkey_outside())
        return thrumi_original.fclose(stream);
    fd = fileno_unlocked(stream);
    if (!thrumi_stdio_begin(stream)) {
        rc = thrumi_original.fclose(stream);
    } else {
        rc = stdio_close(stream);
        thrumi_stdio_end(stream);
    }
    (void)thrum_fd_fresh(fd);
    return rc;
}
