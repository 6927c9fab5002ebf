/* SPDX-License-Identifier: MIT */
/*
 * server_test.c - servers: connections, limits, no descriptor left, the end.
 */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <thrum.h>

#include "net.h"

static void echo(int fd, void *arg)
{
    char text[64];
    int64_t n;

    (void)arg;
    while ((n = thrum_read(fd, text, sizeof(text), THRUM_FOREVER)) > 0)
        if (thrum_write_all(fd, text, (size_t)n, THRUM_FOREVER) != 0)
            return;
}

static thrum_server *serve(const char *address, thrum_stream_fn *fn, void *arg,
                           const thrum_server_options *options)
{
    thrum_server *server = NULL;

    assert_int_equal(
        thrum_stream_server_new(address, fn, arg, options, &server), 0);
    return server;
}

static struct sockaddr_storage address_of(const thrum_server *server,
                                          unsigned *length)
{
    struct sockaddr_storage here;

    *length = sizeof(here);
    assert_int_equal(
        thrum_server_address(server, (struct sockaddr *)&here, length), 0);
    return here;
}

static thrum_server_counts counts_of(const thrum_server *server)
{
    thrum_server_counts counts = {.size = sizeof(counts)};

    assert_int_equal(thrum_server_stats(server, &counts), 0);
    return counts;
}

struct client {
    struct sockaddr_storage there;
    unsigned length;
    unsigned rounds;
    int fd;
    int64_t result; /* of the last read */
};

static struct client client_of(const thrum_server *server)
{
    struct client client = {.rounds = 3, .fd = -1};

    client.there = address_of(server, &client.length);
    return client;
}

static void client_connect(struct client *client)
{
    client->fd = thrum_socket(client->there.ss_family, SOCK_STREAM, 0);
    CHECK_INT(thrum_connect(client->fd, (struct sockaddr *)&client->there,
                            client->length, THRUM_FOREVER),
              0);
}

static void client_ask(struct client *client)
{
    char answer[5] = "";

    CHECK_INT(thrum_write_all(client->fd, "hello", 5, THRUM_FOREVER), 0);
    client->result =
        thrum_recv(client->fd, answer, 5, MSG_WAITALL, THRUM_FOREVER);
    if (client->result == 5)
        CHECK(memcmp(answer, "hello", 5) == 0);
}

static void client_close(struct client *client)
{
    CHECK_INT(thrum_close(client->fd), 0);
    client->fd = -1;
}

static void *client_run(void *arg)
{
    struct client *client = arg;

    client_connect(client);
    for (unsigned i = 0; i < client->rounds; i++) {
        client_ask(client);
        CHECK_INT(client->result, 5);
    }
    client_close(client);
    return NULL;
}

/* No more at a time than the shortest queue of a listener has room for. */
#define CROWD 100

TEST(a_greenlet_serves_each_connection)
{
    thrum_server *server = serve("127.0.0.1:0", echo, NULL, NULL);
    unsigned rounds = (test_scale(2000) + CROWD - 1) / CROWD;
    struct client clients[CROWD];
    thrum_future *futures[CROWD];

    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < CROWD; i++) {
            clients[i] = client_of(server);
            futures[i] = spawn(client_run, &clients[i]);
        }
        assert_int_equal(thrum_join_all(futures, CROWD, THRUM_FOREVER), 0);
        for (unsigned i = 0; i < CROWD; i++)
            thrum_future_unref(futures[i]);
    }
    assert_int_equal(thrum_server_stop(server, THRUM_FOREVER), 0);
    assert_int_equal(counts_of(server).total, rounds * CROWD);
    assert_int_equal(counts_of(server).now, 0);
    thrum_server_free(server);
}

static void *client_thread(void *client)
{
    join(spawn(client_run, client));
    return NULL;
}

TEST(clients_may_be_threads)
{
    thrum_server *server = serve("127.0.0.1:0", echo, NULL, NULL);
    struct client clients[4];
    struct test_thread *threads[4];

    for (int i = 0; i < 4; i++) {
        clients[i] = client_of(server);
        clients[i].rounds = test_scale(200);
        threads[i] = spawn_thread(client_thread, &clients[i]);
    }
    WAIT_UNTIL(thrum_pass() == 0 && counts_of(server).total == 4 &&
               counts_of(server).now == 0);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    thrum_server_free(server);
}

