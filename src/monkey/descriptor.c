/* SPDX-License-Identifier: MIT */
/*
 * monkey/descriptor.c - numbers of descriptors come, go and are used again.
 *
 * Whoever waits for a descriptor that is closed, from any thread, finds EBADF
 * before the number can be another's; so these hooks act outside of greenlets
 * too. A number that stands for something new is told to the hub, which may know
 * it from an earlier life that ended behind its back.
 */
#include "monkey/descriptor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include <thrum/net.h>

#include "monkey/file_lock.h"
#include "monkey/hooks.h"

/* ---- they come ---- */

int thrumi_hook_socket(int family, int type, int protocol)
{
    return thrum_fd_fresh(thrumi_original.socket(family, type, protocol));
}

static int descriptor_fresh_pair(int rc, const int fds[2])
{
    if (rc == 0) {
        (void)thrum_fd_fresh(fds[0]);
        (void)thrum_fd_fresh(fds[1]);
    }
    return rc;
}

int thrumi_hook_socketpair(int family, int type, int protocol, int fds[2])
{
    return descriptor_fresh_pair(
        thrumi_original.socketpair(family, type, protocol, fds), fds);
}

int thrumi_hook_pipe(int fds[2])
{
    return descriptor_fresh_pair(thrumi_original.pipe(fds), fds);
}

int thrumi_hook_pipe2(int fds[2], int flags)
{
    return descriptor_fresh_pair(thrumi_original.pipe2(fds, flags), fds);
}

int thrumi_hook_dup(int fd)
{
    return thrum_fd_fresh(thrumi_original.dup(fd));
}

/* Those that wait for what the number has stood for are told before it stands for
 * something else, of which nothing may be read in their place. */
static void descriptor_replace(int fd, int to)
{
    if (fd != to && thrumi_original.fcntl(fd, F_GETFD) >= 0)
        (void)thrum_fd_fresh(to);
}

/* And other hubs than the thread's are to ask what it is set to. */
static int descriptor_replaced(int rc)
{
    thrum_fd_changed();
    return rc;
}

int thrumi_hook_dup2(int fd, int to)
{
    descriptor_replace(fd, to);
    return descriptor_replaced(thrumi_original.dup2(fd, to));
}

int thrumi_hook_dup3(int fd, int to, int flags)
{
    descriptor_replace(fd, to);
    return descriptor_replaced(thrumi_original.dup3(fd, to, flags));
}

/* ---- and go ---- */

int thrumi_hook_close(int fd)
{
    return (int)thrumi_to_errno(thrum_close(fd));
}

/* An entry of a folder, as the system gives it. */
struct descriptor_entry {
    uint64_t inode;
    int64_t next;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Of the entries that were read. */
struct descriptor_range {
    unsigned first;
    unsigned last;
    unsigned folder; /* it is being read */
};

static void descriptor_close_named(const struct descriptor_range *range,
                                   const char *name)
{
    char *end;
    unsigned long fd = strtoul(name, &end, 10);

    if (end != name && fd >= range->first && fd <= range->last &&
        fd != range->folder)
        (void)thrum_close((int)fd);
}

static void descriptor_close_some(const struct descriptor_range *range,
                                  const char *entries, size_t size)
{
    const struct descriptor_entry *entry;

    for (size_t at = 0; at < size; at += entry->size) {
        entry = (const void *)(entries + at);
        descriptor_close_named(range, entry->name);
    }
}

/* Closes those of the numbers that are open; false: they cannot be listed. By
 * system calls alone, for the sake of children of threads that were forked. */
static bool descriptor_close_listed(unsigned first, unsigned last)
{
    int folder =
        open("/proc/thread-self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct descriptor_range range = {first, last, (unsigned)folder};
    _Alignas(struct descriptor_entry) char entries[1024];
    long size;

    if (folder < 0)
        return false;
    do {
        size = syscall(SYS_getdents64, folder, entries, sizeof(entries));
        if (size > 0)
            descriptor_close_some(&range, entries, (size_t)size);
    } while (size > 0);
    close(folder);
    return size == 0;
}

/* One by one, since somebody may wait there; and those of a hub must stay: it has
 * no other. */
int thrumi_hook_close_range(unsigned first, unsigned last, int flags)
{
    if (flags != 0 || first > last || !descriptor_close_listed(first, last))
        return thrumi_original.close_range(first, last, flags);
    return 0;
}

void thrumi_hook_closefrom(int first)
{
    if (!descriptor_close_listed(first < 0 ? 0 : (unsigned)first, ~0u))
        thrumi_original.closefrom(first);
}

/* ---- fcntl ---- */

int thrumi_hook_fcntl(int fd, int command, ...)
{
    va_list arguments;
    void *argument;
    int rc;

    va_start(arguments, command);
    argument = va_arg(arguments, void *); /* an int is in it, too */
    va_end(arguments);
    if (thrumi_lock_is_wait(command) && !thrumi_monkey_outside())
        return thrumi_lock_wait(fd, command, argument);
    rc = thrumi_original.fcntl(fd, command, argument);
    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        return thrum_fd_fresh(rc);
    if (command == F_SETFL)
        thrum_fd_changed();
    return rc;
}

bool thrumi_descriptor_never_waits(int fd)
{
    int flags = thrumi_original.fcntl(fd, F_GETFL);

    return flags < 0 || (flags & O_NONBLOCK) != 0;
}
