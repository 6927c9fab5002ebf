/* SPDX-License-Identifier: MIT */
/*
 * interrupt_test.c - signals and the calls that wait: EINTR, and masks that hold
 * during the call.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

#define LONG_MS 100000

static atomic_int handled;

static void count_it(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

/* SA_RESTART makes no difference to the calls here. */
static struct sigaction handle(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction before;

    sigemptyset(&action.sa_mask);
    atomic_store(&handled, 0);
    CHECK_INT(sigaction(SIGUSR1, &action, &before), 0);
    return before;
}

static void handle_as_before(const struct sigaction *before)
{
    CHECK_INT(sigaction(SIGUSR1, before, NULL), 0);
}

/* ---- handlers end waits ---- */

static int wait_by_poll(void)
{
    return poll(NULL, 0, LONG_MS);
}

static int wait_by_poll_of_two(void)
{
    struct ends ends = ends_of_pipe();
    struct pollfd fds[] = {{ends.here, POLLIN, 0}, {ends.there, 0, 0}};
    int rc = poll(fds, 2, -1);
    int error = errno;

    ends_close(&ends);
    errno = error;
    return rc;
}

static int wait_by_ppoll(void)
{
    struct ends ends = ends_of_pipe();
    struct pollfd one = {ends.here, POLLIN, 0};
    int rc = ppoll(&one, 1, NULL, NULL);
    int error = errno;

    ends_close(&ends);
    errno = error;
    return rc;
}

static int wait_by_select(void)
{
    struct timeval span = {LONG_MS, 0};
    int rc = select(0, NULL, NULL, NULL, &span);

    CHECK(span.tv_sec > LONG_MS / 2);
    return rc;
}

static int wait_by_epoll(void)
{
    struct epoll_event event;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int rc = epoll_wait(epoll, &event, 1, -1);
    int error = errno;

    CHECK_INT(close(epoll), 0);
    errno = error;
    return rc;
}

static int wait_by_sleep(void)
{
    unsigned left = sleep(LONG_MS);

    return left > LONG_MS / 2 && left <= LONG_MS ? -1 : (int)left;
}

static int wait_by_nanosleep(void)
{
    struct timespec span = {LONG_MS, 0};
    int rc = nanosleep(&span, &span);

    CHECK(span.tv_sec > LONG_MS / 2);
    return rc;
}

static int wait_by_clock(void)
{
    struct timespec point;

    CHECK_INT(clock_gettime(CLOCK_REALTIME, &point), 0);
    point.tv_sec += LONG_MS;
    errno = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &point, NULL);
    return errno == 0 ? 0 : -1;
}

static int (*const waits[])(void) = {
    wait_by_poll,  wait_by_poll_of_two, wait_by_ppoll,     wait_by_select,
    wait_by_epoll, wait_by_sleep,       wait_by_nanosleep, wait_by_clock};

#define WAITS (sizeof(waits) / sizeof(waits[0]))

struct interrupted {
    int (*wait)(void);
    atomic_bool ended;
};

static void *wait_until_interrupted(void *arg)
{
    struct interrupted *interrupted = arg;

    errno = 0;
    CHECK_INT(interrupted->wait(), -1);
    CHECK_INT(errno, EINTR);
    atomic_store(&interrupted->ended, true);
    return NULL;
}

static void *sleep_regardless(void *ret)
{
    *(int *)ret = thrum_sleep(THRUM_FOREVER);
    return NULL;
}

/* A thread with one greenlet that would know of signals, and one that would
 * not. */
static void *run_both(void *arg)
{
    int rc = 0;
    thrum_future *regardless = case_spawn(sleep_regardless, &rc);
    thrum_future *future = case_spawn(wait_until_interrupted, arg);

    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, NULL), 0);
    CHECK_INT(rc, 0);
    CHECK_INT(thrum_future_kill(regardless, THRUM_FOREVER), 0);
    CHECK_INT(rc, -ECANCELED);
    thrum_future_unref(regardless);
    thrum_future_unref(future);
    return NULL;
}

