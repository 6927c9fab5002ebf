/* SPDX-License-Identifier: MIT */
/*
 * test/monkey/names.h - a libc whose answers come when the test says so.
 *
 * The library libmonkey-names comes before libc. What it defines waits, asked
 * for a name that begins with "later.", until names_open() was called, and then
 * asks libc for the rest of the name. NAMES_LATER + n is such a user or group,
 * and 127.9.9.9 such an address. Calls of res_query() and its like always wait,
 * and are answered with NAMES_ANSWER.
 */
#ifndef TEST_MONKEY_NAMES_H
#define TEST_MONKEY_NAMES_H

#include <pthread.h>

#define NAMES_LATER  1000000u
#define NAMES_ANSWER "an answer of 24 letters."

/* Makes what is asked later wait from now on, until it is opened. */
void names_close(void);
/* The argument is not used: it can run beside a case. */
void *names_open(void *arg);

/* How many calls wait now. */
unsigned names_waiting(void);
/* The thread that made the last call. */
pthread_t names_thread(void);

/* Fails the n-th request for memory of this thread from now on, Thrum's and
 * libc's; 0 fails none. Returns the number that was set, less the requests since:
 * 0 if it has failed. */
unsigned names_fail_memory(unsigned nth);

#endif /* TEST_MONKEY_NAMES_H */
