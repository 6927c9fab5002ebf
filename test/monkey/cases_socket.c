/* SPDX-License-Identifier: MIT */
/*
 * cases_socket.c - sockets and pipes.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cases.h"

static void *write_hello(void *arg)
{
    const struct ends *ends = arg;

    CHECK_INT(write(ends->there, "hello", 5), 5);
    return NULL;
}

CASE(recv)
{
    struct ends ends = ends_of_stream();
    struct beside *writer = beside(write_hello, &ends);
    char text[5] = "";

    CHECK_INT(recv(ends.here, text, 5, MSG_WAITALL), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    beside_end(writer);
    ends_close(&ends);
}

CASE(read)
{
    struct ends ends = ends_of_pipe();
    struct beside *writer = beside(write_hello, &ends);
    char text[5] = "";

    CHECK_INT(read(ends.here, text, 5), 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    beside_end(writer);
    ends_close(&ends);
}
