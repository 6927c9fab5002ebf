/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_disk.c - what an open file has on the disk: its data, its room.
 */
#include <errno.h>

#include <thrum/file.h>

#include "monkey/file_calls.h"

/* ---- what was written reaches the disk ---- */

FILE_CALL_1(syncfs, false, int, fd)
FILE_CALL_3(msync, (flags & MS_SYNC) == 0, void *, memory, size_t, n, int,
            flags)
FILE_CALL_4(sync_file_range, false, int, fd, off64_t, offset, off64_t, n,
            unsigned, flags)

int thrumi_hook_fsync(int fd)
{
    int rc = -EAGAIN;

    if (!thrumi_monkey_outside())
        rc = thrum_fsync(fd, THRUM_FOREVER);
    if (thrumi_elsewhere_nobody(rc))
        return thrumi_original.fsync(fd);
    return (int)thrumi_to_errno(rc);
}

int thrumi_hook_fdatasync(int fd)
{
    int rc = -EAGAIN;

    if (!thrumi_monkey_outside())
        rc = thrum_fdatasync(fd, THRUM_FOREVER);
    if (thrumi_elsewhere_nobody(rc))
        return thrumi_original.fdatasync(fd);
    return (int)thrumi_to_errno(rc);
}

static void disk_run_sync(void *arg)
{
    (void)arg;
    thrumi_original.sync();
}

void thrumi_hook_sync(void)
{
    if (thrumi_monkey_outside())
        thrumi_original.sync();
    else
        thrumi_elsewhere(disk_run_sync, NULL);
}

/* ---- room ---- */

FILE_CALL_3(posix_fallocate, false, int, fd, off_t, offset, off_t, n)
FILE_CALL_4(fallocate, false, int, fd, int, mode, off_t, offset, off_t, n)
FILE_CALL_2(ftruncate, false, int, fd, off_t, length)

/* ---- what is read ahead ---- */

FILE_CALL_4(posix_fadvise, false, int, fd, off_t, offset, off_t, n, int, advice)

struct readahead_call {
    int fd;
    off64_t offset;
    size_t n;
    ssize_t result;
};

static void disk_run_readahead(void *arg)
{
    struct readahead_call *call = arg;

    call->result = thrumi_original.readahead(call->fd, call->offset, call->n);
}

ssize_t thrumi_hook_readahead(int fd, off64_t offset, size_t n)
{
    struct readahead_call call = {fd, offset, n, 0};

    if (thrumi_monkey_outside())
        return thrumi_original.readahead(fd, offset, n);
    thrumi_elsewhere(disk_run_readahead, &call);
    return call.result;
}
