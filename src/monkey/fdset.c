/* SPDX-License-Identifier: MIT */
/*
 * monkey/fdset.c - select and pselect.
 *
 * What is in the three sets is waited for as poll does it, and then looked at by
 * the original, which alone writes into the sets. A descriptor that has hung up
 * is always ready for poll, but for select only if it may be read: such ones are
 * left out, and looked at now and then.
 *
 * The system reads no more of the sets than its table of descriptors is long,
 * whatever the first argument says; programs that give it getdtablesize() have
 * sets that are shorter.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monkey/hooks.h"
#include "monkey/ready.h"
#include "monkey/span.h"

#define FDSET_WORD (8 * sizeof(unsigned long)) /* bits */

enum {
    FDSET_READ,
    FDSET_WRITE,
    FDSET_EXCEPT,
    FDSET_SETS
};

static const short fdset_events[FDSET_SETS] = {
    POLLIN | POLLRDNORM | POLLRDBAND, POLLOUT | POLLWRNORM | POLLWRBAND,
    POLLPRI};
/* What is reported of those in each set. */
static const short fdset_counts[FDSET_SETS] = {
    POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
    POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR, POLLPRI};

struct fdset_call {
    struct thrumi_ready ready;
    int n;
    size_t bytes;                    /* of a set */
    unsigned long *sets[FDSET_SETS]; /* the caller's */
    unsigned long *asked;            /* copies, one after the other */
};

static const struct timespec fdset_now = {0, 0};

/* ---- sets ---- */

static bool fdset_has(const unsigned long *set, int fd)
{
    return (set[(size_t)fd / FDSET_WORD] >> ((size_t)fd % FDSET_WORD) & 1) != 0;
}

static unsigned long *fdset_asked(const struct fdset_call *call, int set)
{
    return call->asked + (size_t)set * call->bytes / sizeof(unsigned long);
}

static void fdset_save(const struct fdset_call *call)
{
    for (int i = 0; i < FDSET_SETS; i++)
        if (call->sets[i] != NULL)
            memcpy(fdset_asked(call, i), call->sets[i], call->bytes);
        else
            memset(fdset_asked(call, i), 0, call->bytes);
}

static void fdset_restore(const struct fdset_call *call)
{
    for (int i = 0; i < FDSET_SETS; i++)
        if (call->sets[i] != NULL)
            memcpy(call->sets[i], fdset_asked(call, i), call->bytes);
}

/* In which sets is it? A bit each. */
static unsigned fdset_sets_of(const struct fdset_call *call, int fd)
{
    unsigned sets = 0;

    for (int i = 0; i < FDSET_SETS; i++)
        if (fdset_has(fdset_asked(call, i), fd))
            sets |= 1u << i;
    return sets;
}

static short fdset_sum(const short *of, unsigned sets)
{
    int sum = 0;

    for (int i = 0; i < FDSET_SETS; i++)
        if ((sets & 1u << i) != 0)
            sum |= of[i];
    return (short)sum;
}

/* How many are in any set; they are put into `fds` if that is there. */
static size_t fdset_list(const struct fdset_call *call, struct pollfd *fds)
{
    size_t count = 0;

    for (int fd = 0; fd < call->n; fd++) {
        unsigned sets = fdset_sets_of(call, fd);

        if (sets == 0)
            continue;
        if (fds != NULL)
            fds[count] = (struct pollfd){
                .fd = fd, .events = fdset_sum(fdset_events, sets)};
        count++;
    }
    return count;
}

/* How long the table of descriptors is; 0: it cannot be told. */
static int fdset_table(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    const char *line;
    ssize_t n;

    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    line = strstr(text, "FDSize:");
    return line == NULL ? 0 : (int)strtol(line + strlen("FDSize:"), NULL, 10);
}

/* ---- looking ---- */

static int fdset_original(const struct fdset_call *call)
{
    int rc = thrumi_original.pselect(call->n, (fd_set *)call->sets[FDSET_READ],
                                     (fd_set *)call->sets[FDSET_WRITE],
                                     (fd_set *)call->sets[FDSET_EXCEPT],
                                     &fdset_now, call->ready.mask);

    return (int)thrumi_from_errno(rc);
}

/* Does this one wake for nothing? */
static bool fdset_is_deaf(const struct fdset_call *call,
                          const struct pollfd *one)
{
    unsigned sets;

    if (one->fd < 0 || one->revents == 0)
        return false;
    sets = fdset_sets_of(call, one->fd);
    return (one->revents & fdset_sum(fdset_counts, sets)) == 0;
}

