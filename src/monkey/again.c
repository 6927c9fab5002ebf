/* SPDX-License-Identifier: MIT */
/*
 * monkey/again.c - tries with sleeps between them.
 */
#include "monkey/again.h"

#include <errno.h>

#include <thrum/green.h>

#define AGAIN_FIRST 1 /* ms */
#define AGAIN_MOST  10

int64_t thrumi_again(int64_t (*fn)(void *arg), void *arg)
{
    int64_t pause = AGAIN_FIRST;
    int64_t result = fn(arg);

    while (result == -EAGAIN) {
        int rc = thrum_sleep(thrum_in_ms(pause));

        if (rc < 0)
            return rc;
        pause = pause * 2 < AGAIN_MOST ? pause * 2 : AGAIN_MOST;
        result = fn(arg);
    }
    return result;
}
