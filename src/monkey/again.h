/* SPDX-License-Identifier: MIT */
/*
 * monkey/again.h - what nothing tells of is tried again and again.
 *
 * For locks on files and the like, which have no readiness to wait for: a
 * greenlet tries, and sleeps for 1 ms, 2, 4, 8 and then 10 between the tries.
 */
#ifndef THRUMI_MONKEY_AGAIN_H
#define THRUMI_MONKEY_AGAIN_H

#include <stdint.h>

/* Calls fn(arg) until it gives anything but -EAGAIN, which is the result; or the
 * code of a sleep that was ended. */
int64_t thrumi_again(int64_t (*fn)(void *arg), void *arg);

#endif /* THRUMI_MONKEY_AGAIN_H */
