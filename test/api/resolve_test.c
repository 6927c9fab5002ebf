/* SPDX-License-Identifier: MIT */
/*
 * resolve_test.c - names, and connecting to the first address that answers.
 */
#include <netdb.h>

#include <thrum.h>

#include "net.h"

static struct addrinfo entry(struct sockaddr_in *address, struct addrinfo *next)
{
    return (struct addrinfo){.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_addr = (struct sockaddr *)address,
                             .ai_addrlen = sizeof(*address),
                             .ai_next = next};
}

TEST(numbers_are_answered_at_once)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    const struct sockaddr_in *found;

    assert_int_equal(thrum_resolve("127.0.0.9", "80", &hints, THRUM_NOW, &list),
                     0);
    assert_int_equal(list->ai_family, AF_INET);
    found = (const void *)list->ai_addr;
    assert_int_equal(ntohl(found->sin_addr.s_addr), 0x7f000009);
    assert_int_equal(ntohs(found->sin_port), 80);
    freeaddrinfo(list);
}

TEST(a_name_is_asked_for)
{
    struct addrinfo *list = NULL;

    assert_int_equal(
        thrum_resolve("localhost", "80", NULL, THRUM_FOREVER, &list), 0);
    assert_non_null(list);
    freeaddrinfo(list);
}

TEST(a_name_that_is_none_is_told)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
    struct addrinfo *list = NULL;

    assert_int_equal(
        thrum_resolve("no/such/name", "80", NULL, THRUM_FOREVER, &list) < 0,
        true);
    hints.ai_flags |= AI_NUMERICSERV;
    assert_int_equal(thrum_resolve("localhost", "80", &hints, THRUM_NOW, &list),
                     -ENOENT);
    hints.ai_flags = 0x40000000;
    assert_int_equal(thrum_resolve("127.0.0.1", "80", &hints, THRUM_NOW, &list),
                     -EINVAL);
}

static void *resolve_run(void *arg)
{
    struct addrinfo *list = NULL;

    *(int *)arg = thrum_resolve("localhost", NULL, NULL, THRUM_FOREVER, &list);
    if (list != NULL)
        freeaddrinfo(list);
    return NULL;
}

/* The answer that comes too late is dropped; ASan looks. */
TEST(S7_a_kill_ends_a_resolve)
{
    for (int i = 0; i < 20; i++) {
        int rc = 1;
        thrum_future *future = spawn(resolve_run, &rc);

        for (int j = 0; j < i % 3 + 1; j++)
            assert_int_equal(thrum_pass(), 0);
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        CHECK(rc == -ECANCELED || rc == 0);
        thrum_future_unref(future);
    }
}

/* A port where nobody listens. */
static struct sockaddr_in refusing(void)
{
    struct sockaddr_in there;

    assert_int_equal(thrum_close(listen_here(&there)), 0);
    return there;
}

/* One whose queue is full: it answers to nobody. */
static int silent(struct sockaddr_in *there, int fds[4])
{
    int listener = listen_here(there);

    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 4; i++) {
        fds[i] = thrum_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)there, sizeof(*there));
    }
    return listener;
}

static int port_of(int fd)
{
    struct sockaddr_in there;
    socklen_t length = sizeof(there);

    assert_int_equal(getpeername(fd, (struct sockaddr *)&there, &length), 0);
    return there.sin_port;
}

TEST(after_one_that_refuses_the_next_is_tried)
{
    struct sockaddr_in no = refusing();
    struct sockaddr_in yes;
    int listener = listen_here(&yes);
    struct addrinfo second = entry(&yes, NULL);
    struct addrinfo first = entry(&no, &second);
    int fd = thrum_connect_any(&first, THRUM_FOREVER);

    assert_true(fd >= 0);
    assert_int_equal(port_of(fd), yes.sin_port);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(thrum_close(fd), 0);
    assert_int_equal(thrum_close(listener), 0);
}

TEST(one_that_does_not_answer_holds_nobody_up)
{
    struct sockaddr_in mute, yes;
    int fds[4];
    int quiet = silent(&mute, fds);
    int listener = listen_here(&yes);
    struct addrinfo second = entry(&yes, NULL);
    struct addrinfo first = entry(&mute, &second);
    int fd = thrum_connect_any(&first, THRUM_FOREVER);

    assert_true(fd >= 0);
    assert_int_equal(port_of(fd), yes.sin_port);
    assert_int_equal(thrum_close(fd), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(thrum_close(fds[i]), 0);
    assert_int_equal(thrum_close(listener), 0);
    assert_int_equal(thrum_close(quiet), 0);
}

TEST(a_connect_to_nobody_ends_at_its_deadline)
{
    struct sockaddr_in mute;
    int fds[4];
    int quiet = silent(&mute, fds);
    struct addrinfo only = entry(&mute, NULL);

    assert_int_equal(thrum_connect_any(&only, thrum_in_ms(3)), -ETIMEDOUT);
    for (int i = 0; i < 4; i++)
        assert_int_equal(thrum_close(fds[i]), 0);
    assert_int_equal(thrum_close(quiet), 0);
}

TEST(when_all_refuse_that_is_told)
{
    struct sockaddr_in no[2] = {refusing(), refusing()};
    struct addrinfo second = entry(&no[1], NULL);
    struct addrinfo first = entry(&no[0], &second);

    assert_int_equal(thrum_connect_any(&first, THRUM_FOREVER), -ECONNREFUSED);
    assert_int_equal(thrum_connect_any(NULL, THRUM_FOREVER), -EINVAL);
}

static void echo(int fd, void *arg)
{
    char byte;

    (void)arg;
    while (thrum_read(fd, &byte, 1, THRUM_FOREVER) == 1)
        if (thrum_write(fd, &byte, 1, THRUM_FOREVER) != 1)
            break;
}

static void check_echo(int fd)
{
    char byte = 0;

    assert_true(fd >= 0);
    assert_int_equal(thrum_write(fd, "x", 1, THRUM_FOREVER), 1);
    assert_int_equal(thrum_read(fd, &byte, 1, THRUM_FOREVER), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(thrum_close(fd), 0);
}

TEST(a_connection_by_name)
{
    thrum_server *server;
    struct sockaddr_in here;
    unsigned length = sizeof(here);
    char text[32];

    assert_int_equal(
        thrum_stream_server_new("127.0.0.1:0", echo, NULL, NULL, &server), 0);
    assert_int_equal(
        thrum_server_address(server, (struct sockaddr *)&here, &length), 0);
    snprintf(text, sizeof(text), "localhost:%d", ntohs(here.sin_port));
    check_echo(thrum_connect_to(text, THRUM_FOREVER));
    snprintf(text, sizeof(text), "127.0.0.1:%d", ntohs(here.sin_port));
    check_echo(thrum_connect_to(text, THRUM_FOREVER));
    thrum_server_free(server);
    assert_int_equal(thrum_connect_to(text, THRUM_FOREVER), -ECONNREFUSED);
    assert_int_equal(thrum_connect_to("nonsense", THRUM_FOREVER), -EINVAL);
}

TEST(a_connection_to_a_name_of_the_machine)
{
    thrum_server *server;
    char text[64];

    snprintf(text, sizeof(text), "@thrum-resolve-%d", (int)getpid());
    assert_int_equal(thrum_stream_server_new(text, echo, NULL, NULL, &server),
                     0);
    check_echo(thrum_connect_to(text, THRUM_FOREVER));
    thrum_server_free(server);
    assert_int_equal(thrum_connect_to(text, THRUM_FOREVER), -ECONNREFUSED);
}

TEST_MAIN("resolve")