static int fdset_look(struct thrumi_ready *ready)
{
    struct fdset_call *call =
        thrumi_container_of(ready, struct fdset_call, ready);

    for (size_t i = 0; i < ready->n; i++) {
        if ((ready->fds[i].revents & POLLNVAL) != 0)
            return -EBADF; /* though the number may be another's by now */
        if (fdset_is_deaf(call, &ready->fds[i])) {
            ready->fds[i].fd = -1;
            ready->in_part = true;
        }
    }
    fdset_restore(call);
    return fdset_original(call);
}

static int fdset_wait(struct fdset_call *call)
{
    int rc;

    call->ready.n = fdset_list(call, NULL);
    call->ready.fds = malloc((call->ready.n + 1) * sizeof(struct pollfd));
    if (call->ready.fds == NULL)
        return -ENOMEM;
    (void)fdset_list(call, call->ready.fds);
    rc = thrumi_ready_until(&call->ready);
    free(call->ready.fds);
    return rc;
}

/* The sets are left as they were when it is a code. */
static int fdset_run(struct fdset_call *call)
{
    int rc;

    if (call->ready.deadline.ns == THRUM_NOW.ns) {
        rc = fdset_original(call);
        return rc == 0 ? thrumi_ready_pass() : thrumi_ready_found(rc);
    }
    call->bytes =
        ((size_t)call->n + FDSET_WORD - 1) / FDSET_WORD * sizeof(unsigned long);
    call->asked = malloc(FDSET_SETS * call->bytes + 1);
    if (call->asked == NULL)
        return -ENOMEM;
    fdset_save(call);
    rc = fdset_original(call);
    if (rc > 0)
        (void)thrumi_ready_found(rc);
    if (rc == 0)
        rc = fdset_wait(call);
    if (rc < 0)
        fdset_restore(call);
    free(call->asked);
    return rc;
}

/* ---- the hooks ---- */

/* False: the call is to be left as it is. */
static bool fdset_begin(struct fdset_call *call, int n, fd_set *const sets[3])
{
    *call = (struct fdset_call){
        .ready = {.look = fdset_look, .deadline = THRUM_FOREVER}, .n = n};
    if (n > FD_SETSIZE) {
        int table = fdset_table();

        if (table == 0)
            return false;
        call->n = n < table ? n : table;
    }
    for (int i = 0; i < FDSET_SETS; i++)
        call->sets[i] = (unsigned long *)(void *)sets[i];
    return n >= 0;
}

static thrum_time fdset_end(const struct timeval *span)
{
    int64_t ns = thrumi_span_timeval_ns(span);

    return ns == 0 ? THRUM_NOW : thrum_in_ns(ns);
}

/* As the system does, also for a call that has failed. */
static void fdset_tell_left(struct timeval *span, thrum_time deadline)
{
    struct timespec left = thrumi_span_left(deadline);

    if (deadline.ns == THRUM_FOREVER.ns)
        return;
    span->tv_sec = left.tv_sec;
    span->tv_usec = left.tv_nsec / 1000;
}

int thrumi_hook_select(int n, fd_set *readable, fd_set *writable,
                       fd_set *exceptional, struct timeval *span)
{
    fd_set *const sets[] = {readable, writable, exceptional};
    struct fdset_call call;
    int rc;

    if (thrumi_monkey_outside() || !fdset_begin(&call, n, sets) ||
        (span != NULL && (span->tv_sec < 0 || span->tv_usec < 0)))
        return thrumi_original.select(n, readable, writable, exceptional, span);
    if (span != NULL)
        call.ready.deadline = fdset_end(span);
    rc = fdset_run(&call);
    if (thrumi_ready_never(rc))
        return thrumi_original.select(n, readable, writable, exceptional, span);
    if (span != NULL)
        fdset_tell_left(span, call.ready.deadline);
    return (int)thrumi_to_errno(rc);
}

int thrumi_hook_pselect(int n, fd_set *readable, fd_set *writable,
                        fd_set *exceptional, const struct timespec *span,
                        const sigset_t *mask)
{
    fd_set *const sets[] = {readable, writable, exceptional};
    struct fdset_call call;
    int rc;

    if (thrumi_monkey_outside() || !fdset_begin(&call, n, sets) ||
        !thrumi_span_is_limit(span))
        return thrumi_original.pselect(n, readable, writable, exceptional, span,
                                       mask);
    call.ready.deadline = thrumi_span_limit(span);
    call.ready.mask = mask;
    rc = fdset_run(&call);
    if (thrumi_ready_never(rc))
        return thrumi_original.pselect(n, readable, writable, exceptional, span,
                                       mask);
    return (int)thrumi_to_errno(rc);
}
