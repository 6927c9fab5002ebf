/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_crash_test.c - tasks that go wrong at each step of their way,
 * and the others, which must not notice.
 */
#include <dirent.h>
#include <stdio.h>

#include "processes.h"

/* ---- the failure matrix ---- */

/* The task's end, and what its future is to say. */
struct row {
    const char *where;
    thrum_fn *fn;
    int arg;
    int code;
    int signal;
    int exit_code;
};

static void *raise_and_crash_task(void *arg)
{
    thrum_raise(THRUM_EUSER - 1, "before the crash");
    return signal_task(arg);
}

static void *return_and_crash_task(void *arg)
{
    memset(thrum_return_alloc(100000), 1, 100000);
    return signal_task(arg);
}

static void *return_and_exit_task(void *arg)
{
    memset(thrum_return_alloc(100000), 1, 100000);
    return exit_task(arg);
}

static void *handler_exit_task(void *arg)
{
    exit(*(int *)arg);
}

static void *abort_task(void *arg)
{
    (void)arg;
    abort();
}

static void *thread_exit_task(void *arg)
{
    pthread_exit(arg);
}

static int bad_depth(volatile char *above)
{
    volatile char here[4096];

    here[0] = above[0];
    return above[0] == 0 ? 0 : bad_depth(here) + here[0];
}

static void *overflow_task(void *arg)
{
    volatile char top = 1;
    int n = bad_depth(&top);

    return thrum_return(&n, sizeof(n));
}

static void *huge_result_task(void *arg)
{
    return thrum_return_alloc(SIZE_MAX / 2);
}

static const struct row rows[] = {
    {"running: an error", raise_task, -EIO, -EIO, 0, 0},
    {"running: exit", handler_exit_task, 3, THRUM_EEXITED, 0, 3},
    {"running: _exit", exit_task, 4, THRUM_EEXITED, 0, 4},
    {"running: _exit(0)", exit_task, 0, THRUM_EEXITED, 0, 0},
    {"running: pthread_exit", thread_exit_task, 0, THRUM_EEXITED, 0, 0},
    {"running: a fault", segv_task, 8, THRUM_ECRASHED, SIGSEGV, 0},
    {"running: abort", abort_task, 0, THRUM_ECRASHED, SIGABRT, 0},
    {"running: killed", signal_task, SIGKILL, THRUM_ECRASHED, SIGKILL, 0},
    {"running: terminated", signal_task, SIGTERM, THRUM_ECRASHED, SIGTERM, 0},
    {"running: interrupted", signal_task, SIGINT, THRUM_ECRASHED, SIGINT, 0},
    {"running: its stack is full", overflow_task, 0, THRUM_ECRASHED, SIGSEGV,
     0},
    {"result: a plain pointer", pointer_task, 0, THRUM_ENOTSHARED, 0, 0},
    {"result: no memory for it", huge_result_task, 0, -ENOMEM, 0, 0},
    {"result: a crash after an error", raise_and_crash_task, SIGBUS,
     THRUM_ECRASHED, SIGBUS, 0},
    {"result: a crash while it is made", return_and_crash_task, SIGFPE,
     THRUM_ECRASHED, SIGFPE, 0},
    {"result: exit while it is made", return_and_exit_task, 5, THRUM_EEXITED, 0,
     5},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool row_skipped(const struct row *row)
{
    /* their runtimes have handlers, stacks and limits of their own */
    return (TEST_ASAN || TEST_TSAN) &&
           (row->fn == overflow_task || row->fn == huge_result_task ||
            row->fn == thread_exit_task);
}

static void row_check(const struct row *row, thrum_future *future)
{
    const thrum_error *error = NULL;

    CHECK_INT(thrum_future_exception(future, THRUM_FOREVER, &error), 0);
    if (error == NULL) {
        fprintf(stderr, "# %s: no error\n", row->where);
        CHECK(error != NULL);
        return;
    }
    if (!CHECK_INT(error->code, row->code) ||
        !CHECK_INT(error->signal, row->signal) ||
        !CHECK_INT(error->exit_code, row->exit_code))
        fprintf(stderr, "# %s: %s\n", row->where, error->message);
    if (row->code == THRUM_ECRASHED || row->code == THRUM_EEXITED)
        CHECK(error->pid > 0 && error->pid != getpid());
}

static void row_run(thrum_executor *pool, const struct row *row)
{
    thrum_future *before = send(pool, square_task, 3);
    thrum_future *bad = send(pool, row->fn, row->arg);
    thrum_future *after = send(pool, square_task, 4);

    row_check(row, bad);
    CHECK_INT(number_and_unref(before), 9);
    CHECK_INT(number_and_unref(after), 16);
    thrum_future_unref(bad);
}

TEST(F85_each_failure_is_its_tasks_alone)
{
    thrum_executor *pool = processes_of(1);

    for (unsigned i = 0; i < ROWS; i++)
        if (!row_skipped(&rows[i]))
            row_run(pool, &rows[i]);
    executor_end(pool);
}

static void row_callback(thrum_future *future, void *arg)
{
    thrum_executor *pool = arg;

    for (unsigned i = 0; i < ROWS; i++) {
        thrum_future *bad = NULL;

        if (row_skipped(&rows[i]))
            continue;
        CHECK_INT(thrum_executor_submit(pool, rows[i].fn, &rows[i].arg,
                                        sizeof(rows[i].arg), &bad),
                  0);
        thrum_future_unref(bad);
    }
}

TEST(F85_failures_of_tasks_that_callbacks_submit)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *first = send(pool, square_task, 1);

    assert_int_equal(thrum_future_add_done_callback(first, row_callback, pool),
                     0);
    assert_int_equal(thrum_future_quiesce(first, THRUM_FOREVER), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(number_and_unref(send(pool, square_task, i)), i * i);
    thrum_future_unref(first);
    executor_end(pool);
}

TEST(F83_each_failed_future_has_an_error_of_its_own)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *one = send(pool, signal_task, SIGKILL);
    thrum_future *two = send(pool, exit_task, 9);

    assert_ptr_not_equal(failure_of(one), failure_of(two));
    assert_int_not_equal(failure_of(one)->pid, failure_of(two)->pid);
    assert_non_null(strstr(failure_of(one)->message, "SIGKILL"));
    assert_non_null(strstr(failure_of(two)->message, "exit code 9"));
    thrum_future_unref(one);
    thrum_future_unref(two);
    executor_end(pool);
}

