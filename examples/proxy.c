/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - a proxy that passes on what comes, both ways, with deadlines.
 *
 * Each connection has two greenlets, one for each way. A way that is silent for
 * too long ends, and a connection that lasts too long does, whatever it is
 * doing: the block with a deadline bounds every wait in it.
 */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

/* doc: way */
struct way {
    int from;
    int to;
};

static void *pass_on(void *arg)
{
    struct way *way = arg;
    char buffer[4096];
    int64_t n;

    while ((n = thrum_read(way->from, buffer, sizeof(buffer), thrum_in_s(30))) >
           0)
        if (thrum_write_all(way->to, buffer, (size_t)n, thrum_in_s(30)) != 0)
            break;
    thrum_shutdown(way->to, SHUT_WR); /* the end is passed on too */
    return NULL;
}
/* doc: end */

/* doc: proxy */
static void proxy(int client, void *address)
{
    THRUM_WITH_DEADLINE(whole, thrum_in_s(600)) {
        int server = thrum_connect_to(address, thrum_in_s(5));
        struct way there = {client, server}, back = {server, client};
        thrum_future *other;

        if (server < 0)
            break;
        if (thrum_spawn(pass_on, &there, 0, &other) == 0) {
            pass_on(&back);
            THRUM_SHIELD /* it uses this frame: wait for it in any case */
            {
                CHECK(thrum_kill_all(&other, 1, THRUM_FOREVER));
            }
            thrum_future_unref(other);
        }
        thrum_close(server);
    }
}
/* doc: end */

static void shout(int fd, void *arg)
{
    char text[64];
    int64_t n;

    (void)arg;
    while ((n = thrum_read(fd, text, sizeof(text), thrum_in_s(30))) > 0) {
        for (int64_t i = 0; i < n; i++)
            if (text[i] >= 'a' && text[i] <= 'z')
                text[i] = (char)(text[i] - 'a' + 'A');
        if (thrum_write_all(fd, text, (size_t)n, thrum_in_s(30)) != 0)
            break;
    }
}

static void name_of(const thrum_server *server, char *text, size_t room)
{
    struct sockaddr_in here;
    unsigned length = sizeof(here);

    CHECK(thrum_server_address(server, (struct sockaddr *)&here, &length));
    snprintf(text, room, "localhost:%d", ntohs(here.sin_port));
}

int main(void)
{
    thrum_server *behind, *front;
    char behind_at[32], front_at[32];
    char answer[64] = "";
    int fd;

    CHECK(thrum_stream_server_new("127.0.0.1:0", shout, NULL, NULL, &behind));
    name_of(behind, behind_at, sizeof(behind_at));
    CHECK(
        thrum_stream_server_new("127.0.0.1:0", proxy, behind_at, NULL, &front));
    name_of(front, front_at, sizeof(front_at));
    fd = CHECK(thrum_connect_to(front_at, thrum_in_s(5)));
    CHECK(thrum_write_all(fd, "through the proxy", 17, thrum_in_s(5)));
    CHECK((int)thrum_recv(fd, answer, 17, MSG_WAITALL, thrum_in_s(5)));
    printf("%s\n", answer);
    thrum_close(fd);
    CHECK(thrum_server_stop(front, thrum_in_s(10)));
    CHECK(thrum_server_stop(behind, thrum_in_s(10)));
    thrum_server_free(front);
    thrum_server_free(behind);
    return 0;
}
