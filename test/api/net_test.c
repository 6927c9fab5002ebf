/* SPDX-License-Identifier: MIT */
/*
 * net_test.c - accept, connect, poll, close, datagrams.
 */
#include <signal.h>
#include <stdlib.h>

#include <thrum.h>

#include "net.h"

/* ---- accept and connect ---- */

static void *accept_one(void *listener)
{
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);
    int fd = thrum_accept(*(int *)listener, (struct sockaddr *)&from, &length,
                          THRUM_FOREVER);

    if (fd >= 0) {
        CHECK_INT(from.ss_family, AF_INET);
        CHECK_INT(length, sizeof(struct sockaddr_in));
        CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    return (void *)(intptr_t)fd;
}

static intptr_t result_of(thrum_future *future)
{
    void *result = NULL;

    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    thrum_future_unref(future);
    return (intptr_t)result;
}

static int connect_to(const struct sockaddr_in *there)
{
    int fd = thrum_socket(AF_INET, SOCK_STREAM, 0);

    CHECK_INT(thrum_connect(fd, (const struct sockaddr *)there, sizeof(*there),
                            THRUM_FOREVER),
              0);
    return fd;
}

TEST(accept_waits_for_a_connection)
{
    struct sockaddr_in here;
    int listener = listen_here(&here);
    thrum_future *future = spawn(accept_one, &listener);
    int fds[2];

    settle_down();
    assert_false(thrum_future_done(future));
    fds[0] = connect_to(&here);
    fds[1] = (int)result_of(future);
    assert_true(fds[1] >= 0);
    assert_int_equal(thrum_write(fds[0], "x", 1, THRUM_FOREVER), 1);
    assert_int_equal(thrum_read(fds[1], &(char){0}, 1, THRUM_FOREVER), 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(thrum_close(fds[i]), 0);
    assert_int_equal(thrum_close(listener), 0);
}

TEST(S11_those_who_accept_are_served_in_their_order)
{
    struct sockaddr_in here;
    int listener = listen_here(&here);
    thrum_future *futures[3];

    for (int i = 0; i < 3; i++)
        futures[i] = spawn(accept_one, &listener);
    settle_down();
    for (int i = 0; i < 3; i++) {
        int out = connect_to(&here);
        int in = (int)result_of(futures[i]);

        assert_true(in >= 0);
        assert_int_equal(thrum_close(in), 0);
        assert_int_equal(thrum_close(out), 0);
    }
    assert_int_equal(thrum_close(listener), 0);
}

TEST(S12_close_ends_an_accept)
{
    struct sockaddr_in here;
    int listener = listen_here(&here);
    thrum_future *future = spawn(accept_one, &listener);

    settle_down();
    assert_int_equal(thrum_close(listener), 0);
    assert_int_equal(result_of(future), -EBADF);
}

TEST(S7_accept_ends_by_its_deadline_and_by_a_kill)
{
    struct sockaddr_in here;
    int listener = listen_here(&here);
    thrum_future *future = spawn(accept_one, &listener);

    assert_int_equal(thrum_accept(listener, NULL, NULL, THRUM_NOW), -ETIMEDOUT);
    assert_int_equal(thrum_accept(listener, NULL, NULL, thrum_in_ms(2)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(result_of(future), -ECANCELED);
    assert_int_equal(thrum_close(listener), 0);
}

TEST(a_connect_that_is_refused_says_so)
{
    struct sockaddr_in there;
    int listener = listen_here(&there);
    int fd = thrum_socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(thrum_close(listener), 0);
    assert_int_equal(thrum_connect(fd, (struct sockaddr *)&there, sizeof(there),
                                   THRUM_FOREVER),
                     -ECONNREFUSED);
    assert_int_equal(thrum_close(fd), 0);
    assert_int_equal(
        thrum_connect(-1, (struct sockaddr *)&there, sizeof(there), THRUM_NOW),
        -EBADF);
}

/* A UNIX socket that listens, under a name that only processes know. */
static int listen_unix(struct sockaddr_un *here, socklen_t *length, int backlog)
{
    int fd = thrum_socket(AF_UNIX, SOCK_STREAM, 0);

    *here = (struct sockaddr_un){.sun_family = AF_UNIX};
    *length = sizeof(sa_family_t);
    assert_int_equal(bind(fd, (struct sockaddr *)here, *length), 0);
    assert_int_equal(listen(fd, backlog), 0);
    *length = sizeof(*here);
    assert_int_equal(getsockname(fd, (struct sockaddr *)here, length), 0);
    return fd;
}

static void *accept_all(void *listener)
{
    for (;;) {
        int fd = thrum_accept(*(int *)listener, NULL, NULL, THRUM_FOREVER);

        if (fd < 0)
            return NULL;
        CHECK_INT(thrum_close(fd), 0);
    }
}

/* Of a full queue nothing tells when there is room. */
TEST(a_unix_connect_waits_while_the_queue_is_full)
{
    struct sockaddr_un here;
    socklen_t length;
    int listener = listen_unix(&here, &length, 0);
    int fds[3];
    thrum_future *future;

    for (int i = 0; i < 3; i++)
        fds[i] = thrum_socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(
        thrum_connect(fds[0], (struct sockaddr *)&here, length, THRUM_FOREVER),
        0);
    assert_int_equal(
        thrum_connect(fds[1], (struct sockaddr *)&here, length, thrum_in_ms(3)),
        -ETIMEDOUT);
    future = spawn(accept_all, &listener);
    assert_int_equal(
        thrum_connect(fds[2], (struct sockaddr *)&here, length, THRUM_FOREVER),
        0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(thrum_close(fds[i]), 0);
    assert_int_equal(thrum_close(listener), 0);
    join(future);
}

/* ---- datagrams ---- */

static int bind_here(struct sockaddr_in *here)
{
    socklen_t length = sizeof(*here);
    int fd = thrum_socket(AF_INET, SOCK_DGRAM, 0);

    *here = (struct sockaddr_in){.sin_family = AF_INET};
    here->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)here, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)here, &length), 0);
    return fd;
}

