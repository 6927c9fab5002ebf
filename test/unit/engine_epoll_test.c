/* SPDX-License-Identifier: MIT */
/*
 * test/unit/engine_epoll_test.c - what only the epoll engine does: hints,
 * registrations, generations.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thrum.h>

#include "engines.h"

#define SOON THRUM_FOREVER

static int64_t rig_recv(struct rig *rig, int fd, void *into, size_t n)
{
    struct thrumi_io io = {
        .op = THRUMI_IO_RECV, .fd = fd, .into = into, .length = n};

    return rig_run(rig, &io, SOON);
}

/* A connected pair of TCP sockets. */
static void tcp_pair(int pair[2])
{
    struct sockaddr_in here = {.sin_family = AF_INET};
    socklen_t length = sizeof(here);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&here, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&here, &length);
    pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&here, length), 0);
    pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(pair[1] >= 0);
    close(listener);
}

static void send_four(struct rig *rig)
{
    if (rig->fd >= 0)
        assert_int_equal(send(rig->fd, "data", 4, 0), 4);
    rig->fd = -1;
}

/* Makes the engine know that the descriptor is TCP. */
static void learn(struct rig *rig, int pair[2])
{
    char buffer[16];

    rig->meanwhile = send_four;
    for (int i = 0; i < 6; i++) {
        rig->fd = pair[1];
        assert_int_equal(rig_recv(rig, pair[0], buffer, sizeof(buffer)), 4);
    }
}

static unsigned tries;

static bool count_tries(const char *call, void *arg)
{
    (void)arg;
    tries += strcmp(call, "io_again") == 0;
    return false;
}

TEST(after_a_short_count_a_call_parks_without_a_try)
{
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    learn(&rig, pair);
    tries = 0;
    thrumi_fault_set(count_tries, NULL);
    rig.fd = pair[1];
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), 4);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(tries, 1);
    /* a full count may have left something: it is tried, and waits */
    rig.fd = pair[1];
    assert_int_equal(rig_recv(&rig, pair[0], buffer, 4), 4);
    tries = 0;
    thrumi_fault_set(count_tries, NULL);
    rig.fd = pair[1];
    assert_int_equal(rig_recv(&rig, pair[0], buffer, 4), 4);
    thrumi_fault_set(NULL, NULL);
    assert_int_equal(tries, 2);
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

static void send_and_end(struct rig *rig)
{
    if (rig->fd < 0)
        return;
    assert_int_equal(send(rig->fd, "data", 4, 0), 4);
    assert_int_equal(shutdown(rig->fd, SHUT_WR), 0);
    rig->fd = -1;
}

/* The end that came together with the data gives no second edge. */
TEST(an_end_that_comes_with_the_data_is_seen)
{
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    learn(&rig, pair);
    rig.meanwhile = send_and_end;
    rig.fd = pair[1];
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), 4);
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), 0);
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

/* A deadline in the past still finds what is there. */
TEST(a_drained_descriptor_is_tried_at_its_deadline)
{
    struct rig rig;
    char buffer[16];
    int pair[2];
    struct thrumi_io io = {
        .op = THRUMI_IO_RECV, .into = buffer, .length = sizeof(buffer)};

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    learn(&rig, pair);
    io.fd = pair[0];
    assert_int_equal(rig_run(&rig, &io, thrum_now()), -ETIMEDOUT);
    assert_int_equal(send(pair[1], "data", 4, 0), 4);
    while (recv(pair[0], buffer, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
        sched_yield();
    assert_int_equal(rig_run(&rig, &io, thrum_now()), 4);
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

/* ---- descriptors that change behind our back ---- */

static void send_once_parked_long(struct rig *rig)
{
    if (rig->turns == 0 && rig->fd >= 0)
        send_four(rig);
}

/* The number belongs to another socket, which is not registered: the wait finds
 * that out by itself. */
TEST(a_number_that_was_reused_unseen_does_not_hang)
{
    struct rig rig;
    char buffer[16];
    int pair[2];
    int other[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    tcp_pair(other);
    learn(&rig, pair);
    assert_int_equal(dup3(other[0], pair[0], O_CLOEXEC), pair[0]);
    rig.turns = 0;
    rig.fd = other[1];
    rig.meanwhile = send_once_parked_long;
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), 4);
    for (int i = 0; i < 2; i++) {
        close(pair[i]);
        close(other[i]);
    }
    rig_close(&rig);
}

static void close_unseen(struct rig *rig)
{
    if (rig->fd >= 0)
        close(rig->fd);
    rig->fd = -1;
}

TEST(a_descriptor_that_was_closed_unseen_does_not_hang)
{
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    learn(&rig, pair);
    rig.fd = pair[0];
    rig.meanwhile = close_unseen;
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), -EBADF);
    close(pair[1]);
    rig_close(&rig);
}

