/* SPDX-License-Identifier: MIT */
/*
 * test/support/watchdog.c - ends a test program that hangs, with all stacks.
 *
 * A thread of its own that takes no signals. It asks gdb for the stacks, and
 * where there is none the kernel for what each thread waits in.
 */
#include "thrum_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "support.h"

static struct {
    const char *file;
    unsigned seconds;
    atomic_bool runs; /* the thread has begun, and takes no memory any more */
} watchdog;

static void watchdog_print_file(const char *task, const char *name)
{
    char path[300];
    char text[1024];
    ssize_t n = 0;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%s/%s", task, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    fprintf(stderr, "#   %s: %s\n", name, text);
}

static void watchdog_print_kernel(void)
{
    DIR *tasks = opendir("/proc/self/task");

    if (tasks == NULL)
        return;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.')
            continue;
        fprintf(stderr, "# thread %s\n", task->d_name);
        watchdog_print_file(task->d_name, "comm");
        watchdog_print_file(task->d_name, "wchan");
        watchdog_print_file(task->d_name, "syscall");
        watchdog_print_file(task->d_name, "stack");
    }
    closedir(tasks);
}

/* True if gdb has printed the stacks. */
static bool watchdog_print_gdb(void)
{
    char command[160];

    snprintf(command, sizeof(command),
             "timeout 60 gdb -q -batch -nx -p %d "
             "-ex 'thread apply all backtrace 30' </dev/null >&2",
             (int)getpid());
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    return system(command) == 0;
}

static void *watchdog_run(void *arg)
{
    struct timespec end;

    atomic_store(&watchdog.runs, true);
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += watchdog.seconds;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) != 0)
        ;
    fprintf(stderr, "# %s: hangs, still running after %u s\n", watchdog.file,
            watchdog.seconds);
    if (!watchdog_print_gdb())
        watchdog_print_kernel();
    fflush(NULL);
    abort();
}

unsigned watchdog_seconds(void)
{
    return watchdog.seconds;
}

void watchdog_start(const char *file, unsigned seconds)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    int rc;

    watchdog.file = file;
    watchdog.seconds = seconds;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&thread, NULL, watchdog_run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        fprintf(stderr, "# no thread for the watchdog\n");
        abort();
    }
    pthread_detach(thread);
    /* A child that is forked while a thread begins may inherit the sanitizer's
     * allocator locked. */
    WAIT_UNTIL(atomic_load(&watchdog.runs));
}