static void *two_deep_task(void *arg)
{
    thrum_raise(THRUM_EUSER - 1, "the first");
    return thrum_raise(THRUM_EUSER - 2, "the second");
}

TEST(F84_an_error_is_carried_back_with_its_cause)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, two_deep_task, 0);
    const thrum_error *error = failure_of(future);
    int pid = number_and_unref(send(pool, pid_task, 0));

    assert_string_equal(error->message, "the second");
    assert_non_null(strstr(error->file, "process_crash_test.c"));
    assert_non_null(error->cause);
    assert_int_equal(error->cause->code, THRUM_EUSER - 1);
    assert_string_equal(error->cause->message, "the first");
    assert_int_equal(pid, number_and_unref(send(pool, pid_task, 0)));
    thrum_future_unref(future);
    executor_end(pool);
}

TEST(a_crash_tells_where_it_was)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *future = send(pool, segv_task, 8);
    const thrum_error *error = failure_of(future);

    assert_non_null(error->backtrace);
    assert_non_null(strstr(error->backtrace, "#0"));
    assert_non_null(strstr(error->backtrace, "process_crash_test"));
    thrum_future_unref(future);
    executor_end(pool);
}

/* ---- workers killed from outside ---- */

TEST(F82_a_worker_that_is_killed_while_idle_is_replaced)
{
    thrum_executor *pool = processes_of(1);
    int pid = number_and_unref(send(pool, pid_task, 0));
    int next;

    assert_int_equal(kill(pid, SIGKILL), 0);
    do {
        thrum_future *future = send(pool, pid_task, 0);
        const thrum_error *error = NULL;

        next = pid;
        assert_int_equal(thrum_future_exception(future, THRUM_FOREVER, &error),
                         0);
        /* it may have been handed to the one that was dying, unbegun */
        assert_null(error);
        next = number_of(future);
        thrum_future_unref(future);
    } while (next == pid);
    executor_end(pool);
}

