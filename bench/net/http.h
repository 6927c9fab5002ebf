/* SPDX-License-Identifier: MIT */
/*
 * net/http.h - as much of HTTP/1.1 as a server needs that always says hello.
 *
 * A request's head is read as a server must: a line of three words, lines with
 * a colon, an empty line. The client sends no bodies, and no head in pieces.
 */
#ifndef BENCH_NET_HTTP_H
#define BENCH_NET_HTTP_H

#include "net/harness.h"

#define BENCH_HELLO "hello\n" /* the body */

/* The bench_answer of it. */
struct bench_bytes http_answer(const char *data, size_t size);

#endif /* BENCH_NET_HTTP_H */
