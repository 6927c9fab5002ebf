/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_spare_test.c - processes that a pool keeps ready once it has
 * lost a worker: when there are some, what becomes of them, and that they are no
 * workers.
 *
 * They are counted from outside, as children of the zygote.
 */
#include <dirent.h>
#include <sys/wait.h>

#include "processes.h"

#define SPARES 3 /* as the man page says */
#define MOST   16

/* ---- children of a zygote ---- */

struct children {
    unsigned count;
    int pids[MOST];
};

/* The parent of a process that has not ended; or 0. */
static int parent_of(const char *pid)
{
    char path[64];
    int parent;
    char state;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    if (proc_stat(path, &state, &parent) && state != 'Z' && state != 'X')
        return parent;
    return 0;
}

static struct children children_of(int zygote)
{
    struct children found = {0, {0}};
    DIR *directory = opendir("/proc");

    if (directory == NULL)
        return found;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
            parent_of(entry->d_name) == zygote && found.count < MOST)
            found.pids[found.count++] = atoi(entry->d_name);
    closedir(directory);
    return found;
}

static unsigned count_children(int zygote)
{
    return children_of(zygote).count;
}

static bool is_child(const struct children *children, int pid)
{
    for (unsigned i = 0; i < children->count; i++)
        if (children->pids[i] == pid)
            return true;
    return false;
}

static void *parent_task(void *arg)
{
    int pid = (int)getppid();

    (void)arg;
    return thrum_return(&pid, sizeof(pid));
}

static int zygote_of(thrum_executor *pool)
{
    return number_and_unref(send(pool, parent_task, 0));
}

static void lose_worker(thrum_executor *pool)
{
    thrum_future *future = send(pool, signal_task, SIGKILL);

    assert_int_equal(failure_of(future)->code, THRUM_ECRASHED);
    thrum_future_unref(future);
}

/* Loses a worker for the first time, and waits until one works again and the
 * spares are there. A task waits meanwhile, or the next worker would be one of
 * them. */
static int with_spares(thrum_executor *pool)
{
    int zygote = zygote_of(pool);
    thrum_future *crash = send(pool, signal_task, SIGKILL);
    thrum_future *next = send(pool, parent_task, 0);

    assert_int_equal(failure_of(crash)->code, THRUM_ECRASHED);
    thrum_future_unref(crash);
    assert_int_equal(number_and_unref(next), zygote);
    WAIT_UNTIL(count_children(zygote) == 1 + SPARES);
    return zygote;
}

static thrum_executor *pool_that_starts(thrum_process_start start)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;

    options.max_workers = 1;
    options.start = start;
    return processes_with(&options);
}

/* ---- when there are some ---- */

TEST(a_pool_that_has_lost_no_worker_keeps_no_spare)
{
    thrum_executor *pool = processes_of(2);
    int zygote = zygote_of(pool);

    for (int i = 0; i < 200; i++)
        assert_int_equal(number_and_unref(send(pool, square_task, i)), i * i);
    assert_true(count_children(zygote) <= 2);
    executor_end(pool);
}

TEST(workers_that_have_done_their_number_of_tasks_are_not_lost)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    int zygote;

    options.max_workers = 1;
    options.max_tasks_per_worker = 2;
    pool = processes_with(&options);
    zygote = zygote_of(pool);
    for (int i = 0; i < 20; i++)
        number_and_unref(send(pool, square_task, i));
    WAIT_UNTIL(count_children(zygote) <= 1);
    executor_end(pool);
}

static void check_next_worker(thrum_process_start start)
{
    thrum_executor *pool = pool_that_starts(start);
    int zygote = with_spares(pool);
    struct children before = children_of(zygote);
    int last = number_and_unref(send(pool, pid_task, 0));

    for (unsigned i = 0; i < SPARES; i++) {
        int pid;

        lose_worker(pool);
        pid = number_and_unref(send(pool, pid_task, 0));
        assert_true(pid != last);
        assert_true(is_child(&before, pid));
        last = pid;
    }
    WAIT_UNTIL(count_children(zygote) == 1 + SPARES); /* others */
    executor_end(pool);
}

TEST(a_spare_becomes_the_next_worker)
{
    check_next_worker(THRUM_PROCESS_ZYGOTE);
}

TEST(a_spare_of_a_pool_that_spawns_becomes_the_next_worker)
{
    check_next_worker(THRUM_PROCESS_SPAWN);
}

TEST(spares_that_are_killed_do_no_harm_and_are_not_replaced)
{
    thrum_executor *pool = processes_of(1);
    int zygote = with_spares(pool);
    int worker = number_and_unref(send(pool, pid_task, 0));
    struct children children = children_of(zygote);

    for (unsigned i = 0; i < children.count; i++)
        if (children.pids[i] != worker)
            kill(children.pids[i], SIGKILL);
    WAIT_UNTIL(count_children(zygote) == 1);
    assert_int_equal(number_and_unref(send(pool, pid_task, 0)), worker);
    assert_int_equal(count_children(zygote), 1);
    lose_worker(pool);
    assert_int_equal(zygote_of(pool), zygote);
    WAIT_UNTIL(count_children(zygote) >= SPARES);
    executor_end(pool);
}