static void forget_it(struct rig *rig)
{
    if (rig->fd >= 0)
        rig->engine->ops->forget(rig->engine, rig->fd, -EBADF);
    rig->fd = -1;
}

TEST(whoever_waits_on_what_is_closed_gets_EBADF)
{
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    rig.fd = pair[0];
    rig.meanwhile = forget_it;
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), -EBADF);
    learn(&rig, pair); /* and it can be used again */
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

/* ---- what ends a wait ---- */

static int cancel_it(struct rig *rig)
{
    return rig->parks > 0 ? -ECANCELED : 0;
}

TEST(a_cancelled_wait_leaves_nothing_behind)
{
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    rig.fails = cancel_it;
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)),
                     -ECANCELED);
    assert_int_equal(rig.engine->ops->waiting(rig.engine), 0);
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

static void interrupt_it(struct rig *rig)
{
    rig->engine->ops->interrupt(rig->engine);
}

TEST(an_interrupt_ends_a_turn_each_time)
{
    struct rig rig;

    rig_open(&rig, &thrumi_engine_epoll);
    for (int i = 0; i < 3; i++) {
        struct pollfd one = {rig.engine->ops->fd(rig.engine), POLLIN, 0};

        interrupt_it(&rig);
        assert_int_equal(poll(&one, 1, -1), 1);
        assert_int_equal(rig_turn(&rig, THRUM_FOREVER), 0);
        assert_int_equal(poll(&one, 1, 0), 0);
    }
    rig_close(&rig);
}

/* ---- faults ---- */

static bool fail_call(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

TEST(an_engine_without_descriptors_is_not_made)
{
    static char calls[][16] = {"epoll_create", "eventfd", "epoll_ctl"};
    const int codes[] = {-EMFILE, -EMFILE, -ENOSPC};
    struct thrumi_engine *engine = NULL;

    for (int i = 0; i < 3; i++) {
        thrumi_fault_set(fail_call, calls[i]);
        assert_int_equal(thrumi_engine_epoll.open(&engine), codes[i]);
        thrumi_fault_set(NULL, NULL);
        assert_null(engine);
    }
}

TEST(an_engine_without_memory_is_not_made)
{
    struct thrumi_engine *engine = NULL;
    int rc = -1;

    FOR_EACH_FAILURE(n)
    {
        rc = thrumi_engine_epoll.open(&engine);
        if (rc == 0)
            engine->ops->close(engine);
        else
            assert_int_equal(rc, -ENOMEM);
    }
    assert_int_equal(rc, 0);
}

TEST(beyond_the_limit_of_watches_a_call_says_so)
{
    static char call[] = "epoll_ctl";
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    thrumi_fault_set(fail_call, call);
    assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)), -ENOSPC);
    thrumi_fault_set(NULL, NULL);
    learn(&rig, pair);
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

TEST(without_memory_for_the_table_a_call_says_so)
{
    struct rig rig;
    char buffer[16];
    int pair[2];

    rig_open(&rig, &thrumi_engine_epoll);
    tcp_pair(pair);
    for (unsigned n = 1; n <= 2; n++) {
        faulty_alloc_fail_nth(n);
        assert_int_equal(rig_recv(&rig, pair[0], buffer, sizeof(buffer)),
                         -ENOMEM);
        assert_true(faulty_alloc_fired());
        faulty_alloc_fail_nth(0);
    }
    learn(&rig, pair);
    close(pair[0]);
    close(pair[1]);
    rig_close(&rig);
}

TEST_MAIN("engine_epoll")
