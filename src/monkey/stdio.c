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

void thrumi_stdio_end(FILE *stream)
{
    thrumi_owners_drop(stream);
    thrumi_lot_wake(stream, 0);
}

/* Another greenlet may have locked what cannot block: then it is waited for. */
static void stdio_await_owner(FILE *stream)
{
    /* relaxed: what this thread has put there it sees */
    if (thrumi_likely(atomic_load_explicit(&thrumi_owners_known,
                                           memory_order_relaxed) == 0) ||
        thrumi_owners_ask(stream) != THRUMI_OWNER_OTHER)
        return;
    (void)thrumi_lot_take(stream, stdio_try, THRUM_FOREVER);
    thrumi_stdio_end(stream);
}

/* errno is as it was, for printf("%m"). */
bool thrumi_stdio_begin(FILE *stream)
{
    int error = errno;
    int fd = fileno_unlocked(stream);
    bool may_wait = fd >= 0 && stdio_may_wait(fd);

    if (may_wait)
        (void)thrumi_lot_take(stream, stdio_try, THRUM_FOREVER);
    else
        stdio_await_owner(stream);
    errno = error;
    return may_wait;
}

/* ---- steps ---- */

static int stdio_try_own(void *stream)
{
    return thrumi_original.ftrylockfile(*(FILE **)stream) == 0 ? 0 : EBUSY;
}

/* Nobody wakes who waits for it, which looks again and again: so it does at an
 * address of its own. */
void thrumi_stdio_lock(FILE *stream)
{
    int error = errno;

    (void)thrumi_lot_take(&stream, stdio_try_own, THRUM_FOREVER);
    errno = error;
}

void thrumi_stdio_unlock(FILE *stream)
{
    thrumi_original.funlockfile(stream);
}

/* It does not at the end of what was read, nor where it is not allowed to. */
bool thrumi_stdio_would_wait(FILE *stream, unsigned event)
{
    struct pollfd look = {fileno_unlocked(stream), (short)event, 0};

    if (event == POLLIN && (feof_unlocked(stream) || !__freadable(stream)))
        return false;
    if (event == POLLOUT && !__fwritable(stream))
        return false;
    return poll(&look, 1, 0) == 0;
}

/* A wait that was ended is an error of the stream, as one of read() or write()
 * is. */
int thrumi_stdio_await(FILE *stream, unsigned event)
{
    int rc = thrum_poll_one(fileno_unlocked(stream), event, THRUM_FOREVER);

    if (thrumi_to_errno(rc) >= 0)
        return 0;
    if (thrumi_original.ftrylockfile(stream) == 0) {
        stream->_flags |= _IO_ERR_SEEN;
        thrumi_stdio_unlock(stream);
    }
    return EOF;
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

/* What is there to be written goes out in one write, of which POLLOUT says that
 * it will not block unless it is longer than a pipe promises. */
int thrumi_stdio_flush(FILE *stream)
{
    struct stdio_call call = {stream, 0};

    if (__fpending(stream) > PIPE_BUF) {
        thrumi_elsewhere(stdio_run_flush, &call);
        return call.rc;
    }
    thrumi_stdio_lock(stream);
    while (__fpending(stream) > 0 && thrumi_stdio_would_wait(stream, POLLOUT)) {
        thrumi_stdio_unlock(stream);
        if (thrumi_stdio_await(stream, POLLOUT) != 0)
            return EOF;
        thrumi_stdio_lock(stream);
    }
    call.rc = thrumi_original.fflush(stream);
    thrumi_stdio_unlock(stream);
    return call.rc;
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
    rc = thrumi_stdio_flush(stream);
    thrumi_stdio_end(stream);
    return rc;
}

/* It is closed whatever happens, so no kill ends the wait for what is to be
 * written. */
static int stdio_flush_last(FILE *stream)
{
    struct stdio_call call = {stream, 0};

    if (__fpending(stream) > 0)
        thrumi_elsewhere(stdio_run_flush, &call);
    return call.rc;
}

/* Who waits for the descriptor is told, since the C library closes it itself:
 * before, for then its number may be somebody else's. */
int thrumi_hook_fclose(FILE *stream)
{
    int flushed = 0;
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.fclose(stream);
    if (thrumi_stdio_begin(stream))
        flushed = stdio_flush_last(stream);
    (void)thrum_fd_fresh(fileno_unlocked(stream));
    rc = thrumi_original.fclose(stream);
    thrumi_owners_forget(stream);
    thrumi_lot_wake(stream, 0);
    return flushed != 0 ? flushed : rc;
}
