/* SPDX-License-Identifier: MIT */
/*
 * select_test.c - what poll, select and epoll_wait say, in greenlets.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

#define LONG_MS 100000

static void *write_one(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "x", 1), 1);
    return NULL;
}

static void *close_here(void *arg)
{
    struct ends *ends = arg;

    CHECK_INT(close(ends->here), 0);
    ends->here = -1;
    return NULL;
}

/* ---- poll ---- */

TEST_GREEN(P32_poll_passes_over_negative_numbers_and_clears_what_it_returns)
{
    struct ends ends = ends_of_pipe();
    struct pollfd fds[] = {{-5, POLLIN, 77}, {ends.here, POLLIN, 77}};

    CHECK_INT(poll(fds, 2, 0), 0);
    CHECK_INT(fds[0].revents, 0);
    CHECK_INT(fds[1].revents, 0);
    fds[0].revents = fds[1].revents = 77;
    CHECK_INT(poll(fds, 2, 1), 0);
    CHECK_INT(fds[0].revents, 0);
    CHECK_INT(fds[1].revents, 0);
    ends_close(&ends);
}

TEST_GREEN(P32_poll_counts_what_is_not_open)
{
    struct ends ends = ends_of_pipe();
    struct pollfd fds[] = {{ends.here, POLLIN, 0}, {ends.there, POLLOUT, 0}};

    ends_close(&ends);
    CHECK_INT(poll(fds, 2, -1), 2);
    CHECK_INT(fds[0].revents, POLLNVAL);
    CHECK_INT(fds[1].revents, POLLNVAL);
}

TEST_GREEN(P32_poll_is_told_of_a_close)
{
    for (int n = 1; n <= 2; n++) {
        struct ends ends = ends_of_pipe();
        struct pollfd fds[] = {{ends.here, POLLIN, 0}, {-1, POLLIN, 0}};
        struct beside *closer = beside(close_here, &ends);

        CHECK_INT(poll(fds, n, -1), 1);
        CHECK_INT(fds[0].revents, POLLNVAL);
        beside_end(closer);
        ends_close(&ends);
    }
}

TEST_GREEN(P32_poll_refuses_what_the_system_refuses)
{
    volatile uintptr_t nowhere = 8;
    struct pollfd fds[] = {{-1, 0, 0}, {-1, 0, 0}};
    struct rlimit limit;
    struct rlimit less;

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    less = limit;
    less.rlim_cur = 1;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &less), 0);
    errno = 0;
    CHECK_INT(poll(fds, 2, LONG_MS), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (!TEST_ASAN && !TEST_TSAN) {
        errno = 0;
        CHECK_INT(poll((struct pollfd *)nowhere, 1, LONG_MS), -1);
        CHECK_INT(errno, EFAULT);
    }
    errno = 0;
    CHECK_INT(ppoll(fds, 1, &(struct timespec){0, 1000000000}, NULL), -1);
    CHECK_INT(errno, EINVAL);
}

TEST_GREEN(P32_hang_ups_are_told_unasked)
{
    struct ends ends = ends_of_pipe();
    struct pollfd one = {ends.here, 0, 0};

    CHECK_INT(close(ends.there), 0);
    ends.there = -1;
    CHECK_INT(poll(&one, 1, -1), 1);
    CHECK_INT(one.revents, POLLHUP);
    ends_close(&ends);
}

/* ---- timeouts ---- */

/* A call for which nothing is ever ready. */
struct limited {
    int ms; /* or -1 */
    int rc;
    int error;
};

static void *poll_nothing(void *arg)
{
    struct limited *limited = arg;

    limited->rc = poll(NULL, 0, limited->ms);
    limited->error = errno;
    return NULL;
}

static void *poll_idle(void *arg)
{
    struct limited *limited = arg;
    struct ends ends = ends_of_pipe();
    struct pollfd one = {ends.here, POLLIN, 0};

    limited->rc = poll(&one, 1, limited->ms);
    limited->error = errno;
    ends_close(&ends);
    return NULL;
}

static void *poll_two(void *arg)
{
    struct limited *limited = arg;
    struct ends ends = ends_of_pipe();
    struct pollfd fds[] = {{ends.here, POLLIN, 0}, {ends.there, 0, 0}};
    struct timespec span = {limited->ms / 1000, limited->ms % 1000 * 1000000L};

    limited->rc = ppoll(fds, 2, limited->ms < 0 ? NULL : &span, NULL);
    limited->error = errno;
    ends_close(&ends);
    return NULL;
}