/* A signal before the wait ends nothing, so there are more. */
static void interrupt(int (*wait)(void))
{
    struct interrupted interrupted = {.wait = wait};
    struct test_thread *thread = spawn_thread(run_both, &interrupted);

    while (!atomic_load(&interrupted.ended)) {
        thread_await_sleep(thread);
        if (!atomic_load(&interrupted.ended))
            thread_signal(thread, SIGUSR1);
    }
    join_thread(thread);
}

TEST(P24_a_handler_ends_the_calls_that_it_ends_in_a_thread)
{
    struct sigaction before = handle(count_it);

    assert_int_equal(thrum_monkey_patch_all(), 0);
    for (size_t i = 0; i < WAITS; i++)
        interrupt(waits[i]);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    CHECK(atomic_load(&handled) > 0);
    handle_as_before(&before);
}

/* ---- masks ---- */

/* A call with a mask; nothing is ready. */
typedef int masked_fn(const sigset_t *mask, int fd);

static int masked_ppoll(const sigset_t *mask, int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    return ppoll(&one, 1, NULL, mask);
}

static int masked_pselect(const sigset_t *mask, int fd)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return pselect(fd + 1, &set, NULL, NULL, NULL, mask);
}

static int masked_epoll_pwait(const sigset_t *mask, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int error;
    int rc;

    CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    rc = epoll_pwait(epoll, &event, 1, -1, mask);
    error = errno;
    CHECK_INT(close(epoll), 0);
    errno = error;
    return rc;
}

static masked_fn *const masked[] = {masked_ppoll, masked_pselect,
                                    masked_epoll_pwait};

#define MASKED (sizeof(masked) / sizeof(masked[0]))

static void *signal_self(void *arg)
{
    (void)arg;
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
    return NULL;
}

static sigset_t block(void)
{
    sigset_t blocked;
    sigset_t before;

    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
    return before;
}

static void expect_EINTR(masked_fn *fn, const sigset_t *mask)
{
    struct ends ends = ends_of_pipe();
    int before = atomic_load(&handled);

    errno = 0;
    CHECK_INT(fn(mask, ends.here), -1);
    CHECK_INT(errno, EINTR);
    CHECK_INT(atomic_load(&handled), before + 1);
    ends_close(&ends);
}

TEST_GREEN(P24_a_mask_lets_a_signal_through_that_comes_during_the_call)
{
    struct sigaction action = handle(count_it);
    sigset_t mask = block();

    for (size_t i = 0; i < MASKED; i++) {
        struct beside *sender = beside(signal_self, NULL);

        expect_EINTR(masked[i], &mask);
        beside_end(sender);
    }
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    handle_as_before(&action);
}

TEST_GREEN(P24_a_mask_lets_a_signal_through_that_is_pending)
{
    struct sigaction action = handle(count_it);
    sigset_t mask = block();

    for (size_t i = 0; i < MASKED; i++) {
        (void)signal_self(NULL);
        expect_EINTR(masked[i], &mask);
    }
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    handle_as_before(&action);
}

static void *signal_and_write(void *arg)
{
    const struct ends *ends = arg;

    (void)signal_self(NULL);
    for (int i = 0; i < 10; i++)
        CHECK_INT(thrum_pass(), 0);
    CHECK_INT(write(ends->there, "x", 1), 1);
    return NULL;
}

TEST_GREEN(P24_a_signal_that_is_blocked_by_the_mask_or_ignored_ends_nothing)
{
    for (size_t i = 0; i < 2 * MASKED; i++) {
        bool ignored = i < MASKED;
        struct sigaction action = handle(ignored ? SIG_IGN : count_it);
        struct ends ends = ends_of_pipe();
        sigset_t before = block();
        sigset_t mask = before;
        struct beside *writer = beside(signal_and_write, &ends);

        if (!ignored)
            sigaddset(&mask, SIGUSR1);
        CHECK_INT(masked[i % MASKED](&mask, ends.here), 1);
        CHECK_INT(atomic_load(&handled), 0);
        beside_end(writer);
        CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
        handle_as_before(&action);
        ends_close(&ends);
    }
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("interrupt", argc, argv);
}
