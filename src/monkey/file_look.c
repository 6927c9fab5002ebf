/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_look.c - paths that the kernel can walk without the disk.
 *
 * Since Linux 5.12 a path can be opened on condition that all of it is cached.
 * With O_PATH that has no effect on what it leads to, so it is done to find out;
 * what follows, in a few microseconds, needs no disk either. It takes three system
 * calls, and another thread a score of times as long. Older systems, and filters
 * of system calls, refuse it: there nothing is known to be in memory.
 */
#include "monkey/file_look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_openat2
# define SYS_openat2 437
#endif

#define LOOK_CACHED 0x20 /* RESOLVE_CACHED */

/* The kernel's struct open_how. */
struct look_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

mode_t thrumi_file_look(int folder, const char *path, int flags)
{
    struct look_how how = {O_PATH | O_CLOEXEC | (unsigned)(flags & O_NOFOLLOW),
                           0, LOOK_CACHED};
    int error = errno;
    struct stat status;
    mode_t mode = 0;
    int fd;

    fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
    if (fd >= 0) {
        if (fstat(fd, &status) == 0)
            mode = status.st_mode;
        (void)close(fd);
    } else if (errno == EFAULT) {
        mode = THRUMI_LOOK_FAULT;
    }
    errno = error;
    return mode;
}