static void *select_idle(void *arg)
{
    struct limited *limited = arg;
    struct ends ends = ends_of_pipe();
    struct timeval span = {limited->ms / 1000, limited->ms % 1000 * 1000L};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(ends.here, &set);
    limited->rc =
        select(ends.here + 1, &set, NULL, NULL, limited->ms < 0 ? NULL : &span);
    limited->error = errno;
    if (limited->rc == 0)
        CHECK(span.tv_sec == 0 && span.tv_usec == 0);
    CHECK_INT(FD_ISSET(ends.here, &set) != 0, limited->rc < 0);
    ends_close(&ends);
    return NULL;
}

static void *epoll_idle(void *arg)
{
    struct limited *limited = arg;
    struct epoll_event event;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    limited->rc = epoll_wait(epoll, &event, 1, limited->ms);
    limited->error = errno;
    CHECK_INT(close(epoll), 0);
    return NULL;
}

static thrum_fn *const limited_calls[] = {poll_nothing, poll_idle, poll_two,
                                          select_idle, epoll_idle};

#define LIMITED_CALLS (sizeof(limited_calls) / sizeof(limited_calls[0]))

TEST_GREEN(P32_a_timeout_ends_no_other_wait)
{
    for (size_t i = 0; i < LIMITED_CALLS; i++) {
        struct limited late = {LONG_MS, 1, 0};
        struct limited soon = {1, 1, 0};
        thrum_future *future = case_spawn(limited_calls[i], &late);

        (void)limited_calls[i](&soon);
        CHECK_INT(soon.rc, 0);
        CHECK_INT(late.rc, 1);
        CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
        CHECK_INT(late.rc, -1);
        thrum_future_unref(future);
    }
}

static void *say_so(void *arg)
{
    *(bool *)arg = true;
    return NULL;
}

/* A look that never waits, until somebody else has had a turn. */
static void look_until_said(int (*look)(int epoll, int fd), int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct beside *other;
    bool said = false;

    CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    other = beside(say_so, &said);
    while (!said)
        CHECK(look(epoll, fd) >= 0);
    beside_end(other);
    CHECK_INT(close(epoll), 0);
}

static int look_by_poll(int epoll, int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    return poll(&one, 1, 0);
}

static int look_by_ppoll(int epoll, int fd)
{
    struct pollfd one = {fd, POLLIN, 0};

    return ppoll(&one, 1, &(struct timespec){0, 0}, NULL);
}

