/* SPDX-License-Identifier: MIT */
/*
 * net/http.c - reads heads of requests.
 */
#include "net/http.h"

#include <string.h>

static const char http_hello[] = "HTTP/1.1 200 OK\r\n"
                                 "Content-Type: text/plain\r\n"
                                 "Content-Length: 6\r\n"
                                 "\r\n" BENCH_HELLO;

/* The end of the line at p, behind its line feed. */
static const char *http_line(const char *p, const char *end, char has)
{
    const char *feed = memchr(p, '\n', (size_t)(end - p));

    if (!feed || feed == p || feed[-1] != '\r')
        bench_die("a line of HTTP");
    if (has && !memchr(p, has, (size_t)(feed - p)))
        bench_die("a header of HTTP");
    return feed + 1;
}

static const char *http_head(const char *p, const char *end)
{
    p = http_line(p, end, ' ');
    while (p < end && *p != '\r')
        p = http_line(p, end, ':');
    return http_line(p, end, 0);
}

struct bench_bytes http_answer(const char *data, size_t size)
{
    if (http_head(data, data + size) != data + size)
        bench_die("one request of HTTP");
    return (struct bench_bytes){http_hello, sizeof http_hello - 1};
}
