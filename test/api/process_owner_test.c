/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_owner_test.c - what becomes of workers when their owner ends,
 * and what the owner sees of them: nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "processes.h"

/* ---- processes with a mark in their environment ---- */

static char mark[64];

static void mark_anew(void)
{
    static unsigned count;

    snprintf(mark, sizeof(mark), "THRUM_TEST_MARK=%d.%u", (int)getpid(),
             count++);
}

/* Has the process the mark? One that has ended has no environment. */
static bool marked(const char *pid)
{
    char path[64];
    char text[65536];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof(text));
    close(fd);
    return n > 0 && memmem(text, (size_t)n, mark, strlen(mark) + 1) != NULL;
}

static unsigned count_marked(void)
{
    DIR *directory = opendir("/proc");
    unsigned count = 0;

    if (directory == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            count += marked(entry->d_name);
    closedir(directory);
    return count;
}

static thrum_executor *marked_pool(thrum_process_start start)
{
    static const char *environment[] = {mark, NULL};
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.max_workers = 2;
    options.start = start;
    options.environment = environment;
    CHECK_INT(thrum_process_pool_new(&options, &pool), 0);
    return pool;
}

/* ---- owners that are killed ---- */

struct owner {
    thrum_process_start start;
    int ready; /* written to when its workers work */
};

static int own(void *arg)
{
    struct owner *owner = arg;
    thrum_executor *pool = marked_pool(owner->start);
    thrum_future *futures[2] = {NULL, NULL};
    int n = 0;

    for (int i = 0; i < 2; i++)
        CHECK_INT(thrum_executor_submit(pool, forever_task, &n, sizeof(n),
                                        &futures[i]),
                  0);
    for (int i = 0; i < 2; i++)
        WAIT_UNTIL(thrum_future_running(futures[i]));
    CHECK_INT(write(owner->ready, "r", 1), 1);
    for (;;)
        pause();
    return 0;
}

static void kill_owner(thrum_process_start start)
{
    struct owner owner = {.start = start};
    int ends[2];
    char byte;
    pid_t pid;

    mark_anew();
    if (start == THRUM_PROCESS_FORK)
        putenv(mark); /* a fork has it from its owner */
    assert_int_equal(pipe(ends), 0);
    owner.ready = ends[1];
    pid = fork();
    if (pid == 0)
        _exit(own(&owner));
    assert_int_equal(read(ends[0], &byte, 1), 1);
    if (start != THRUM_PROCESS_FORK)
        assert_true(count_marked() >= 3); /* the zygote, two workers */
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    WAIT_UNTIL(count_marked() == 0);
    close(ends[0]);
    close(ends[1]);
    if (start == THRUM_PROCESS_FORK)
        unsetenv("THRUM_TEST_MARK");
}

TEST(F95_no_worker_outlives_an_owner_that_is_killed)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer starts no threads in a child of threads");
    kill_owner(THRUM_PROCESS_ZYGOTE);
}

TEST(F95_no_spawned_worker_outlives_an_owner_that_is_killed)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer starts no threads in a child of threads");
    kill_owner(THRUM_PROCESS_SPAWN);
}

static int busy_owner(void *arg)
{
    for (;;) {
        thrum_executor *pool = marked_pool(THRUM_PROCESS_ZYGOTE);

        for (int i = 0; i < 20; i++) {
            thrum_future *future = NULL;

            CHECK_INT(thrum_executor_submit(
                          pool, i % 5 == 0 ? signal_task : square_task,
                          &(int){SIGKILL}, sizeof(int), &future),
                      0);
            thrum_future_unref(future);
        }
        thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER);
        thrum_executor_unref(pool);
    }
    return arg != NULL;
}