TEST(F82_what_waits_behind_a_crash_goes_to_another_worker)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *bad = send(pool, forever_task, 0);
    thrum_future *futures[50];
    int pids[1] = {0};

    for (int i = 0; i < 50; i++)
        futures[i] = send(pool, square_task, i);
    WAIT_UNTIL(thrum_future_running(bad));
    WAIT_UNTIL(thrum_process_pool_pids(pool, pids, 1) == 1);
    assert_int_equal(kill(pids[0], SIGKILL), 0);
    assert_int_equal(failure_of(bad)->signal, SIGKILL);
    for (int i = 0; i < 50; i++)
        assert_int_equal(number_and_unref(futures[i]), i * i);
    thrum_future_unref(bad);
    executor_end(pool);
}

/* Two tasks that kill each other's workers. */
static void *murder_task(void *arg)
{
    int *pids = arg;

    for (int i = 0; i < 2; i++)
        if (pids[i] != getpid())
            kill(pids[i], SIGKILL);
    return NULL;
}

TEST(workers_that_kill_each_other_lose_no_future)
{
    thrum_executor *pool = processes_of(2);

    for (unsigned round = 0; round < test_scale(30) + 1; round++) {
        thrum_future *futures[2] = {send(pool, pid_task, 0),
                                    send(pool, pid_task, 0)};
        int pids[2];

        for (int i = 0; i < 2; i++)
            pids[i] = number_and_unref(futures[i]);
        for (int i = 0; i < 2; i++)
            assert_int_equal(thrum_executor_submit(pool, murder_task, pids,
                                                   sizeof(pids), &futures[i]),
                             0);
        for (int i = 0; i < 2; i++) {
            const thrum_error *error = NULL;

            assert_int_equal(
                thrum_future_exception(futures[i], THRUM_FOREVER, &error), 0);
            if (error != NULL)
                assert_int_equal(error->signal, SIGKILL);
            thrum_future_unref(futures[i]);
        }
    }
    executor_end(pool);
}

static void *die_of_data_task(void *arg)
{
    raise(SIGKILL);
    return arg;
}

TEST(F86_big_data_to_a_dying_worker_holds_nothing_up)
{
    enum {
        BIG = 3000000,
        MANY = 12
    };
    thrum_executor *pool = processes_of(2);
    thrum_future *futures[MANY];
    char *data = calloc(1, BIG);

    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(thrum_executor_submit(pool, die_of_data_task, data,
                                               i % 2 == 0 ? BIG : 30000,
                                               &futures[i]),
                         0);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(failure_of(futures[i])->code, THRUM_ECRASHED);
        thrum_future_unref(futures[i]);
    }
    free(data);
    executor_end(pool);
}

TEST(F87_many_submits_at_once_hold_nothing_up)
{
    thrum_executor *pool = processes_of(1);
    unsigned n = test_scale(20000);
    thrum_future **futures = calloc(n, sizeof(*futures));

    for (unsigned i = 0; i < n; i++)
        futures[i] = send(pool, null_task, 0);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(
            thrum_future_result(futures[i], THRUM_FOREVER, (void *[1]){NULL}),
            0);
        thrum_future_unref(futures[i]);
    }
    free(futures);
    executor_end(pool);
}

/* ---- workers that have lost their mind ---- */

struct place {
    char *begin;
    size_t size;
};

/* What the worker shares with its owner. */
static struct place shared_memory(void)
{
    struct place place = {NULL, 0};
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
        unsigned long begin;
        unsigned long end;

        if (strstr(line, "memfd:thrum") != NULL &&
            sscanf(line, "%lx-%lx", &begin, &end) == 2)
            place = (struct place){(char *)begin, end - begin};
    }
    if (maps != NULL)
        fclose(maps);
    return place;
}

/* Writes over all that the worker and its owner share, or over a part of it, and
 * goes on as if nothing had happened. */
