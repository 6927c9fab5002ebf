/* SPDX-License-Identifier: MIT */
/*
 * test/api/processes.h - process pools for tests, and tasks that go wrong in
 * every way.
 *
 * Tasks run in another process: what they CHECK there nobody counts, so they
 * return what they saw.
 */
#ifndef TEST_PROCESSES_H
#define TEST_PROCESSES_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "futures.h"

/* An emulator of another processor copies a process instead of sharing its
 * memory, and cannot start one that nobody sees. */
#ifdef TEST_EMULATED
# define PROCESSES_MAIN(file)                             \
  int main(void)                                          \
  {                                                       \
   puts("1..0 # skipped: no process pools in emulators"); \
   return 0;                                              \
  }
#elif defined(TEST_STATIC)
/* Without the shared library main has to help. */
# define PROCESSES_MAIN(file)          \
  int main(int argc, char **argv)      \
  {                                    \
   thrum_worker_main();                \
   return test_main(file, argc, argv); \
  }
#else
# define PROCESSES_MAIN(file) TEST_MAIN(file)
#endif

static inline thrum_executor *
processes_with(const thrum_process_pool_options *options)
{
    thrum_executor *pool = NULL;

    assert_int_equal(thrum_process_pool_new(options, &pool), 0);
    return pool;
}

static inline thrum_executor *processes_of(int workers)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = workers;
    return processes_with(&options);
}

static inline thrum_future *send(thrum_executor *pool, thrum_fn *fn, int n)
{
    thrum_future *future = NULL;

    assert_int_equal(thrum_executor_submit(pool, fn, &n, sizeof(n), &future),
                     0);
    return future;
}

/* The number that a task has returned; waits for it. */
static inline int number_of(thrum_future *future)
{
    void *value = NULL;
    int number = -1;

    if (CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &value), 0) &&
        CHECK_INT((long)thrum_future_result_size(future), sizeof(number)) &&
        value != NULL)
        memcpy(&number, value, sizeof(number));
    return number;
}

static inline int number_and_unref(thrum_future *future)
{
    int number = number_of(future);

    thrum_future_unref(future);
    return number;
}

/* What it failed with; waits for it. */
static inline const thrum_error *failure_of(thrum_future *future)
{
    const thrum_error *error = NULL;

    assert_int_equal(thrum_future_exception(future, THRUM_FOREVER, &error), 0);
    assert_non_null(error);
    return error;
}

/* ---- births ---- */

/* A file with a byte of each worker that was born, with a name for them. */
struct births {
    int fd;
    char path[40];
};

/* The initializer of workers. */
static inline int births_note(void *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

    if (fd < 0 || write(fd, "b", 1) != 1)
        return -EIO;
    return close(fd);
}

/* Those of the pool that will be made with these options. */
static inline void births_begin(struct births *births,
                                thrum_process_pool_options *options)
{
    births->fd = memfd_create("births", MFD_CLOEXEC);
    assert_true(births->fd >= 0);
    snprintf(births->path, sizeof(births->path), "/proc/%d/fd/%d", getpid(),
             births->fd);
    options->initializer = births_note;
    options->initializer_arg = births->path;
    options->initializer_arg_size = sizeof(births->path);
}

static inline off_t births_count(const struct births *births)
{
    return lseek(births->fd, 0, SEEK_END);
}

static inline void births_end(struct births *births)
{
    close(births->fd);
}

/* ---- tasks: each takes an int ---- */

static inline void *square_task(void *arg)
{
    unsigned n = *(unsigned *)arg;

    n *= n;
    return thrum_return(&n, sizeof(n));
}

static inline void *pid_task(void *arg)
{
    int pid = (int)getpid();

    (void)arg;
    return thrum_return(&pid, sizeof(pid));
}

static inline void *null_task(void *arg)
{
    (void)arg;
    return NULL;
}

static inline void *raise_task(void *arg)
{
    return thrum_raise(*(int *)arg, "raised %d", *(int *)arg);
}

/* Dies of the signal. */
static inline void *signal_task(void *arg)
{
    raise(*(int *)arg);
    return NULL;
}

__attribute__((no_sanitize("undefined"))) static inline void *
segv_task(void *arg)
{
    *(volatile char *)(uintptr_t)(*(int *)arg) = 1;
    return NULL;
}

static inline void *exit_task(void *arg)
{
    _exit(*(int *)arg);
}

/* Runs until it is killed. */
static inline void *forever_task(void *arg)
{
    for (;;)
        pause();
    return arg;
}

static inline void *pointer_task(void *arg)
{
    return arg;
}

#endif /* TEST_PROCESSES_H */
