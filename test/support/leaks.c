/* SPDX-License-Identifier: MIT */
/*
 * test/support/leaks.c - counts what must not leak.
 */
#include "thrum_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static size_t leak_entries(const char *path)
{
    DIR *directory = opendir(path);
    size_t count = 0;

    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            count++;
    closedir(directory);
    return count;
}

/* A thread that the kernel has made for io_uring comes and goes by itself. That of
 * THRUM_MONKEY_WATCH=1 stays. */
static bool leak_is_none(const char *task)
{
    char path[300];
    char name[12] = "";
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)!read(fd, name, sizeof(name));
    close(fd);
    return memcmp(name, "iou-", 4) == 0 ||
           memcmp(name, "thrum-calls_", sizeof(name)) == 0;
}

static size_t leak_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    size_t count = 0;

    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.' && !leak_is_none(entry->d_name))
            count++;
    closedir(directory);
    return count;
}

void leak_await_threads(size_t expected)
{
    WAIT_UNTIL(leak_threads() <= expected);
}

void leak_count(struct leak_counts *counts)
{
    /* counts the descriptor of this directory too, each time */
    counts->descriptors = leak_entries("/proc/self/fd");
    counts->threads = leak_threads();
    counts->blocks = test_live_blocks();
}

bool leak_no_children(void)
{
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);

    if (pid == -1 && errno == ECHILD)
        return true;
    fprintf(stderr, "# a child is left (%d)\n", (int)pid);
    return false;
}