static int look_by_select(int epoll, int fd)
{
    struct timeval none = {0, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return select(fd + 1, &set, NULL, NULL, &none);
}

static int look_by_epoll(int epoll, int fd)
{
    struct epoll_event event;

    return epoll_wait(epoll, &event, 1, 0);
}

TEST_GREEN(P32_looks_that_do_not_wait_starve_nobody)
{
    struct ends ends = ends_of_pipe();

    for (int full = 0; full < 2; full++) {
        look_until_said(look_by_poll, ends.here);
        look_until_said(look_by_ppoll, ends.here);
        look_until_said(look_by_select, ends.here);
        look_until_said(look_by_epoll, ends.here);
        (void)write_one(&ends);
    }
    ends_close(&ends);
}

/* ---- ends of waits ---- */

TEST_GREEN(P32_a_kill_ends_the_wait_with_ECANCELED)
{
    for (size_t i = 0; i < LIMITED_CALLS; i++) {
        struct limited limited = {-1, 0, 0};
        thrum_future *future = case_spawn(limited_calls[i], &limited);

        CHECK_INT(thrum_pass(), 0);
        CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
        CHECK_INT(limited.rc, -1);
        CHECK_INT(limited.error, ECANCELED);
        thrum_future_unref(future);
    }
}

TEST_GREEN(P32_the_deadline_of_a_block_is_ETIMEDOUT)
{
    for (size_t i = 0; i < LIMITED_CALLS; i++) {
        struct limited limited = {-1, 0, 0};

        THRUM_WITH_DEADLINE(limit, thrum_in_ms(5)) {
            (void)limited_calls[i](&limited);
            CHECK_INT(limited.rc, -1);
            CHECK_INT(limited.error, ETIMEDOUT);
        }
        CHECK(thrum_expired(&limit));
    }
}

TEST_GREEN(P32_the_timeout_of_the_call_is_not_that_of_a_block)
{
    for (size_t i = 0; i < LIMITED_CALLS; i++) {
        struct limited limited = {1, 1, 0};

        THRUM_WITH_DEADLINE(limit, thrum_in_ms(LONG_MS)) {
            (void)limited_calls[i](&limited);
            CHECK_INT(limited.rc, 0);
        }
    }
}

/* No descriptor is left to wait with. */
TEST_GREEN(P32_poll_needs_no_descriptor)
{
    struct ends ends = ends_of_pipe();
    struct pollfd fds[] = {{ends.here, POLLIN, 0}, {ends.there, 0, 0}};
    struct beside *writer = beside(write_one, &ends);
    struct rlimit limit;
    struct rlimit none;

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_INT(poll(fds, 2, LONG_MS), 1);
    CHECK_INT(fds[0].revents, POLLIN);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
    beside_end(writer);
    ends_close(&ends);
}

/* ---- select ---- */

TEST_GREEN(P32_select_tells_how_much_time_is_left)
{
    struct ends ends = ends_of_pipe();
    struct timeval span = {LONG_MS, 2000000};
    struct beside *writer = beside(write_one, &ends);
    fd_set set;

    FD_ZERO(&set);
    FD_SET(ends.here, &set);
    CHECK_INT(select(ends.here + 1, &set, NULL, NULL, &span), 1);
    CHECK(span.tv_sec > LONG_MS / 2);
    CHECK(span.tv_sec < LONG_MS + 2);
    CHECK(span.tv_usec < 1000000);
    beside_end(writer);
    ends_close(&ends);
}

TEST_GREEN(P32_select_counts_a_descriptor_once_for_each_set)
{
    struct ends ends = ends_of_stream();
    struct beside *writer = beside(write_one, &ends);
    fd_set readable;
    fd_set writable;

    FD_ZERO(&readable);
    FD_SET(ends.here, &readable);
    CHECK_INT(select(ends.here + 1, &readable, NULL, NULL, NULL), 1);
    FD_ZERO(&writable);
    FD_SET(ends.here, &writable);
    CHECK_INT(select(ends.here + 1, &readable, &writable, NULL, NULL), 2);
    CHECK(FD_ISSET(ends.here, &readable));
    CHECK(FD_ISSET(ends.here, &writable));
    beside_end(writer);
    ends_close(&ends);
}

TEST_GREEN(P32_select_refuses_what_the_system_refuses)
{
    struct timeval negative = {0, -1};
    struct ends ends = ends_of_pipe();
    fd_set set;

    errno = 0;
    CHECK_INT(select(0, NULL, NULL, NULL, &negative), -1);
    CHECK_INT(errno, EINVAL);
    errno = 0;
    CHECK_INT(select(-1, NULL, NULL, NULL, NULL), -1);
    CHECK_INT(errno, EINVAL);
    FD_ZERO(&set);
    FD_SET(ends.here, &set);
    ends_close(&ends);
    errno = 0;
    CHECK_INT(select(ends.here + 1, &set, NULL, NULL, NULL), -1);
    CHECK_INT(errno, EBADF);
    CHECK(FD_ISSET(ends.here, &set));
}

TEST_GREEN(P32_select_is_told_of_a_close)
{
    struct ends ends = ends_of_pipe();
    struct beside *closer = beside(close_here, &ends);
    int fd = ends.here;
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    errno = 0;
    CHECK_INT(select(fd + 1, &set, NULL, NULL, NULL), -1);
    CHECK_INT(errno, EBADF);
    CHECK(FD_ISSET(fd, &set));
    beside_end(closer);
    ends_close(&ends);
}

/* Two ends of a TCP connection, which has urgent data. */
static struct ends ends_of_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct ends ends = {socket(AF_INET, SOCK_STREAM, 0), -1};

    CHECK_INT(bind(listener, (struct sockaddr *)&address, length), 0);
    CHECK_INT(listen(listener, 1), 0);
    CHECK_INT(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    CHECK_INT(connect(ends.here, (struct sockaddr *)&address, length), 0);
    ends.there = accept(listener, NULL, NULL);
    CHECK_INT(close(listener), 0);
    return ends;
}

static void *send_urgent(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(send(ends->there, "!", 1, MSG_OOB), 1);
    return NULL;
}

TEST_GREEN(P32_the_third_set_is_for_urgent_data)
{
    struct ends ends = ends_of_tcp();
    struct beside *sender = beside(send_urgent, &ends);
    struct pollfd one = {ends.here, POLLPRI, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(ends.here, &set);
    CHECK_INT(select(ends.here + 1, NULL, NULL, &set, NULL), 1);
    CHECK(FD_ISSET(ends.here, &set));
    CHECK_INT(poll(&one, 1, -1), 1);
    CHECK_INT(one.revents, POLLPRI);
    beside_end(sender);
    ends_close(&ends);
}

/* It is ready for poll, but not for what select was asked. */
TEST_GREEN(P32_a_hang_up_does_not_end_a_select_for_urgent_data)
{
    struct ends ends = ends_of_stream();
    struct ends others = ends_of_pipe();
    struct beside *writer = beside(write_one, &others);
    fd_set readable;
    fd_set urgent;

    CHECK_INT(close(ends.there), 0);
    ends.there = -1;
    FD_ZERO(&readable);
    FD_SET(others.here, &readable);
    FD_ZERO(&urgent);
    FD_SET(ends.here, &urgent);
    CHECK_INT(select(FD_SETSIZE, &readable, NULL, &urgent, NULL), 1);
    CHECK(FD_ISSET(others.here, &readable));
    CHECK(!FD_ISSET(ends.here, &urgent));
    beside_end(writer);
    ends_close(&ends);
    ends_close(&others);
}

static int table_size(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    int size = 0;

    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (strncmp(line, "FDSize:", 7) == 0)
            size = atoi(line + 7);
    if (status != NULL)
        fclose(status);
    return size;
}

/* As in select(getdtablesize(), ...). */
TEST_GREEN(P32_select_touches_no_more_than_the_system_does)
{
    struct ends ends = ends_of_pipe();
    struct beside *writer = beside(write_one, &ends);
    struct {
        fd_set set;
        unsigned char after[64];
    } where;

    memset(&where, 0xff, sizeof(where));
    FD_ZERO(&where.set);
    FD_SET(ends.here, &where.set);
    if (table_size() <= FD_SETSIZE)
        CHECK_INT(select(1 << 20, &where.set, NULL, NULL, NULL), 1);
    for (size_t i = 0; i < sizeof(where.after); i++)
        CHECK_INT(where.after[i], 0xff);
    beside_end(writer);
    ends_close(&ends);
}

TEST_GREEN(P32_select_knows_numbers_above_FD_SETSIZE)
{
    enum {
        NUMBER = 1500,
        WORDS = 2048 / (8 * sizeof(long))
    };
    struct ends ends = ends_of_pipe();
    struct beside *writer = beside(write_one, &ends);
    unsigned long set[WORDS] = {0};
    const unsigned long bit = 1ul << NUMBER % (8 * sizeof(long));
    struct rlimit limit;
    struct rlimit more;
    int fd;

    CHECK_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    more = limit;
    more.rlim_cur = limit.rlim_max;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &more), 0);
    fd = fcntl(ends.here, F_DUPFD, NUMBER);
    set[NUMBER / (8 * sizeof(long))] = bit;
    if (fd == NUMBER) {
        CHECK_INT(select(NUMBER + 1, (fd_set *)(void *)set, NULL, NULL, NULL),
                  1);
        CHECK(set[NUMBER / (8 * sizeof(long))] == bit);
    }
    if (fd >= 0)
        CHECK_INT(close(fd), 0);
    beside_end(writer);
    ends_close(&ends);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* ---- epoll ---- */

static int epoll_of(int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), 0);
    return epoll;
}