TEST(all_processes_killed_at_once_are_no_births_that_failed)
{
    thrum_executor *pool = processes_of(1);

    int zygote = with_spares(pool);

    for (unsigned round = 0; round < 5; round++) {
        struct children children = children_of(zygote);

        for (unsigned i = 0; i < children.count; i++)
            kill(children.pids[i], SIGKILL);
        assert_int_equal(number_and_unref(send(pool, square_task, 4)), 16);
        lose_worker(pool);
    }
    executor_end(pool);
}

/* ---- they are no workers ---- */

TEST(spares_are_not_told_of)
{
    thrum_executor *pool = processes_of(4);
    thrum_stats stats = {.size = sizeof(stats)};
    int worker;
    int pids[4];

    with_spares(pool);
    worker = number_and_unref(send(pool, pid_task, 0));
    assert_int_equal(thrum_process_pool_pids(pool, pids, 4), 1);
    assert_int_equal(pids[0], worker);
    assert_int_equal(thrum_executor_stats(pool, &stats), 0);
    assert_int_equal(stats.workers, 1);
    assert_true(stats.idle <= 1);
    executor_end(pool);
}

TEST(the_initializer_runs_in_a_spare_when_it_becomes_a_worker)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    struct births births;
    thrum_executor *pool;

    options.max_workers = 1;
    births_begin(&births, &options);
    pool = processes_with(&options);
    with_spares(pool);
    assert_int_equal(births_count(&births), 2);
    lose_worker(pool);
    assert_int_equal(number_and_unref(send(pool, square_task, 3)), 9);
    assert_int_equal(births_count(&births), 3);
    executor_end(pool);
    births_end(&births);
}

/* ---- their end ---- */

static void check_end(thrum_process_start start)
{
    thrum_executor *pool = pool_that_starts(start);
    int zygote = with_spares(pool);

    executor_end(pool);
    assert_int_equal(count_children(zygote), 0);
}

TEST(spares_end_with_the_pool)
{
    check_end(THRUM_PROCESS_ZYGOTE);
    check_end(THRUM_PROCESS_SPAWN);
    if (!TEST_TSAN)
        check_end(THRUM_PROCESS_FORK);
}

TEST(F92_spares_end_when_workers_are_killed)
{
    thrum_executor *pool = processes_of(1);
    int zygote = with_spares(pool);

    assert_int_equal(thrum_process_pool_kill_workers(pool, SIGTERM), 0);
    executor_end(pool);
    assert_int_equal(count_children(zygote), 0);
}

TEST(spares_go_with_the_last_worker_that_is_idle)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    int zygote;

    options.max_workers = 1;
    options.idle_ns = 300000000;
    pool = processes_with(&options);
    zygote = zygote_of(pool);
    lose_worker(pool);
    assert_int_equal(number_and_unref(send(pool, square_task, 2)), 4);
    WAIT_UNTIL(count_children(zygote) == 0);
    assert_int_equal(number_and_unref(send(pool, square_task, 3)), 9);
    executor_end(pool);
}

TEST(a_zygote_that_is_killed_takes_its_spares_along)
{
    thrum_executor *pool = processes_of(1);
    int zygote = with_spares(pool);
    struct children children = children_of(zygote);

    assert_int_equal(kill(zygote, SIGKILL), 0);
    for (unsigned i = 0; i < children.count; i++)
        WAIT_UNTIL(kill(children.pids[i], 0) != 0);
    assert_int_equal(number_and_unref(send(pool, square_task, 5)), 25);
    executor_end(pool);
}

/* ---- an owner that is killed ---- */

/* Says who its zygote is when there are spares. */
static void own(thrum_process_start start, int out)
{
    thrum_executor *pool = pool_that_starts(start);
    int zygote = with_spares(pool);
    struct children children = children_of(zygote);

    CHECK_INT(write(out, &children, sizeof(children)), sizeof(children));
    for (;;)
        pause();
}

static void kill_owner(thrum_process_start start)
{
    struct children children;
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0)
        own(start, ends[1]);
    assert_int_equal(read(ends[0], &children, sizeof(children)),
                     sizeof(children));
    assert_int_equal(children.count, 1 + SPARES);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (unsigned i = 0; i < children.count; i++)
        WAIT_UNTIL(kill(children.pids[i], 0) != 0);
    close(ends[0]);
    close(ends[1]);
}

TEST(F95_no_spare_outlives_an_owner_that_is_killed)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer starts no threads in a child of threads");
    kill_owner(THRUM_PROCESS_ZYGOTE);
    kill_owner(THRUM_PROCESS_SPAWN);
    kill_owner(THRUM_PROCESS_FORK);
}

PROCESSES_MAIN("process_spare")