/* What is beyond the limit waits in the kernel's queue. */
TEST(no_more_than_the_limit_are_served_at_a_time)
{
    thrum_server_options options = THRUM_SERVER_OPTIONS;
    struct client clients[3];
    thrum_server *server;

    options.limit = 2;
    server = serve("127.0.0.1:0", echo, NULL, &options);
    for (int i = 0; i < 3; i++) {
        clients[i] = client_of(server);
        client_connect(&clients[i]);
    }
    for (int i = 0; i < 2; i++)
        client_ask(&clients[i]);
    assert_int_equal(counts_of(server).now, 2);
    assert_int_equal(thrum_write_all(clients[2].fd, "x", 1, THRUM_FOREVER), 0);
    assert_int_equal(thrum_poll_one(clients[2].fd, POLLIN, thrum_in_ms(5)),
                     -ETIMEDOUT);
    client_close(&clients[0]);
    assert_int_equal(thrum_poll_one(clients[2].fd, POLLIN, THRUM_FOREVER),
                     POLLIN);
    assert_int_equal(counts_of(server).now, 2);
    client_close(&clients[1]);
    client_close(&clients[2]);
    thrum_server_free(server);
}

TEST(a_stop_waits_for_those_that_are_served)
{
    thrum_server *server = serve("127.0.0.1:0", echo, NULL, NULL);
    struct client client = client_of(server);
    struct client late = client;
    thrum_future *future;

    client.rounds = 20;
    future = spawn(client_run, &client);
    WAIT_UNTIL(thrum_pass() == 0 && counts_of(server).now == 1);
    assert_int_equal(thrum_server_stop(server, THRUM_FOREVER), 0);
    assert_int_equal(counts_of(server).now, 0);
    join(future);
    late.fd = thrum_socket(late.there.ss_family, SOCK_STREAM, 0);
    assert_int_equal(thrum_connect(late.fd, (struct sockaddr *)&late.there,
                                   late.length, THRUM_FOREVER),
                     -ECONNREFUSED);
    client_close(&late);
    assert_int_equal(thrum_server_stop(server, THRUM_NOW), 0);
    assert_int_equal(thrum_server_address(
                         server, (struct sockaddr *)&late.there, &late.length),
                     -EBADF);
    thrum_server_free(server);
}

TEST(S7_a_stop_kills_at_its_deadline)
{
    thrum_server *server = serve("127.0.0.1:0", echo, NULL, NULL);
    struct client clients[3];

    for (int i = 0; i < 3; i++) {
        clients[i] = client_of(server);
        client_connect(&clients[i]);
        client_ask(&clients[i]);
    }
    assert_int_equal(thrum_server_stop(server, thrum_in_ms(5)), -ETIMEDOUT);
    assert_int_equal(counts_of(server).now, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            thrum_read(clients[i].fd, &(char){0}, 1, THRUM_FOREVER), 0);
        client_close(&clients[i]);
    }
    thrum_server_free(server);
}

/* Taken, but its greenlet has not begun when it is killed. */
TEST(a_connection_whose_greenlet_never_began_is_closed)
{
    thrum_server *server = serve("127.0.0.1:0", echo, NULL, NULL);
    struct client client = client_of(server);

    client_connect(&client);
    assert_int_equal(thrum_server_stop(server, THRUM_NOW) == 0 ||
                         counts_of(server).now == 0,
                     true);
    assert_true(thrum_read(client.fd, &(char){0}, 1, THRUM_FOREVER) <= 0);
    client_close(&client);
    thrum_server_free(server);
}

static void stop_inside(int fd, void *arg)
{
    CHECK_INT(thrum_server_stop(*(thrum_server **)arg, THRUM_FOREVER),
              THRUM_ECONTEXT);
    CHECK_INT(thrum_write_all(fd, "hello", 5, THRUM_FOREVER), 0);
}

static void *stop_outside(void *server)
{
    CHECK_INT(thrum_server_stop(server, THRUM_FOREVER), THRUM_ETHREAD);
    return NULL;
}