TEST_GREEN(P32_an_epoll_may_be_in_another)
{
    struct ends ends = ends_of_pipe();
    int inner = epoll_of(ends.here, EPOLLIN);
    int outer = epoll_of(inner, EPOLLIN);
    struct beside *writer = beside(write_one, &ends);
    struct pollfd fds[] = {{outer, POLLIN, 0}, {ends.there, 0, 0}};
    struct epoll_event event;

    CHECK_INT(poll(fds, 2, -1), 1);
    CHECK_INT(epoll_wait(outer, &event, 1, -1), 1);
    CHECK_INT(event.data.fd, inner);
    CHECK_INT(epoll_wait(inner, &event, 1, -1), 1);
    CHECK_INT(event.data.fd, ends.here);
    beside_end(writer);
    CHECK_INT(close(outer), 0);
    CHECK_INT(close(inner), 0);
    ends_close(&ends);
}

/* So deep that no epoll can be put around it. */
TEST_GREEN(P32_epolls_may_be_nested_as_deep_as_the_system_allows)
{
    enum {
        DEEP = 5
    };
    struct ends ends = ends_of_pipe();
    struct beside *writer = beside(write_one, &ends);
    struct epoll_event event;
    struct pollfd fds[2] = {{.fd = -1}, {.fd = -1}};
    int epolls[DEEP];

    epolls[0] = epoll_of(ends.here, EPOLLIN);
    for (int i = 1; i < DEEP; i++)
        epolls[i] = epoll_of(epolls[i - 1], EPOLLIN);
    fds[0] = (struct pollfd){epolls[DEEP - 1], POLLIN, 0};
    CHECK_INT(poll(fds, 2, -1), 1);
    CHECK_INT(epoll_wait(epolls[DEEP - 1], &event, 1, -1), 1);
    beside_end(writer);
    for (int i = 0; i < DEEP; i++)
        CHECK_INT(close(epolls[i]), 0);
    ends_close(&ends);
}

