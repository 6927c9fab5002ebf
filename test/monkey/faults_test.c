/* SPDX-License-Identifier: MIT */
/*
 * faults_test.c - patched calls when something is wanting: memory, descriptors,
 * threads; and what ends them in the midst.
 *
 * Nothing hangs, nothing is lost, and what is told could have been told by libc.
 */
#include "waits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "names.h"

static bool wait_is(const struct wait *wait, unsigned what)
{
    return (wait->kind->is & what) != 0;
}

static void told(bool well, const struct wait *wait)
{
    if (!well)
        fprintf(stderr, "# it was %s: %ld, %s\n", wait->kind->name,
                wait->result, strerror(wait->error));
}

static void expect_well(const struct wait *wait)
{
    told(CHECK(wait->result >= 0), wait);
}

static void expect_error(const struct wait *wait, int error)
{
    told(CHECK(wait->result == -1 &&
               (wait->error == error || wait_is(wait, WAIT_LOUD))),
         wait);
}

/* What was ended can be had all the same, by another call. */
static void expect_nothing_lost(struct wait *wait)
{
    if (wait_is(wait, WAIT_ENDLESS | WAIT_ONCE))
        return;
    wait_let_go(wait);
    wait_call(wait);
    expect_well(wait);
}

TEST_GREEN(P30_each_wait_ends_when_it_should)
{
    struct wait wait;

    EACH_WAIT(i)
    {
        if (wait_kind(i)->is & WAIT_ENDLESS)
            continue;
        wait_begin(&wait, wait_kind(i));
        wait_let_go(&wait);
        wait_join(&wait);
        expect_well(&wait);
        wait_end(&wait);
    }
}

TEST_GREEN(P30_a_kill_ends_each_wait_and_loses_nothing)
{
    struct wait wait;

    EACH_WAIT(i)
    {
        bool stubborn = (wait_kind(i)->is & WAIT_STUBBORN) != 0;

        wait_begin(&wait, wait_kind(i));
        CHECK_INT(thrum_future_kill(wait.future,
                                    stubborn ? THRUM_NOW : THRUM_FOREVER),
                  stubborn ? -ETIMEDOUT : 0);
        if (stubborn)
            wait_let_go(&wait);
        wait_join(&wait);
        if (stubborn) {
            expect_well(&wait);
        } else {
            expect_error(&wait, ECANCELED);
            expect_nothing_lost(&wait);
        }
        wait_end(&wait);
    }
}

TEST_GREEN(P30_a_deadline_ends_each_wait_and_loses_nothing)
{
    struct wait wait;

    EACH_WAIT(i)
    {
        if (wait_kind(i)->is & WAIT_STUBBORN)
            continue;
        wait_make(&wait, wait_kind(i));
        THRUM_WITH_DEADLINE(limit, thrum_in_ms(2)) {
            wait_call(&wait);
        }
        expect_error(&wait, ETIMEDOUT);
        expect_nothing_lost(&wait);
        wait_end(&wait);
    }
}

/* ---- memory ---- */

static void *let_go_with_memory(void *arg)
{
    struct wait *wait = arg;
    unsigned left = names_fail_memory(0);

    if (!wait->over)
        wait_let_go(wait);
    if (!wait->over)
        (void)names_fail_memory(left);
    return NULL;
}

/* The n-th request for memory fails. Did it? */
static bool call_without_memory(struct wait *wait, unsigned n)
{
    thrum_future *helper;
    bool failed;

    helper = case_spawn(let_go_with_memory, wait);
    (void)names_fail_memory(n);
    wait_call(wait);
    failed = names_fail_memory(0) == 0;
    case_await(helper);
    if (wait->result < 0)
        expect_error(wait, ENOMEM);
    return failed;
}

TEST_GREEN(P30_memory_that_fails_is_ENOMEM_or_not_needed)
{
    struct wait wait;

    if (TEST_ASAN || TEST_TSAN)
        return; /* theirs does not fail */
    EACH_WAIT(i)
    {
        /* what has no thread for want of memory blocks, and nobody lets it go */
        bool failed =
            !(wait_kind(i)->is & (WAIT_ENDLESS | WAIT_LOUD | WAIT_BY_THREAD));

        for (unsigned n = 1; failed; n++) {
            wait_make(&wait, wait_kind(i));
            failed = call_without_memory(&wait, n);
            wait_end(&wait);
        }
    }
}

/* ---- descriptors ---- */