TEST(a_server_is_not_stopped_from_inside_nor_from_another_thread)
{
    static thrum_server *server;
    struct client client;

    server = serve("127.0.0.1:0", stop_inside, &server, NULL);
    client = client_of(server);
    client_connect(&client);
    client_ask(&client);
    assert_int_equal(client.result, 5);
    client_close(&client);
    join_thread(spawn_thread(stop_outside, server));
    assert_int_equal(thrum_server_stop(server, THRUM_FOREVER), 0);
    thrum_server_free(server);
}

static void no_delay(int fd, void *arg)
{
    int on = -1;
    socklen_t length = sizeof(on);

    CHECK_INT(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length), 0);
    CHECK_INT(on != 0, *(bool *)arg);
    CHECK_INT(thrum_write_all(fd, "hello", 5, THRUM_FOREVER), 0);
}

TEST(connections_have_no_delay_unless_it_is_asked_for)
{
    thrum_server_options options = THRUM_SERVER_OPTIONS;

    for (int i = 0; i < 2; i++) {
        bool expected = i == 0;
        thrum_server *server;
        struct client client;

        options.delay = !expected;
        server = serve("127.0.0.1:0", no_delay, &expected, &options);
        client = client_of(server);
        client_connect(&client);
        client_ask(&client);
        client_close(&client);
        assert_int_equal(thrum_server_stop(server, THRUM_FOREVER), 0);
        thrum_server_free(server);
    }
}

/* ---- addresses ---- */

TEST(two_servers_share_a_port_when_both_say_so)
{
    thrum_server_options options = THRUM_SERVER_OPTIONS;
    thrum_server *one, *two = NULL;
    struct client client;
    char text[32];

    options.reuse_port = true;
    one = serve("127.0.0.1:0", echo, NULL, &options);
    client = client_of(one);
    snprintf(text, sizeof(text), "127.0.0.1:%d",
             ntohs(((struct sockaddr_in *)&client.there)->sin_port));
    assert_int_equal(thrum_stream_server_new(text, echo, NULL, NULL, &two),
                     -EADDRINUSE);
    two = serve(text, echo, NULL, &options);
    for (int i = 0; i < 20; i++)
        client_run(&client);
    assert_int_equal(counts_of(one).total + counts_of(two).total, 20);
    thrum_server_free(one);
    thrum_server_free(two);
}

TEST(a_path_is_made_and_taken_away_and_one_left_behind_is_used_again)
{
    char path[] = "/tmp/thrum-server-XXXXXX";
    char text[64];
    struct stat status;

    assert_non_null(mkdtemp(path));
    snprintf(text, sizeof(text), "%s/socket", path);
    for (int i = 0; i < 2; i++) {
        thrum_server *server = serve(text, echo, NULL, NULL);
        thrum_server *other;
        struct client client = client_of(server);

        client_run(&client);
        assert_int_equal(
            thrum_stream_server_new(text, echo, NULL, NULL, &other),
            -EADDRINUSE);
        thrum_server_free(server);
        assert_int_equal(stat(text, &status), -1);
        if (i == 0) { /* as one that crashed leaves it */
            int fd = thrum_socket(AF_UNIX, SOCK_STREAM, 0);

            assert_int_equal(
                bind(fd, (struct sockaddr *)&client.there, client.length), 0);
            assert_int_equal(thrum_close(fd), 0);
        }
    }
    assert_int_equal(rmdir(path), 0);
}

TEST(what_is_no_address_is_told)
{
    static const char *const wrong[] = {"",      "x",     "host:", "1:2:3",
                                        "[::1]", "[x:80", "unix:", NULL};
    thrum_server_options options = THRUM_SERVER_OPTIONS;
    thrum_server *server;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        if (!CHECK_INT(
                thrum_stream_server_new(wrong[i], echo, NULL, NULL, &server),
                -EINVAL))
            fprintf(stderr, "# that was: %s\n", wrong[i]);
    assert_int_equal(
        thrum_stream_server_new("127.0.0.1:0", NULL, NULL, NULL, &server),
        -EINVAL);
    options.backlog = -1;
    assert_int_equal(
        thrum_stream_server_new("127.0.0.1:0", echo, NULL, &options, &server),
        -EINVAL);
    options.backlog = 0;
    options.size = 4;
    assert_int_equal(
        thrum_stream_server_new("127.0.0.1:0", echo, NULL, &options, &server),
        -EINVAL);
}

