/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_worker_test.c - the life of workers: how many there are, how
 * they begin, how long they stay, what they find.
 */
#include <fcntl.h>
#include <stdio.h>

#include "processes.h"

/* ---- initializer ---- */

static int set_up; /* 0 here, and in a worker what the initializer says */

static int set_up_from(void *arg)
{
    set_up = *(int *)arg;
    return set_up < 0 ? set_up : 0;
}

static void *set_up_task(void *arg)
{
    return thrum_return(&set_up, sizeof(set_up));
}

static thrum_executor *initialized_pool(int workers, int (*fn)(void *), int arg)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = workers;
    options.initializer = fn;
    options.initializer_arg = &arg;
    options.initializer_arg_size = sizeof(arg);
    return processes_with(&options);
}

TEST(F78_the_initializer_runs_in_every_worker_before_its_first_task)
{
    thrum_executor *pool = initialized_pool(2, set_up_from, 77);
    thrum_future *crash;

    for (int i = 0; i < 10; i++)
        assert_int_equal(number_and_unref(send(pool, set_up_task, 0)), 77);
    crash = send(pool, signal_task, SIGKILL);
    failure_of(crash);
    thrum_future_unref(crash);
    for (int i = 0; i < 10; i++)
        assert_int_equal(number_and_unref(send(pool, set_up_task, 0)), 77);
    assert_int_equal(set_up, 0);
    executor_end(pool);
}

static void check_broken(thrum_executor *pool, int cause)
{
    thrum_future *futures[5];
    thrum_future *late = NULL;
    int n = 1;
    int rc;

    for (int i = 0; i < 5; i++) {
        futures[i] = NULL;
        rc = thrum_executor_submit(pool, square_task, &n, sizeof(n),
                                   &futures[i]);
        assert_true(rc == 0 || rc == THRUM_EBROKEN);
    }
    for (int i = 0; i < 5; i++) {
        const thrum_error *error;

        if (futures[i] == NULL)
            continue;
        error = failure_of(futures[i]);
        assert_int_equal(error->code, THRUM_EBROKEN);
        assert_non_null(error->cause);
        assert_int_equal(error->cause->code, cause);
        thrum_future_unref(futures[i]);
    }
    do {
        rc = thrum_executor_submit(pool, square_task, &n, sizeof(n), &late);
        if (rc == 0)
            thrum_future_unref(late);
    } while (rc == 0);
    assert_int_equal(rc, THRUM_EBROKEN);
    executor_end(pool);
}

TEST(F79_an_initializer_that_fails_breaks_the_pool)
{
    check_broken(initialized_pool(2, set_up_from, -EACCES), -EACCES);
}

static int crash_at_birth(void *arg)
{
    raise(SIGKILL);
    return *(int *)arg;
}

/* Not at the first time: it is tried again, after pauses. */
TEST(F79_workers_that_die_at_birth_break_the_pool_in_the_end)
{
    check_broken(initialized_pool(1, crash_at_birth, 0), THRUM_ECRASHED);
}

/* ---- how long they stay ---- */

TEST(F90_a_worker_is_replaced_after_so_many_tasks)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    int pids[9];

    options.max_workers = 1;
    options.max_tasks_per_worker = 3;
    pool = processes_with(&options);
    for (int i = 0; i < 9; i++)
        pids[i] = number_and_unref(send(pool, pid_task, 0));
    for (int i = 1; i < 9; i++)
        assert_int_equal(pids[i] == pids[i - 1], i % 3 != 0);
    executor_end(pool);
}

TEST(F91_a_backlog_above_the_limit_does_not_hang)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *futures[60];

    options.max_workers = 2;
    options.max_tasks_per_worker = 4;
    pool = processes_with(&options);
    for (int i = 0; i < 60; i++)
        futures[i] = send(pool, square_task, i);
    assert_int_equal(thrum_executor_shutdown(pool, 0, THRUM_NOW), 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(number_and_unref(futures[i]), i * i);
    executor_end(pool);
}