struct sharer {
    int epoll;
    int *got;
};

static void *share_epoll(void *arg)
{
    const struct sharer *sharer = arg;
    struct epoll_event event;

    CHECK_INT(epoll_wait(sharer->epoll, &event, 1, -1), 1);
    ++*sharer->got;
    return NULL;
}

/* Whoever comes too late waits for the next one. */
TEST_GREEN(P32_an_event_goes_to_one_of_several)
{
    struct ends ends = ends_of_pipe();
    int epoll = epoll_of(ends.here, EPOLLIN | EPOLLONESHOT);
    struct epoll_event again = {.events = EPOLLIN | EPOLLONESHOT};
    int got = 0;
    struct sharer sharer = {epoll, &got};
    struct beside *sharers[2];

    for (int i = 0; i < 2; i++)
        sharers[i] = beside(share_epoll, &sharer);
    CHECK_INT(thrum_pass(), 0);
    (void)write_one(&ends);
    while (got == 0)
        CHECK_INT(thrum_pass(), 0);
    for (int i = 0; i < 100; i++)
        CHECK_INT(thrum_pass(), 0);
    CHECK_INT(got, 1);
    CHECK_INT(epoll_ctl(epoll, EPOLL_CTL_MOD, ends.here, &again), 0);
    for (int i = 0; i < 2; i++)
        beside_end(sharers[i]);
    CHECK_INT(got, 2);
    CHECK_INT(close(epoll), 0);
    ends_close(&ends);
}

TEST_GREEN(P32_epoll_wait_refuses_what_the_system_refuses)
{
    struct epoll_event event;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    errno = 0;
    CHECK_INT(epoll_wait(epoll, &event, 0, -1), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(close(epoll), 0);
    errno = 0;
    CHECK_INT(epoll_wait(epoll, &event, 1, -1), -1);
    CHECK_INT(errno, EBADF);
}

/* ---- outside of greenlets ---- */

static void *wait_without_hub(void *arg)
{
    struct timespec moment = {0, 1000};
    thrum_hub_counts counts = THRUM_HUB_COUNTS;

    CHECK_INT(poll(NULL, 0, 1), 0);
    CHECK_INT(select(0, NULL, NULL, NULL, &(struct timeval){0, 1000}), 0);
    CHECK_INT(ppoll(NULL, 0, &moment, NULL), 0);
    CHECK_INT(nanosleep(&moment, NULL), 0);
    CHECK_INT(thrum_hub_stats(&counts), THRUM_ESTATE);
    return arg;
}

TEST(P27_a_thread_without_a_hub_is_given_none)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
    join_thread(spawn_thread(wait_without_hub, NULL));
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("select", argc, argv);
}