TEST(every_address_takes_all_families)
{
    thrum_server *server = serve("*:0", echo, NULL, NULL);
    struct client client = client_of(server);
    struct sockaddr_in four = {.sin_family = AF_INET};
    in_port_t port = client.there.ss_family == AF_INET6
                         ? ((struct sockaddr_in6 *)&client.there)->sin6_port
                         : ((struct sockaddr_in *)&client.there)->sin_port;

    client_run(&client);
    four.sin_port = port;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&client.there, &four, sizeof(four));
    client.length = sizeof(four);
    client_run(&client);
    thrum_server_free(server);
}

/* ---- no descriptor left ---- */

/* Valgrind keeps the limit for itself. */
#define NO_LIMIT 77

static int files_in_child(void *arg)
{
    const struct rlimit few = {40, 40};
    thrum_server *server;
    struct client client;
    int hoard[64];
    int n = 0;

    (void)arg;
    if (setrlimit(RLIMIT_NOFILE, &few) != 0)
        return NO_LIMIT;
    CHECK_INT(thrum_hub_open(NULL), 0);
    CHECK_INT(thrum_stream_server_new("127.0.0.1:0", echo, NULL, NULL, &server),
              0);
    client = client_of(server);
    client.fd = thrum_socket(AF_INET, SOCK_STREAM, 0);
    CHECK_INT(
        connect(client.fd, (struct sockaddr *)&client.there, client.length),
        0); /* by the kernel: the server had no turn yet */
    while (n < 64) {
        hoard[n] = dup(0);
        if (hoard[n] < 0)
            break;
        n++;
    }
    CHECK_INT(thrum_write_all(client.fd, "hello", 5, THRUM_FOREVER), 0);
    while (counts_of(server).waits < 2)
        CHECK_INT(thrum_sleep(thrum_in_ms(1)), 0);
    CHECK_INT(counts_of(server).total, 0);
    while (n > 0)
        close(hoard[--n]);
    client.result = thrum_read(client.fd, &(char[5]){0}, 5, THRUM_FOREVER);
    CHECK_INT(client.result, 5);
    client_close(&client);
    CHECK_INT(thrum_server_stop(server, THRUM_FOREVER), 0);
    thrum_server_free(server);
    return 0;
}

TEST(without_descriptors_it_waits_and_then_goes_on)
{
    int rc = in_child(files_in_child, NULL);

    if (rc == NO_LIMIT)
        TEST_SKIP("the limit cannot be set here");
    assert_int_equal(rc, 0);
}

/* ---- datagrams ---- */

static void echo_datagram(const thrum_datagram *datagram, void *arg)
{
    (void)arg;
    CHECK_INT(thrum_sendto(datagram->fd, datagram->data, datagram->size, 0,
                           datagram->from, datagram->from_length,
                           THRUM_FOREVER),
              (long)datagram->size);
}

TEST(a_greenlet_serves_each_datagram)
{
    thrum_server *server = NULL;
    struct client client;
    unsigned n = test_scale(200);

    assert_int_equal(thrum_datagram_server_new("127.0.0.1:0", echo_datagram,
                                               NULL, NULL, &server),
                     0);
    client = client_of(server);
    client.fd = thrum_socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(thrum_connect(client.fd, (struct sockaddr *)&client.there,
                                   client.length, THRUM_FOREVER),
                     0);
    for (unsigned i = 0; i < n; i++) {
        unsigned answer = 0;

        assert_int_equal(thrum_send(client.fd, &i, sizeof(i), 0, THRUM_FOREVER),
                         sizeof(i));
        assert_int_equal(
            thrum_recv(client.fd, &answer, sizeof(answer), 0, THRUM_FOREVER),
            sizeof(answer));
        assert_int_equal(answer, i);
    }
    client_close(&client);
    assert_int_equal(counts_of(server).total, n);
    assert_int_equal(thrum_server_stop(server, THRUM_FOREVER), 0);
    thrum_server_free(server);
}

TEST_MAIN("server")