static void *scribble_task(void *arg)
{
    static const struct {
        size_t begin;
        size_t size;
    } parts[] = {{0, SIZE_MAX}, {0, 64},      {64, 64},  {128, 64},
                 {192, 64},     {256, 64},    {320, 64}, {384, 3000},
                 {4096, 4096},  {8192, 4096}, {128, 8},  {0, 12288}};
    int n = *(int *)arg;
    struct place place = shared_memory();
    size_t part = (size_t)n / 4;
    size_t size = parts[part].size;
    unsigned seed = (unsigned)n;

    if (size > place.size)
        size = place.size;
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        place.begin[parts[part].begin + i] = (char)(n % 4 == 0   ? 0
                                                    : n % 4 == 1 ? 0xff
                                                    : n % 4 == 2 ? 1
                                                                 : seed >> 16);
    }
    return square_task(arg);
}

static void settle_whatever(thrum_future *future)
{
    const thrum_error *error = NULL;
    int rc = thrum_future_exception(future, THRUM_FOREVER, &error);

    assert_true(rc == 0 || rc == THRUM_ECANCELLED);
    thrum_future_unref(future);
}

TEST(a_worker_that_writes_nonsense_hurts_nobody_else)
{
    for (int n = 0; n < 48; n++) {
        thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
        thrum_executor *pool;
        thrum_future *bad[3];

        options.max_workers = 2;
        options.no_core = true;
        options.run_ns = 50000000;
        pool = processes_with(&options);
        for (int i = 0; i < 3; i++)
            bad[i] = send(pool, i == 0 ? scribble_task : square_task, n);
        for (int i = 0; i < 3; i++)
            settle_whatever(bad[i]);
        for (int i = 0; i < 4; i++)
            settle_whatever(send(pool, square_task, i));
        assert_int_equal(thrum_process_pool_kill_workers(pool, SIGKILL), 0);
        executor_end(pool);
    }
}

/* ---- trying again ---- */

/* Crashes unless the file is there, which it makes. */
static void *second_time_task(void *arg)
{
    FILE *file = fopen(arg, "rx");
    int n = 1;

    if (access(arg, F_OK) != 0) {
        file = fopen(arg, "w");
        fclose(file);
        raise(SIGSEGV);
    }
    return thrum_return(&n, sizeof(n));
}

TEST(a_crashed_task_is_tried_again)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *future = NULL;
    char path[64];

    snprintf(path, sizeof(path), "/tmp/thrum-again-%d", (int)getpid());
    options.max_workers = 1;
    options.retries = 1;
    pool = processes_with(&options);
    assert_int_equal(thrum_executor_submit(pool, second_time_task, path,
                                           sizeof(path), &future),
                     0);
    assert_int_equal(number_and_unref(future), 1);
    unlink(path);
    executor_end(pool);
}

TEST(a_task_that_kills_every_worker_is_given_up)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *bad;

    options.max_workers = 1;
    options.retries = 2;
    pool = processes_with(&options);
    bad = send(pool, signal_task, SIGSEGV);
    assert_int_equal(failure_of(bad)->code, THRUM_ECRASHED);
    thrum_future_unref(bad);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    executor_end(pool);
}

/* ---- the zygote ---- */

/* The parent of a worker. */
static int parent_of(int pid)
{
    char path[64];
    char line[256] = "";
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    fclose(file);
    assert_int_equal(sscanf(strrchr(line, ')') + 2, "%*c %d", &parent), 1);
    return parent;
}

TEST(a_zygote_that_is_killed_is_replaced)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *running = send(pool, forever_task, 0);
    thrum_future *queued[20];
    int pids[2] = {0};

    WAIT_UNTIL(thrum_future_running(running));
    WAIT_UNTIL(thrum_process_pool_pids(pool, pids, 2) >= 1);
    assert_int_equal(kill(parent_of(pids[0]), SIGKILL), 0);
    for (int i = 0; i < 20; i++)
        queued[i] = send(pool, null_task, i);
    assert_int_equal(failure_of(running)->code, THRUM_ECRASHED);
    for (int i = 0; i < 20; i++) {
        const thrum_error *error = NULL;

        assert_int_equal(
            thrum_future_exception(queued[i], THRUM_FOREVER, &error), 0);
        if (error != NULL)
            assert_int_equal(error->code, THRUM_ECRASHED);
        thrum_future_unref(queued[i]);
    }
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    thrum_future_unref(running);
    executor_end(pool);
}

PROCESSES_MAIN("process_crash")