TEST(F53_an_idle_worker_is_used_before_another_is_started)
{
    thrum_executor *pool = processes_of(4);
    int first = number_and_unref(send(pool, pid_task, 0));

    for (int i = 0; i < 20; i++)
        assert_int_equal(number_and_unref(send(pool, pid_task, 0)), first);
    WAIT_UNTIL(thrum_process_pool_pids(pool, NULL, 0) == 1);
    executor_end(pool);
}

TEST(F53_there_are_never_more_than_the_most)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *futures[100];

    for (int i = 0; i < 100; i++)
        futures[i] = send(pool, null_task, 0);
    for (int i = 0; i < 100; i++) {
        assert_true(thrum_process_pool_pids(pool, NULL, 0) <= 2);
        thrum_future_unref(futures[i]);
    }
    executor_end(pool);
}

TEST(F50_the_default_is_a_worker_per_cpu_at_most)
{
    thrum_executor *pool = processes_with(NULL);

    assert_int_equal(number_and_unref(send(pool, square_task, 3)), 9);
    executor_end(pool);
}

TEST(a_worker_without_a_task_ends_after_a_while)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    options.max_workers = 1;
    options.idle_ns = 1000000;
    pool = processes_with(&options);
    assert_int_equal(number_and_unref(send(pool, square_task, 3)), 9);
    WAIT_UNTIL(thrum_process_pool_pids(pool, NULL, 0) == 0);
    assert_int_equal(number_and_unref(send(pool, square_task, 4)), 16);
    executor_end(pool);
}

TEST(a_pool_can_be_resized)
{
    thrum_executor *pool = processes_of(1);
    thrum_future *futures[6];

    for (int i = 0; i < 3; i++)
        futures[i] = send(pool, forever_task, i);
    WAIT_UNTIL(thrum_future_running(futures[0]));
    assert_int_equal(thrum_process_pool_resize(pool, 3), 0);
    for (int i = 0; i < 3; i++)
        WAIT_UNTIL(thrum_future_running(futures[i]));
    assert_int_equal(thrum_process_pool_resize(pool, 1), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(thrum_future_kill(futures[i], THRUM_FOREVER), 0);
        thrum_future_unref(futures[i]);
    }
    assert_int_equal(number_and_unref(send(pool, square_task, 4)), 16);
    WAIT_UNTIL(thrum_process_pool_pids(pool, NULL, 0) <= 1);
    assert_int_equal(thrum_process_pool_resize(pool, 0), -EINVAL);
    assert_int_equal(thrum_process_pool_resize(pool, 1025), -EINVAL);
    executor_end(pool);
}

/* Tasks that were given to a worker ahead go to one that has none. */
TEST(tasks_behind_a_long_one_go_to_another_worker)
{
    thrum_executor *pool = processes_of(2);
    thrum_future *slow;
    thrum_future *futures[40];

    slow = send(pool, forever_task, 0);
    for (int i = 0; i < 40; i++)
        futures[i] = send(pool, square_task, i);
    for (int i = 0; i < 40; i++)
        assert_int_equal(number_and_unref(futures[i]), i * i);
    assert_int_equal(thrum_future_kill(slow, THRUM_FOREVER), 0);
    thrum_future_unref(slow);
    executor_end(pool);
}

/* ---- bounded queues ---- */

static thrum_executor *bounded_pool(thrum_queue_policy policy)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = 1;
    options.queue_limit = 2;
    options.queue_policy = policy;
    options.block_ns = 1000000;
    return processes_with(&options);
}

static void check_bounded(thrum_queue_policy policy, int refusal)
{
    thrum_executor *pool = bounded_pool(policy);
    thrum_future *first = send(pool, forever_task, 0);
    thrum_future *waiting[2];
    thrum_future *more = NULL;
    int n = 5;

    WAIT_UNTIL(thrum_future_running(first));
    for (int i = 0; i < 2; i++)
        waiting[i] = send(pool, square_task, i);
    assert_int_equal(
        thrum_executor_submit(pool, pid_task, &n, sizeof(n), &more), refusal);
    if (refusal == 0)
        assert_int_equal(number_and_unref(more), getpid());
    assert_true(thrum_future_cancel(waiting[1]));
    more = send(pool, square_task, 6);
    assert_int_equal(thrum_future_kill(first, THRUM_FOREVER), 0);
    assert_int_equal(number_and_unref(waiting[0]), 0);
    assert_int_equal(number_and_unref(more), 36);
    thrum_future_unref(waiting[1]);
    thrum_future_unref(first);
    executor_end(pool);
}