/* Killed at any moment, also while it starts a process. */
TEST(F95_an_owner_that_is_killed_at_any_moment_leaves_nothing_behind)
{
    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer starts no threads in a child of threads");
    mark_anew();
    for (unsigned round = 0; round < test_scale(40) + 2; round++) {
        struct timespec pause = {0, 200000 * (long)(round + 1)};
        pid_t pid = fork();

        if (pid == 0)
            _exit(busy_owner(NULL));
        nanosleep(&pause, NULL);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    WAIT_UNTIL(count_marked() == 0);
}

/* A child that the owner has forked holds all its sockets open. */
TEST(F95_a_child_of_the_owner_keeps_no_worker_alive)
{
    struct owner owner = {.start = THRUM_PROCESS_ZYGOTE};
    int ends[2];
    char byte;
    pid_t pid;

    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer starts no threads in a child of threads");
    mark_anew();
    assert_int_equal(pipe(ends), 0);
    owner.ready = ends[1];
    pid = fork();
    if (pid == 0) {
        thrum_executor *pool = marked_pool(owner.start);
        thrum_future *future = NULL;
        pid_t child;

        CHECK_INT(thrum_executor_submit(pool, forever_task, &(int){0},
                                        sizeof(int), &future),
                  0);
        WAIT_UNTIL(thrum_future_running(future));
        child = fork();
        if (child == 0)
            for (;;)
                pause();
        CHECK_INT(write(ends[1], &child, sizeof(child)), sizeof(child));
        for (;;)
            pause();
    }
    (void)byte;
    {
        pid_t child = 0;

        assert_int_equal(read(ends[0], &child, sizeof(child)), sizeof(child));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        WAIT_UNTIL(count_marked() == 0);
        assert_int_equal(kill(child, SIGKILL), 0);
    }
    close(ends[0]);
    close(ends[1]);
}

/* ---- what the owner sees ---- */

static atomic_uint sigchlds;

static void count_sigchld(int number)
{
    atomic_fetch_add(&sigchlds, number == SIGCHLD);
}

struct waiting {
    atomic_bool stop;
    atomic_uint found;
};

/* A program that reaps whatever there is. */
static void *wait_for_any(void *arg)
{
    struct waiting *waiting = arg;

    while (!atomic_load(&waiting->stop)) {
        int status;

        if (waitpid(-1, &status, 0) > 0)
            atomic_fetch_add(&waiting->found, 1);
        sched_yield();
    }
    return NULL;
}

static void busy_pool_of(thrum_process_start start)
{
    thrum_process_pool_options options = THRUM_PROCESS_POOL_OPTIONS;
    thrum_executor *pool;
    int pid = 0;

    options.max_workers = 2;
    options.start = start;
    options.max_tasks_per_worker = 5;
    pool = processes_with(&options);
    for (unsigned i = 0; i < test_scale(60) + 4; i++) {
        thrum_future *future = send(pool, i % 7 == 3 ? exit_task : pid_task, 1);

        if (i % 7 == 3)
            assert_int_equal(failure_of(future)->code, THRUM_EEXITED);
        else
            pid = number_of(future);
        thrum_future_unref(future);
    }
    kill(pid, SIGKILL);
    executor_end(pool);
}

TEST(waits_and_handlers_of_the_program_see_no_worker)
{
    struct waiting waiting = {false, 0};
    struct sigaction action = {.sa_handler = count_sigchld};
    struct sigaction before;
    struct test_thread *thread;

    atomic_store(&sigchlds, 0);
    sigaction(SIGCHLD, &action, &before);
    thread = spawn_thread(wait_for_any, &waiting);
    busy_pool_of(THRUM_PROCESS_ZYGOTE);
    busy_pool_of(THRUM_PROCESS_SPAWN);
    atomic_store(&waiting.stop, true);
    join_thread(thread);
    sigaction(SIGCHLD, NULL, &action);
    assert_ptr_equal(action.sa_handler, count_sigchld);
    sigaction(SIGCHLD, &before, NULL);
    assert_int_equal(atomic_load(&waiting.found), 0);
    assert_int_equal(atomic_load(&sigchlds), 0);
}

TEST(a_program_that_ignores_sigchld_is_served)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;

    sigaction(SIGCHLD, &ignore, &before);
    busy_pool_of(THRUM_PROCESS_ZYGOTE);
    sigaction(SIGCHLD, &before, NULL);
}

/* Process 1 of a container, or a supervisor, adopts what has lost its parent. */
TEST(an_owner_that_adopts_orphans_has_none_left)
{
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    busy_pool_of(THRUM_PROCESS_ZYGOTE);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

TEST(many_pools_come_and_go)
{
    for (unsigned i = 0; i < test_scale(60) + 2; i++) {
        thrum_executor *pool = processes_of(1);

        if (i % 2 == 0)
            assert_int_equal(number_and_unref(send(pool, square_task, 2)), 4);
        executor_end(pool);
    }
}

PROCESSES_MAIN("process_owner")
