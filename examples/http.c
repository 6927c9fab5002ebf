/* SPDX-License-Identifier: MIT */
/*
 * http.c - a small HTTP/1.1 server: http-parser reads, a greenlet answers.
 *
 * The parser calls back when a request is whole; the answer is written from
 * there, for in a greenlet a callback may wait as anything else may.
 */
#include <http_parser.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "check.h"

/* doc: request */
struct request {
    int fd;
    char url[256];
    size_t length;
    int rc; /* of the last answer */
};

static int on_begin(http_parser *parser)
{
    struct request *request = parser->data;

    request->length = 0;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t n)
{
    struct request *request = parser->data;

    if (request->length + n >= sizeof(request->url))
        return -1; /* the parser stops */
    memcpy(request->url + request->length, at, n);
    request->length += n;
    return 0;
}

static int on_complete(http_parser *parser)
{
    struct request *request = parser->data;
    bool keep = http_should_keep_alive(parser) != 0;
    char text[512];
    int n = snprintf(text, sizeof(text),
                     "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s\r\n%.*s",
                     request->length, keep ? "" : "Connection: close\r\n",
                     (int)request->length, request->url);

    request->rc = thrum_write_all(request->fd, text, (size_t)n, thrum_in_s(30));
    return request->rc != 0 || !keep ? -1 : 0;
}
/* doc: end */

/* doc: serve */
static void serve(int fd, void *arg)
{
    const http_parser_settings settings = {.on_message_begin = on_begin,
                                           .on_url = on_url,
                                           .on_message_complete = on_complete};
    struct request request = {.fd = fd};
    http_parser parser;
    char data[4096];
    int64_t n;

    (void)arg;
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &request;
    while ((n = thrum_read(fd, data, sizeof(data), thrum_in_s(30))) > 0) {
        http_parser_execute(&parser, &settings, data, (size_t)n);
        if (HTTP_PARSER_ERRNO(&parser) != HPE_OK)
            break;
    }
}
/* doc: end */

/* One connection, two requests at once, the last one says so. */
static void ask(const thrum_server *server)
{
    static const char requests[] = "GET /one HTTP/1.1\r\nHost: here\r\n\r\n"
                                   "GET /two HTTP/1.1\r\nHost: here\r\n"
                                   "Connection: close\r\n\r\n";
    struct sockaddr_in here;
    unsigned length = sizeof(here);
    char address[32];
    thrum_reader *reader;
    const char *line;
    int64_t n;
    int fd;

    CHECK(thrum_server_address(server, (struct sockaddr *)&here, &length));
    snprintf(address, sizeof(address), "127.0.0.1:%d", ntohs(here.sin_port));
    fd = CHECK(thrum_connect_to(address, thrum_in_s(5)));
    CHECK(thrum_write_all(fd, requests, strlen(requests), thrum_in_s(5)));
    CHECK(thrum_reader_new(fd, NULL, &reader));
    while ((n = thrum_reader_line(reader, thrum_in_s(5), &line)) >= 0)
        printf("%.*s\n", (int)n, line);
    thrum_reader_free(reader);
    thrum_close(fd);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "127.0.0.1:0";
    thrum_server *server;

    CHECK(thrum_stream_server_new(address, serve, NULL, NULL, &server));
    if (argc > 1) /* http 127.0.0.1:8080: until it is interrupted */
        CHECK(thrum_sleep(THRUM_FOREVER));
    ask(server);
    CHECK(thrum_server_stop(server, thrum_in_s(10)));
    thrum_server_free(server);
    return 0;
}
