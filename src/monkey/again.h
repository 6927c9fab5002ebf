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

#include <thrum/base.h>

/* Calls fn(arg) until it gives anything but -EAGAIN, which is the result; or the
 * code of a sleep that was ended, -EINTR by a signal handler among them. */
int64_t thrumi_again(int64_t (*fn)(void *arg), void *arg);

/* The same with something else in place of a sleep: it ends at the latest at a
 * time, and returns a code, of which -ETIMEDOUT at that time goes on. */
typedef int thrumi_again_pause(void *arg, thrum_time end);
int64_t thrumi_again_with(int64_t (*fn)(void *arg), thrumi_again_pause *pause,
                          void *arg);

#endif /* THRUMI_MONKEY_AGAIN_H */