static void *answer_one(void *fd)
{
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    char text[64];
    int64_t n =
        thrum_recvfrom(*(int *)fd, text, sizeof(text), 0,
                       (struct sockaddr *)&from, &length, THRUM_FOREVER);

    CHECK(n > 0);
    CHECK_INT(thrum_sendto(*(int *)fd, text, (size_t)n, 0,
                           (struct sockaddr *)&from, length, THRUM_FOREVER),
              n);
    return NULL;
}

TEST(datagrams_come_with_their_address)
{
    struct sockaddr_in here, mine;
    int server = bind_here(&here);
    int client = bind_here(&mine);
    thrum_future *future = spawn(answer_one, &server);
    struct iovec vector;
    char text[64];
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};

    vector = (struct iovec){(void *)(uintptr_t) "ping", 4};
    message.msg_name = &here;
    message.msg_namelen = sizeof(here);
    assert_int_equal(thrum_sendmsg(client, &message, 0, THRUM_FOREVER), 4);
    vector = (struct iovec){text, sizeof(text)};
    message.msg_name = &mine;
    assert_int_equal(thrum_recvmsg(client, &message, 0, THRUM_FOREVER), 4);
    assert_memory_equal(text, "ping", 4);
    assert_memory_equal(&mine, &here, sizeof(here));
    join(future);
    assert_int_equal(thrum_close(server), 0);
    assert_int_equal(thrum_close(client), 0);
}

/* ---- poll ---- */

static void *poll_in(void *fd)
{
    return (void *)(intptr_t)thrum_poll_one(*(int *)fd, POLLIN, THRUM_FOREVER);
}