TEST(F45_a_full_queue_rejects)
{
    check_bounded(THRUM_QUEUE_REJECT, THRUM_EFULL);
}

TEST(F45_a_full_queue_blocks_to_the_deadline)
{
    check_bounded(THRUM_QUEUE_BLOCK, -ETIMEDOUT);
}

TEST(F45_the_caller_runs_what_a_full_queue_has_no_room_for)
{
    check_bounded(THRUM_QUEUE_CALLER_RUNS, 0);
}

/* ---- what they find ---- */

static void *environment_task(void *arg)
{
    const char *value = getenv("THRUM_TEST_WORKER");
    int n = value == NULL ? -1 : atoi(value);

    if (getenv("THRUM_WORKER") != NULL)
        n = -2;
    return thrum_return(&n, sizeof(n));
}

TEST(the_environment_can_be_added_to)
{
    static const char *const more[] = {"THRUM_TEST_WORKER=123", NULL};
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;

    options.environment = more;
    options.max_workers = 1;
    pool = processes_with(&options);
    assert_int_equal(number_and_unref(send(pool, environment_task, 0)), 123);
    assert_null(getenv("THRUM_TEST_WORKER"));
    executor_end(pool);
}

static void *open_task(void *arg)
{
    int n = 0;

    for (int fd = 3; fd < 1000; fd++)
        n += fcntl(fd, F_GETFD) >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
    return thrum_return(&n, sizeof(n));
}

TEST(descriptors_of_the_program_are_not_there)
{
    int ends[2];
    thrum_executor *pool;

    assert_int_equal(pipe(ends), 0);
    pool = processes_of(1);
    assert_int_equal(number_and_unref(send(pool, open_task, 0)), 0);
    executor_end(pool);
    close(ends[0]);
    close(ends[1]);
}

static void *signals_task(void *arg)
{
    struct sigaction action;
    sigset_t mask;
    int n = 0;

    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < NSIG; number++) {
        n += sigismember(&mask, number) == 1;
        if (sigaction(number, NULL, &action) == 0)
            n += action.sa_handler == SIG_IGN;
    }
    return thrum_return(&n, sizeof(n));
}

TEST(signals_are_as_at_the_beginning_of_a_program)
{
    thrum_executor *pool;
    sigset_t set;
    sigset_t before;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    signal(SIGUSR2, SIG_IGN);
    pool = processes_of(1);
    assert_int_equal(number_and_unref(send(pool, signals_task, 0)), 0);
    executor_end(pool);
    signal(SIGUSR2, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *input_task(void *arg)
{
    char byte;
    int n = (int)read(STDIN_FILENO, &byte, 1);

    return thrum_return(&n, sizeof(n));
}

TEST(standard_input_is_empty)
{
    thrum_executor *pool = processes_of(1);

    assert_int_equal(number_and_unref(send(pool, input_task, 0)), 0);
    executor_end(pool);
}

static void *print_task(void *arg)
{
    printf("to be read");
    return NULL;
}

/* Also without a newline, and into a pipe: it is there when the worker has
 * nothing to do. */
TEST(standard_output_is_usable)
{
    char text[11] = "";
    int ends[2];
    int saved = dup(STDOUT_FILENO);
    thrum_executor *pool;

    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    pool = processes_of(1);
    thrum_future_unref(send(pool, print_task, 0));
    assert_int_equal(read(ends[0], text, 10), 10);
    executor_end(pool);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(ends[0]);
    close(ends[1]);
    assert_string_equal(text, "to be read");
}

static void *nice_task(void *arg)
{
    int n = getpriority(PRIO_PROCESS, 0);

    return thrum_return(&n, sizeof(n));
}

TEST(niceness_is_added)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    int here = getpriority(PRIO_PROCESS, 0);
    thrum_executor *pool;

    options.nice = 1;
    options.max_workers = 1;
    pool = processes_with(&options);
    assert_int_equal(number_and_unref(send(pool, nice_task, 0)),
                     here < 19 ? here + 1 : 19);
    executor_end(pool);
}

static void *cpus_task(void *arg)
{
    cpu_set_t set;
    int n;

    sched_getaffinity(0, sizeof(set), &set);
    n = CPU_COUNT(&set);
    return thrum_return(&n, sizeof(n));
}

TEST(workers_run_on_the_cpus_they_may)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    cpu_set_t set;
    int cpu = 0;
    thrum_executor *pool;

    sched_getaffinity(0, sizeof(set), &set);
    while (!CPU_ISSET((size_t)cpu, &set))
        cpu++;
    options.affinity = &cpu;
    options.affinity_count = 1;
    options.max_workers = 1;
    pool = processes_with(&options);
    assert_int_equal(number_and_unref(send(pool, cpus_task, 0)), 1);
    executor_end(pool);
}

