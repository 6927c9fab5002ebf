/* SPDX-License-Identifier: MIT */
/*
 * rules_test.c - what holds for all families.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cases.h"

/* ---- where hooks act ---- */

static void may_not_wait(thrum_future *future, void *arg)
{
    (void)future;
    *(int *)arg = thrum_hub_can_wait();
}

static void *may_wait(void *arg)
{
    (void)arg;
    CHECK(thrum_hub_can_wait());
    return NULL;
}

static void *has_no_hub(void *arg)
{
    (void)arg;
    CHECK_INT(thrum_hub_runs, 0);
    CHECK(!thrum_hub_can_wait());
    return NULL;
}

TEST_GREEN(P3_hooks_act_in_greenlets_and_not_in_callbacks)
{
    int in_callback = -1;
    thrum_future *future = case_spawn(may_wait, NULL);

    CHECK_INT(
        thrum_future_add_done_callback(future, may_not_wait, &in_callback), 0);
    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    CHECK_INT(in_callback, 0);
}

TEST(P14_a_thread_without_a_hub_is_let_through)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
    join_thread(spawn_thread(has_no_hub, NULL));
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

TEST(P10_the_names_of_fortified_and_of_old_builds_are_known)
{
    static const char *const names[] = {
        "__read_chk",  "__recv_chk",    "__recvfrom_chk", "__poll_chk",
        "__ppoll_chk", "__pread_chk",   "__pread64_chk",  "__fgets_chk",
        "__fread_chk", "__fprintf_chk", "__read",         "__write",
        "__connect",   "__send",        "__recv",         "__poll",
        "__select",    "__nanosleep",   "__waitpid",      "__fcntl",
        "__close",     "__open",        "open64",         "openat64",
        "pread64",     "pwrite64",      "sendfile64",     "fcntl64",
        "lockf64",     "__uflow",       "__overflow",     NULL};

    assert_int_equal(thrum_monkey_patch_all(), 0);
    for (size_t i = 0; names[i] != NULL; i++)
        if (!CHECK(thrum_monkey_is_patched(names[i])))
            fprintf(stderr, "# that was %s()\n", names[i]);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

/* gevent takes epoll away. */
TEST_GREEN(P5_nothing_is_taken_away)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct ends ends = ends_of_pipe();
    int epoll = epoll_create1(0);

    CHECK(epoll >= 0);
    CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, ends.here, &event), 0);
    CHECK_INT(write(ends.there, "x", 1), 1);
    CHECK_INT(epoll_wait(epoll, &event, 1, -1), 1);
    CHECK_INT(close(epoll), 0);
    ends_close(&ends);
}

/* ---- threads ---- */

struct talk {
    struct ends to;
    struct ends back;
    pthread_t made_by;
};

static void *answer(void *arg)
{
    struct talk *talk = arg;
    char c = 0;

    CHECK(!pthread_equal(pthread_self(), talk->made_by));
    CHECK_INT(read(talk->to.here, &c, 1), 1);
    CHECK_INT(write(talk->back.there, &c, 1), 1);
    return NULL;
}

TEST_GREEN(P21_threads_of_libraries_stay_threads)
{
    struct talk talk = {ends_of_pipe(), ends_of_pipe(), pthread_self()};
    pthread_t thread;
    char c = 0;

    CHECK_INT(pthread_create(&thread, NULL, answer, &talk), 0);
    CHECK_INT(write(talk.to.there, "?", 1), 1);
    CHECK_INT(read(talk.back.here, &c, 1), 1);
    CHECK_INT(c, '?');
    CHECK_INT(pthread_join(thread, NULL), 0);
    ends_close(&talk.to);
    ends_close(&talk.back);
}

static _Thread_local int of_thread;

static void *write_one(void *arg)
{
    const struct ends *ends = arg;

    of_thread++;
    CHECK_INT(write(ends->there, "x", 1), 1);
    return NULL;
}

/* What is the thread's is shared by its greenlets, and stays where it was. */
TEST_GREEN(P22_a_greenlet_stays_in_its_thread)
{
    struct ends ends = ends_of_pipe();
    pthread_t before = pthread_self();
    thrum_future *writer = case_spawn(write_one, &ends);
    int *at = &of_thread;
    char c;

    of_thread = 6;
    CHECK_INT(read(ends.here, &c, 1), 1);
    CHECK(pthread_equal(pthread_self(), before));
    CHECK_INT(*at, 7);
    case_await(writer);
    ends_close(&ends);
}

static pthread_key_t key;

static void *set_key(void *arg)
{
    CHECK_INT(pthread_setspecific(key, arg), 0);
    CHECK_INT(usleep(1), 0);
    return pthread_getspecific(key);
}

/* Keys are the thread's, as __thread is: a library's cache, say. */
TEST_GREEN(P43_keys_are_of_the_thread)
{
    int value;
    thrum_future *future;

    CHECK_INT(pthread_key_create(&key, NULL), 0);
    future = case_spawn(set_key, &value);
    case_await(future);
    CHECK(pthread_getspecific(key) == &value);
    CHECK_INT(pthread_key_delete(key), 0);
}

/* ---- signals on a greenlet's stack ---- */

static struct {
    pid_t pid;
    const char *frame;
} came;

static void note_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    came.pid = info->si_pid;
    came.frame = __builtin_frame_address(0);
}

static bool is_near(const char *frame)
{
    char here;

    return frame < &here && &here - frame < 64 * 1024;
}

static void signal_case(int flags)
{
    const struct sigaction action = {.sa_sigaction = note_signal,
                                     .sa_flags = SA_SIGINFO | flags};
    struct sigaction before;

    came.frame = NULL;
    CHECK_INT(sigaction(SIGUSR1, &action, &before), 0);
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
    while (came.frame == NULL) /* TSan has it wait for a call */
        CHECK_INT(usleep(1), 0);
    CHECK_INT(came.pid, getpid());
    CHECK_INT(sigaction(SIGUSR1, &before, NULL), 0);
}

TEST_GREEN(P26_a_signal_is_handled_on_the_stack_of_the_greenlet)
{
    signal_case(0);
    if (!TEST_ASAN && !TEST_TSAN) /* frames are elsewhere there */
        CHECK(is_near(came.frame));
}

TEST_GREEN(P26_or_on_the_stack_that_it_was_given)
{
    const size_t size = 256 * 1024;
    stack_t own = {.ss_size = size}, before;

    own.ss_sp = malloc(size);
    CHECK(own.ss_sp != NULL);
    CHECK_INT(sigaltstack(&own, &before), 0);
    signal_case(SA_ONSTACK);
    if (!TEST_ASAN && !TEST_TSAN)
        CHECK(came.frame >= (char *)own.ss_sp &&
              came.frame < (char *)own.ss_sp + size);
    CHECK_INT(sigaltstack(&before, NULL), 0);
    free(own.ss_sp);
}

/* ---- the rest of what can be polled ---- */

TEST_GREEN(P44_what_can_be_polled_is_waited_for)
{
    static const char *const names[] = {"mq_receive", "mq_send", "eventfd_read",
                                        NULL};

    for (size_t i = 0; names[i] != NULL; i++)
        CHECK(thrum_monkey_is_patched(names[i]));
    CHECK(!thrum_monkey_is_patched("msgrcv"));
    CHECK(!thrum_monkey_is_patched("semop"));
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("rules", argc, argv);
}