TEST(poll_of_one_waits_for_its_events)
{
    struct ends ends;
    thrum_future *future;

    ends_pair(&ends);
    assert_int_equal(thrum_poll_one(ends.out, POLLOUT | POLLIN, THRUM_FOREVER),
                     POLLOUT);
    assert_int_equal(thrum_poll_one(ends.in, POLLIN, thrum_in_ms(1)),
                     -ETIMEDOUT);
    assert_int_equal(thrum_poll_one(-1, POLLIN, THRUM_FOREVER), -EBADF);
    future = spawn(poll_in, &ends.in);
    settle_down();
    assert_int_equal(thrum_write(ends.out, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal(result_of(future), POLLIN);
    assert_int_equal(thrum_read(ends.in, &(char){0}, 1, THRUM_FOREVER), 1);
    future = spawn(poll_in, &ends.in);
    settle_down();
    assert_int_equal(thrum_close(ends.in), 0);
    assert_int_equal(result_of(future), -EBADF);
    ends.in = -1;
    ends_close(&ends);
}

struct many {
    struct pollfd fds[4];
    size_t n;
    thrum_time deadline;
};

static void *poll_many(void *arg)
{
    struct many *many = arg;

    return (void *)(intptr_t)thrum_poll(many->fds, many->n, many->deadline);
}

static struct many many_of(const struct ends *one, const struct ends *two)
{
    return (struct many){.fds = {{one->in, POLLIN, 0},
                                 {-1, POLLIN, 0},
                                 {two->in, POLLIN, 0},
                                 {one->in, POLLPRI, 0}},
                         .n = 4,
                         .deadline = THRUM_FOREVER};
}

TEST(poll_of_many_waits_for_any_of_them)
{
    struct ends one, two;
    struct many many;
    thrum_future *future;

    ends_pair(&one);
    ends_pipe(&two);
    many = many_of(&one, &two);
    many.deadline = THRUM_NOW;
    assert_int_equal((intptr_t)poll_many(&many), -ETIMEDOUT);
    many.deadline = thrum_in_ms(1);
    assert_int_equal((intptr_t)poll_many(&many), -ETIMEDOUT);
    many.deadline = THRUM_FOREVER;
    future = spawn(poll_many, &many);
    settle_down();
    assert_false(thrum_future_done(future));
    assert_int_equal(thrum_write(two.out, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal(result_of(future), 1);
    assert_int_equal(many.fds[2].revents, POLLIN);
    assert_int_equal(many.fds[0].revents, 0);
    assert_int_equal(thrum_write(one.out, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal((intptr_t)poll_many(&many), 2);
    ends_close(&one);
    ends_close(&two);
}

TEST(poll_of_many_tells_of_a_wrong_descriptor)
{
    struct pollfd fds[1] = {{1000000, POLLIN, 0}};

    assert_int_equal(thrum_poll(fds, 1, THRUM_FOREVER), 1);
    assert_int_equal(fds[0].revents, POLLNVAL);
    assert_int_equal(thrum_poll(fds, 0, thrum_in_ms(1)), -ETIMEDOUT);
}

TEST(S7_a_kill_ends_a_poll_of_many)
{
    struct ends one, two;
    struct many many;
    thrum_future *future;

    ends_pair(&one);
    ends_pipe(&two);
    many = many_of(&one, &two);
    future = spawn(poll_many, &many);
    settle_down();
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(result_of(future), -ECANCELED);
    ends_close(&one);
    ends_close(&two);
}

TEST(S12_close_is_told_to_a_poll_of_many)
{
    struct ends one, two;
    struct many many;
    thrum_future *future;

    ends_pair(&one);
    ends_pipe(&two);
    many = many_of(&one, &two);
    future = spawn(poll_many, &many);
    settle_down();
    assert_int_equal(thrum_close(one.in), 0);
    one.in = -1;
    assert_int_equal(result_of(future), 2);
    assert_int_equal(many.fds[0].revents, POLLNVAL);
    assert_int_equal(many.fds[2].revents, 0);
    ends_close(&one);
    ends_close(&two);
}

static void *poll_many_thread(void *arg)
{
    return (void *)result_of(spawn(poll_many, arg));
}

TEST(S12_close_is_told_to_a_poll_of_many_in_another_thread)
{
    struct ends one, two;
    struct many many;
    struct test_thread *thread;

    ends_pair(&one);
    ends_pipe(&two);
    many = many_of(&one, &two);
    thread = spawn_thread(poll_many_thread, &many);
    thread_await_sleep(thread);
    assert_int_equal(thrum_close(two.in), 0);
    two.in = -1;
    assert_int_equal((intptr_t)join_thread(thread), 1);
    assert_int_equal(many.fds[2].revents, POLLNVAL);
    ends_close(&one);
    ends_close(&two);
}

/* So few, and such, that an engine can wait for each of them; one of them twice. */
static struct many few_of(const struct ends *one, const struct ends *two)
{
    struct many many = many_of(one, two);

    many.fds[3].events = POLLIN;
    return many;
}

TEST(poll_of_few_waits_for_any_of_them)
{
    struct ends one, two;
    struct many many, again;
    thrum_future *first, *second;

    ends_pair(&one);
    ends_pipe(&two);
    many = few_of(&one, &two);
    many.deadline = thrum_in_ms(1);
    assert_int_equal((intptr_t)poll_many(&many), -ETIMEDOUT);
    many.deadline = THRUM_FOREVER;
    again = many;
    first = spawn(poll_many, &many);
    second = spawn(poll_many, &again);
    settle_down();
    assert_int_equal(thrum_write(two.out, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal(result_of(first), 1);
    assert_int_equal(result_of(second), 1);
    assert_int_equal(again.fds[2].revents, POLLIN);
    assert_int_equal(again.fds[3].revents, 0);
    assert_int_equal(thrum_write(one.out, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal((intptr_t)poll_many(&many), 3);
    ends_close(&one);
    ends_close(&two);
}

TEST(poll_of_few_bears_a_file)
{
    struct ends one, two;
    struct many many;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    ends_pair(&one);
    ends_pipe(&two);
    many = few_of(&one, &two);
    many.fds[3].fd = fd;
    assert_int_equal((intptr_t)poll_many(&many), 1);
    assert_int_equal(many.fds[3].revents, POLLIN);
    close(fd);
    ends_close(&one);
    ends_close(&two);
}

TEST(S7_a_kill_ends_a_poll_of_few)
{
    struct ends one, two;
    struct many many;
    thrum_future *future;

    ends_pair(&one);
    ends_pipe(&two);
    many = few_of(&one, &two);
    future = spawn(poll_many, &many);
    settle_down();
    assert_int_equal(thrum_write(two.out, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal(result_of(future), 1);
    assert_int_equal(thrum_read(two.in, &(char){0}, 1, THRUM_FOREVER), 1);
    future = spawn(poll_many, &many);
    settle_down();
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    assert_int_equal(result_of(future), -ECANCELED);
    ends_close(&one);
    ends_close(&two);
}

TEST(S12_close_is_told_to_a_poll_of_few)
{
    struct ends one, two;
    struct many many;
    thrum_future *future;

    ends_pair(&one);
    ends_pipe(&two);
    many = few_of(&one, &two);
    future = spawn(poll_many, &many);
    settle_down();
    assert_int_equal(thrum_close(one.in), 0);
    one.in = -1;
    assert_int_equal(result_of(future), 2);
    assert_int_equal(many.fds[0].revents, POLLNVAL);
    assert_int_equal(many.fds[3].revents, POLLNVAL);
    ends_close(&one);
    ends_close(&two);
}

/* ---- close ---- */

TEST(close_of_what_is_none_is_told)
{
    struct ends ends;

    ends_pair(&ends);
    ends_close(&ends);
    assert_int_equal(thrum_close(ends.in), -EBADF);
    assert_int_equal(thrum_close(-1), -EBADF);
}

struct stubborn {
    int fd;
    int64_t result;
    struct gate gate;
    struct latch begun;
};

static void *stubborn_read(void *arg)
{
    struct stubborn *stubborn = arg;

    stubborn->result = thrum_read(stubborn->fd, &(char){0}, 1, THRUM_FOREVER);
    return NULL;
}

/* Begins to read, and then holds its hub up. */
static void *stubborn_run(void *arg)
{
    struct stubborn *stubborn = arg;
    thrum_future *future = spawn(stubborn_read, stubborn);

    settle_down();
    latch_down(&stubborn->begun);
    gate_wait(&stubborn->gate);
    join(future);
    return NULL;
}

/* A thread that does not look at its hub does not hold up the close; and the
 * number stays taken until it does. */
TEST(S12_the_number_is_taken_until_all_know_and_the_peer_knows_at_once)
{
    struct stubborn stubborn = {-1, 0, GATE_INIT, LATCH_INIT(1)};
    struct test_thread *thread;
    struct ends ends;
    int next;

    ends_pair(&ends);
    stubborn.fd = ends.in;
    thread = spawn_thread(stubborn_run, &stubborn);
    latch_wait(&stubborn.begun);
    assert_int_equal(thrum_close(ends.in), 0);
    next = dup(ends.out);
    assert_int_not_equal(next, ends.in);
    close(next);
    assert_int_equal(thrum_read(ends.in, &(char){0}, 1, THRUM_NOW), -EBADF);
    gate_open(&stubborn.gate);
    join_thread(thread);
    assert_int_equal(stubborn.result, -EBADF);
    WAIT_UNTIL(fcntl(ends.in, F_GETFD) < 0);
    ends.in = -1;
    ends_close(&ends);
}

static int close_in_child(void *arg)
{
    struct ends *ends = arg;

    CHECK_INT(thrum_close(ends->in), 0);
    CHECK(fcntl(ends->in, F_GETFD) < 0);
    return 0;
}

TEST(close_in_a_forked_child_asks_none_of_the_parents_hubs)
{
    struct stubborn stubborn = {-1, 0, GATE_INIT, LATCH_INIT(1)};
    struct test_thread *thread;
    struct ends ends;

    ends_pair(&ends);
    stubborn.fd = ends.in;
    thread = spawn_thread(stubborn_run, &stubborn);
    latch_wait(&stubborn.begun);
    assert_int_equal(in_child(close_in_child, &ends), 0);
    assert_int_equal(thrum_write(ends.out, "x", 1, THRUM_FOREVER), 1);
    gate_open(&stubborn.gate);
    join_thread(thread);
    assert_int_equal(stubborn.result, 1);
    ends_close(&ends);
}

TEST_MAIN("net")
