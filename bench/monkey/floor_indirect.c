/* SPDX-License-Identifier: MIT */
/*
 * monkey/floor_indirect.c - an empty function, called by a pointer.
 */
#include <sys/socket.h>

#include "net/harness.h"

/* Volatile: nobody may know which one it is, and call it directly. */
static int (*volatile floor_fn)(int, struct mmsghdr *, unsigned,
                                int) = sendmmsg;

static void floor_calls(long n)
{
    int (*fn)(int, struct mmsghdr *, unsigned, int) = floor_fn;

    for (long i = 0; i < n; i++)
        if (fn(-1, NULL, 0, 0) != 0)
            bench_die("an empty function");
}

const struct bench_peer bench_peer = {
    .outside = floor_calls,
};