/* ---- the sandbox ---- */

static thrum_executor *sandbox_pool(void)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool = NULL;
    int rc;

    options.max_workers = 1;
    options.sandbox = true;
    options.no_core = true;
    rc = thrum_process_pool_new(&options, &pool);
    if (rc != 0)
        assert_int_equal(rc, -ENOTSUP);
    return pool;
}

static void *compute_task(void *arg)
{
    int n = *(int *)arg;
    char *memory = malloc(1000000);
    char *large = thrum_return_alloc(1000000);

    memset(memory, n, 1000000);
    memcpy(large, memory, 1000000);
    free(memory);
    return large;
}

static void *open_file_task(void *arg)
{
    int n = open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;

    return thrum_return(&n, sizeof(n));
}

static void *fork_task(void *arg)
{
    int n = (int)fork();

    if (n == 0)
        _exit(0);
    return thrum_return(&n, sizeof(n));
}

TEST(a_sandboxed_task_computes_and_nothing_else)
{
    thrum_executor *pool;
    thrum_future *future;
    void *value = NULL;

    if (TEST_ASAN || TEST_TSAN)
        TEST_SKIP("sanitizers make calls that a sandbox does not allow");
    pool = sandbox_pool();
    if (pool == NULL)
        TEST_SKIP("there is no libseccomp");
    future = send(pool, compute_task, 7);
    assert_int_equal(thrum_future_result(future, THRUM_FOREVER, &value), 0);
    assert_int_equal(((char *)value)[999999], 7);
    thrum_future_unref(future);
    assert_int_equal(number_and_unref(send(pool, open_file_task, 0)), EACCES);
    future = send(pool, fork_task, 0);
    assert_int_equal(failure_of(future)->code, THRUM_ECRASHED);
    assert_int_equal(failure_of(future)->signal, SIGSYS);
    thrum_future_unref(future);
    future = send(pool, segv_task, 1);
    assert_int_equal(failure_of(future)->signal, SIGSEGV);
    thrum_future_unref(future);
    executor_end(pool);
}

/* ---- start methods ---- */

static int here_and_not_there;

static void *there_task(void *arg)
{
    return thrum_return(&here_and_not_there, sizeof(here_and_not_there));
}

static int started_by(thrum_process_start start)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    thrum_future *crash;
    int n;

    options.start = start;
    options.max_workers = 2;
    here_and_not_there = 5;
    pool = processes_with(&options);
    n = number_and_unref(send(pool, there_task, 0));
    crash = send(pool, signal_task, SIGSEGV);
    assert_int_equal(failure_of(crash)->signal, SIGSEGV);
    thrum_future_unref(crash);
    for (int i = 0; i < 20; i++)
        assert_int_equal(number_and_unref(send(pool, square_task, i)), i * i);
    executor_end(pool);
    return n;
}

TEST(F94_workers_come_from_a_zygote)
{
    assert_int_equal(started_by(THRUM_PROCESS_ZYGOTE), 0);
}

TEST(F94_workers_are_spawned)
{
    assert_int_equal(started_by(THRUM_PROCESS_SPAWN), 0);
}

TEST(F94_workers_are_forks_where_that_is_asked_for)
{
    if (TEST_TSAN || TEST_ASAN)
        TEST_SKIP("sanitizers do not stand a fork of a threaded process");
    assert_int_equal(started_by(THRUM_PROCESS_FORK), 5);
}

PROCESSES_MAIN("process_worker")