/* From now on none can be opened; the number that was the limit. */
static rlim_t refuse_descriptors(void)
{
    struct rlimit limit;
    rlim_t before;
    int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    before = limit.rlim_cur;
    CHECK_INT(close(next), 0);
    limit.rlim_cur = (rlim_t)next;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void allow_descriptors(rlim_t most)
{
    struct rlimit limit;

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = most;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void *call_without_descriptors(void *arg)
{
    wait_call(arg);
    return NULL;
}

TEST_GREEN(P30_a_wait_needs_no_descriptor)
{
    struct wait wait;

    wait_begin(&wait, wait_kind(0)); /* the hub has its own from now on */
    wait_let_go(&wait);
    wait_end(&wait);
    EACH_WAIT(i)
    {
        rlim_t most;

        if (wait_kind(i)->is & WAIT_STARTS)
            continue;
        wait_make(&wait, wait_kind(i));
        most = refuse_descriptors();
        wait.future = case_spawn(call_without_descriptors, &wait);
        for (int j = 0; j < 3; j++)
            (void)thrum_pass();
        allow_descriptors(most);
        if (wait_is(&wait, WAIT_ENDLESS) &&
            CHECK(!thrum_future_done(wait.future)))
            CHECK_INT(thrum_future_kill(wait.future, THRUM_FOREVER), 0);
        else if (!thrum_future_done(wait.future))
            wait_let_go(&wait);
        wait_join(&wait);
        if (wait_is(&wait, WAIT_ENDLESS))
            expect_error(&wait, ECANCELED);
        else if (!wait_is(&wait, WAIT_NO_FILES) || wait.result >= 0)
            expect_well(&wait);
        else
            expect_error(&wait, EMFILE);
        wait_end(&wait);
    }
}

/* ---- threads ---- */

#define FILTER_LOAD(what) \
 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define FILTER_SAY(errno) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (errno))

/* Processes can be made, threads cannot. */
static bool refuse_threads(void)
{
    struct sock_filter filter[] = {
        FILTER_LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        FILTER_SAY(ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
        FILTER_LOAD(args[0]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
        FILTER_SAY(EAGAIN),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void *use_files(void *arg)
{
    char path[] = "/tmp/thrum-faults-XXXXXX";
    char other[40];
    int fd = mkstemp(path);
    struct stat status;
    FILE *stream;

    (void)snprintf(other, sizeof(other), "%s.other", path);
    CHECK_INT(pwrite(fd, "hello", 5, 0), 5);
    CHECK_INT(fsync(fd), 0);
    CHECK_INT(ftruncate(fd, 4), 0);
    CHECK_INT(rename(path, other), 0);
    CHECK_INT(stat(other, &status), 0);
    CHECK_INT(status.st_size, 4);
    CHECK_INT(close(open(other, O_RDWR | O_TRUNC)), 0);
    CHECK_INT(unlink(other), 0);
    CHECK_INT(stat(other, &status), -1);
    CHECK_INT(errno, ENOENT);
    CHECK_INT(close(fd), 0);
    stream = popen("exit 7", "r");
    CHECK(stream != NULL);
    CHECK_INT(WEXITSTATUS(pclose(stream)), 7);
    return arg;
}

/* What waits by descriptors and clocks waits as ever. */
static void each_wait_without_threads(void)
{
    struct wait wait;

    EACH_WAIT(i)
    {
        if (wait_kind(i)->is & (WAIT_ENDLESS | WAIT_BY_THREAD))
            continue;
        wait_begin(&wait, wait_kind(i));
        wait_let_go(&wait);
        wait_join(&wait);
        expect_well(&wait);
        wait_end(&wait);
    }
}

static void *without_threads(void *arg)
{
    (void)use_files(arg);
    each_wait_without_threads();
    return NULL;
}

static int in_child_without_threads(void *arg)
{
    thrum_future *future;

    (void)arg;
    if (!refuse_threads())
        return 77;
    future = case_spawn(without_threads, NULL);
    case_await(future);
    return 0;
}

TEST(P30_without_threads_calls_are_made_in_the_callers)
{
    int rc;

    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer has a thread of its own in a child");
    assert_int_equal(thrum_monkey_patch_all(), 0);
    rc = in_child(in_child_without_threads, NULL);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    if (rc == 77)
        TEST_SKIP("filters of system calls cannot be set here");
    assert_int_equal(rc, 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("faults", argc, argv);
}
