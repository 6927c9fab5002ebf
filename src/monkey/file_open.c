/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_open.c - open, openat and creat.
 *
 *     to be had from memory    the original, at once
 *     a FIFO                   when its other end is there: file_fifo.c
 *     else                     the original, in another thread
 *
 * What is to be made or emptied has the disk changed. A device may keep whoever
 * opens it waiting for a carrier, so that the thread may have to be left behind:
 * its job owns the descriptor until somebody takes it. The thread also finds the
 * FIFOs that are not to be seen from memory; they are opened here again.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <thrum/net.h>

#include "monkey/elsewhere.h"
#include "monkey/file_fifo.h"
#include "monkey/file_look.h"
#include "monkey/hooks.h"

struct open_ask {
    int folder;
    const char *path;
    int flags;
    mode_t mode;
};

struct open_job {
    struct thrumi_job job;
    struct open_ask ask; /* a folder and a path of its own */
    int fd;              /* -1: there is none, or it was taken */
    bool is_fifo;
};

static int open_original(const struct open_ask *ask)
{
    if (ask->folder == AT_FDCWD)
        return thrumi_original.open(ask->path, ask->flags, ask->mode);
    return thrumi_original.openat(ask->folder, ask->path, ask->flags,
                                  ask->mode);
}

/* Would it wait for the other end, if this is a FIFO? */
static bool open_may_meet(const struct open_ask *ask)
{
    const int never = O_NONBLOCK | O_PATH | O_DIRECTORY | O_EXCL;

    return (ask->flags & never) == 0;
}

/* ---- in another thread ---- */

static bool open_finds_fifo(const struct open_ask *ask)
{
    int flags = ask->flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0;
    struct stat status;

    return open_may_meet(ask) &&
           fstatat(ask->folder, ask->path, &status, flags) == 0 &&
           S_ISFIFO(status.st_mode);
}

static void open_run(struct thrumi_job *job)
{
    struct open_job *open = thrumi_container_of(job, struct open_job, job);

    open->is_fifo = open_finds_fifo(&open->ask);
    if (!open->is_fifo)
        open->fd = open_original(&open->ask);
}

static void open_drop(struct thrumi_job *job)
{
    struct open_job *open = thrumi_container_of(job, struct open_job, job);

    if (open->fd >= 0)
        (void)close(open->fd);
    if (open->ask.folder >= 0)
        (void)close(open->ask.folder);
    free((void *)(uintptr_t)open->ask.path);
}

/* The folder is open for as long as the job needs it: another may be behind its
 * number by then. */
static int open_keep_folder(const struct open_ask *ask)
{
    if (ask->folder == AT_FDCWD || ask->path[0] == '/')
        return AT_FDCWD;
    return thrumi_original.fcntl(ask->folder, F_DUPFD_CLOEXEC, 0);
}

/* NULL, with errno, if it cannot be made. */
static struct open_job *open_job(const struct open_ask *ask)
{
    struct open_job *job = thrumi_job_new(sizeof(*job), open_run, open_drop);

    if (job == NULL)
        return NULL;
    job->fd = -1;
    job->ask = *ask;
    job->ask.path = strdup(ask->path);
    job->ask.folder = job->ask.path == NULL ? -1 : open_keep_folder(ask);
    if (job->ask.folder != -1)
        return job;
    thrumi_job_unref(&job->job);
    return NULL;
}

/* The descriptor; -1 and errno. */
static int open_elsewhere(const struct open_ask *ask)
{
    struct open_job *job = open_job(ask);
    bool is_fifo = false;
    int fd = -1;
    int rc;

    if (job == NULL)
        return -1;
    rc = thrumi_job_wait(&job->job);
    if (rc == 0) {
        is_fifo = job->is_fifo;
        fd = job->fd;
        job->fd = -1;
    }
    thrumi_job_unref(&job->job);
    if (is_fifo)
        rc = thrumi_fifo_open(ask->folder, ask->path, ask->flags);
    if (is_fifo && rc >= 0)
        return rc;
    return rc < 0 ? (int)thrumi_to_errno(rc) : fd;
}

/* ---- from memory ---- */

/* Others may have a lease on the file, which is waited for; or a FIFO may have
 * come in its place. With O_NONBLOCK neither is, and the flag means nothing else
 * to a file. */
static int open_from_memory(const struct open_ask *ask)
{
    struct open_ask once = *ask;
    int fd;

    if ((ask->flags & O_PATH) != 0)
        return open_original(ask);
    once.flags |= O_NONBLOCK;
    fd = open_original(&once);
    if (fd < 0 && (errno == EWOULDBLOCK || errno == ENXIO))
        return open_elsewhere(ask);
    if (fd >= 0 && (ask->flags & O_NONBLOCK) == 0)
        (void)thrumi_original.fcntl(fd, F_SETFL, ask->flags);
    return fd;
}

static int open_cooperative(const struct open_ask *ask)
{
    bool changes = (ask->flags & (O_CREAT | O_TRUNC)) != 0 ||
                   (ask->flags & O_TMPFILE) == O_TMPFILE;
    mode_t seen = thrumi_file_look(ask->folder, ask->path, ask->flags);

    if (seen == THRUMI_LOOK_FAULT)
        return open_original(ask);
    if (S_ISFIFO(seen) && open_may_meet(ask))
        return (int)thrumi_to_errno(
            thrumi_fifo_open(ask->folder, ask->path, ask->flags));
    if (!changes && (S_ISREG(seen) || S_ISDIR(seen)))
        return open_from_memory(ask);
    return open_elsewhere(ask);
}

/* What is no path at all is for the kernel to refuse. */
static int open_any(const struct open_ask *ask)
{
    if (thrumi_monkey_outside() || ask->path == NULL)
        return thrum_fd_fresh(open_original(ask));
    return thrum_fd_fresh(open_cooperative(ask));
}

/* ---- hooks ---- */

static bool open_has_mode(int flags)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

int thrumi_hook_open(const char *path, int flags, ...)
{
    struct open_ask ask = {AT_FDCWD, path, flags, 0};
    va_list arguments;

    va_start(arguments, flags);
    if (open_has_mode(flags))
        ask.mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_any(&ask);
}

int thrumi_hook_openat(int folder, const char *path, int flags, ...)
{
    struct open_ask ask = {folder, path, flags, 0};
    va_list arguments;

    va_start(arguments, flags);
    if (open_has_mode(flags))
        ask.mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_any(&ask);
}

int thrumi_hook_creat(const char *path, mode_t mode)
{
    struct open_ask ask = {AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode};

    if (thrumi_monkey_outside())
        return thrum_fd_fresh(thrumi_original.creat(path, mode));
    return open_any(&ask);
}

/* With -D_FORTIFY_SOURCE; these end the program if a mode is missing. */
int thrumi_hook___open_2(const char *path, int flags)
{
    struct open_ask ask = {AT_FDCWD, path, flags, 0};

    if (thrumi_monkey_outside() || open_has_mode(flags))
        return thrum_fd_fresh(thrumi_original.__open_2(path, flags));
    return open_any(&ask);
}

int thrumi_hook___openat_2(int folder, const char *path, int flags)
{
    struct open_ask ask = {folder, path, flags, 0};

    if (thrumi_monkey_outside() || open_has_mode(flags))
        return thrum_fd_fresh(thrumi_original.__openat_2(folder, path, flags));
    return open_any(&ask);
}
