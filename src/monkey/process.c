/* SPDX-License-Identifier: MIT */
/*
 * monkey/process.c - waiting for children.
 *
 * The kernel alone says what there is: each look is the original with WNOHANG,
 * with all else as the caller asked, so that nothing is reaped that nobody asked
 * for. SIGCHLD is left alone: no handler, no mask.
 *
 * Between the looks a pidfd tells of the end of one child. It does not tell of
 * children that stop or go on, nor is there one for "any child" or a group: those
 * are looked for after 1 ms, 2 ms, and so on up to each 10 ms. So is what may be
 * traced (__WALL and its like), and a child that has ended but belongs to a
 * tracer first.
 */
#include "monkey/process.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include <thrum/green.h>
#include <thrum/net.h>

#include "monkey/descriptor.h"
#include "monkey/hooks.h"

#define PROCESS_FIRST_NS INT64_C(1000000)
#define PROCESS_MOST_NS  INT64_C(10000000)

/* What changes of a child have no descriptor that tells. */
#define PROCESS_NO_FD (WSTOPPED | WCONTINUED | __WALL | __WCLONE | __WNOTHREAD)

/* One wait: how to look, and by what to be woken meanwhile. */
struct process_wait {
    /* A look, or with options of 0 the original itself: what was found, 0 for
     * nothing yet, or a code. */
    int64_t (*look)(struct process_wait *wait, int options);
    int fd;   /* a pidfd, or -1 */
    bool own; /* it is to be closed */
    int64_t pause_ns;
    union {
        pid_t pid; /* of wait4 */
        id_t id;   /* of waitid */
    };
    idtype_t type;
    int options;
    int *status;
    struct rusage *usage;
    siginfo_t *info;
};

/* ---- the wait ---- */

static void process_forget(struct process_wait *wait)
{
    if (wait->own)
        (void)thrum_close(wait->fd);
    wait->own = false;
    wait->fd = -1;
}

static void process_open(struct process_wait *wait, pid_t pid)
{
    wait->fd = -1;
    if (pid <= 0 || (wait->options & PROCESS_NO_FD) != 0)
        return;
    wait->fd = (int)syscall(SYS_pidfd_open, pid, 0);
    wait->own = wait->fd >= 0;
    (void)thrum_fd_fresh(wait->fd);
}

static int process_sleep(struct process_wait *wait)
{
    int rc = thrum_sleep(thrum_in_ns(wait->pause_ns));

    wait->pause_ns = 2 * wait->pause_ns < PROCESS_MOST_NS ? 2 * wait->pause_ns
                                                          : PROCESS_MOST_NS;
    return rc;
}

/* Until it is worth another look. */
static int process_pause(struct process_wait *wait)
{
    int rc;

    if (wait->fd < 0)
        return process_sleep(wait);
    rc = thrum_poll_one(wait->fd, POLLIN, THRUM_FOREVER);
    if (rc > 0) /* if there is still nothing, the descriptor knows no more */
        process_forget(wait);
    return rc;
}

/* What is there when the wait ends is taken, whatever has ended it. Where
 * nothing else can be done the thread waits. */
static int64_t process_until(struct process_wait *wait, pid_t pid)
{
    int64_t found = wait->look(wait, WNOHANG);

    if (found != 0)
        return found;
    if (wait->type != P_PIDFD)
        process_open(wait, pid);
    wait->pause_ns = PROCESS_FIRST_NS;
    while (found == 0) {
        int rc = process_pause(wait);

        found = wait->look(wait, WNOHANG);
        if (found == 0 && rc < 0)
            found = thrumi_is_ended(rc) ? rc : wait->look(wait, 0);
    }
    process_forget(wait);
    return found;
}

/* ---- wait4 and those that it can stand for ---- */

static int64_t process_look_wait4(struct process_wait *wait, int options)
{
    return thrumi_from_errno(thrumi_original.wait4(
        wait->pid, wait->status, wait->options | options, wait->usage));
}

int64_t thrumi_process_wait4(pid_t pid, int *status, int options,
                             struct rusage *usage)
{
    struct process_wait wait = {.look = process_look_wait4,
                                .type = P_PID,
                                .pid = pid,
                                .options = options,
                                .status = status,
                                .usage = usage};

    return process_until(&wait, pid);
}

pid_t thrumi_hook_wait4(pid_t pid, int *status, int options,
                        struct rusage *usage)
{
    if (thrumi_monkey_outside() || (options & WNOHANG) != 0)
        return thrumi_original.wait4(pid, status, options, usage);
    return (pid_t)thrumi_to_errno(
        thrumi_process_wait4(pid, status, options, usage));
}

pid_t thrumi_hook_wait3(int *status, int options, struct rusage *usage)
{
    if (thrumi_monkey_outside() || (options & WNOHANG) != 0)
        return thrumi_original.wait3(status, options, usage);
    return (pid_t)thrumi_to_errno(
        thrumi_process_wait4(-1, status, options, usage));
}

pid_t thrumi_hook_waitpid(pid_t pid, int *status, int options)
{
    if (thrumi_monkey_outside() || (options & WNOHANG) != 0)
        return thrumi_original.waitpid(pid, status, options);
    return (pid_t)thrumi_to_errno(
        thrumi_process_wait4(pid, status, options, NULL));
}

pid_t thrumi_hook_wait(int *status)
{
    if (thrumi_monkey_outside())
        return thrumi_original.wait(status);
    return (pid_t)thrumi_to_errno(thrumi_process_wait4(-1, status, 0, NULL));
}

/* ---- waitid ---- */

/* Nothing is told by a pid of 0; a caller may not want to know. */
static int64_t process_look_waitid(struct process_wait *wait, int options)
{
    siginfo_t info;
    int rc;

    memset(&info, 0, sizeof(info));
    rc = thrumi_original.waitid(wait->type, wait->id, &info,
                                wait->options | options);
    if (rc != 0)
        return -errno;
    if (info.si_pid != 0 && wait->info != NULL)
        *wait->info = info;
    return info.si_pid != 0;
}

int thrumi_hook_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    struct process_wait wait = {.look = process_look_waitid,
                                .type = type,
                                .id = id,
                                .options = options,
                                .info = info,
                                .fd = -1};
    int64_t found;

    if (thrumi_monkey_outside() || (options & WNOHANG) != 0 ||
        (type == P_PIDFD && thrumi_descriptor_never_waits((int)id)))
        return thrumi_original.waitid(type, id, info, options);
    if (type == P_PIDFD && (options & PROCESS_NO_FD) == 0)
        wait.fd = (int)id;
    found = process_until(&wait, type == P_PID ? (pid_t)id : 0);
    return found < 0 ? (int)thrumi_to_errno(found) : 0;
}
