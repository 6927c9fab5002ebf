/* SPDX-License-Identifier: MIT */
/*
 * monkey/request.h - one GET by libcurl, as all clients in C make it.
 *
 *     struct request request;
 *     request_init(&request);
 *     request_check(&request, curl_easy_perform(request.curl));
 *
 * Each has a connection of its own, which leaves nothing behind. An answer that
 * is not "hello" with status 200 ends the process.
 */
#ifndef BENCH_MONKEY_REQUEST_H
#define BENCH_MONKEY_REQUEST_H

#include <curl/curl.h>

/* For thrum's greenlets and for threads. Without TLS libcurl is content with
 * less; this is what the command `thrum` gives a transfer. */
#define REQUEST_STACK (256 * 1024)

#define REQUEST_ROOM 64

struct request {
    CURL *curl;
    size_t size;
    char body[REQUEST_ROOM];
};

/* Once, in the thread that makes them. */
void request_begin(void);

/* It does not move from here to request_check(), which frees what it has. */
void request_init(struct request *request);
void request_check(struct request *request, CURLcode code);

#endif /* BENCH_MONKEY_REQUEST_H */
