/* SPDX-License-Identifier: MIT */
/*
 * test/monkey/cases.h - one case per hook, run in several ways.
 *
 * A case is a function that makes a call which has to wait, and checks what it
 * returns. What it waits for is done by somebody beside it: a greenlet of the
 * same thread if the case runs in a greenlet, else another thread. So a hook that
 * blocks its thread hangs, and the watchdog tells where.
 *
 *     CASE(recv)
 *     {
 *         struct ends ends = ends_of_stream();
 *         struct beside *writer = beside(write_hello, &ends);
 *         char text[5];
 *
 *         CHECK_INT(recv(ends.here, text, 5, 0), 5);
 *         beside_end(writer);
 *         ends_close(&ends);
 *     }
 *
 * A case checks with CHECK only. Each runs unpatched in a thread, patched in a
 * thread without a hub, and patched in a greenlet.
 */
#ifndef TEST_MONKEY_CASES_H
#define TEST_MONKEY_CASES_H

#include <stdbool.h>

#include <thrum.h>
#include <thrum/monkey.h>

#include "thrum_test.h"

#define CASE(name)       \
 void case_##name(void); \
 void case_##name(void)

typedef void case_fn(void);

/* Does the case run in a greenlet? */
bool case_in_greenlet(void);

/* Runs fn(arg) beside the case; the end waits for it. A greenlet begins when the
 * case waits first. */
struct beside;
struct beside *beside(thrum_fn *fn, void *arg);
void beside_end(struct beside *one);

/* Two connected ends. */
struct ends {
    int here;
    int there;
};

struct ends ends_of(int type); /* of AF_UNIX */
struct ends ends_of_stream(void);
struct ends ends_of_pipe(void); /* here reads, there writes */
void ends_close(struct ends *ends);

/* Reads "hello" from here, which waits until it is written there; closes both. */
typedef ssize_t case_read_fn(int fd, void *into, size_t n);
void case_of_reading(struct ends ends, case_read_fn *fn);

/* Runs the case in each way; for hooks_test.c. */
void case_run_plain(case_fn *fn);
void case_run_outside(case_fn *fn);
void case_run_in_greenlet(case_fn *fn);

/* ---- for tests of rules ---- */

/* A test that runs in a greenlet, patched: CHECK only. */
#define TEST_GREEN(name)              \
 static void green_##name(void);      \
 TEST(name)                           \
 {                                    \
  case_run_in_greenlet(green_##name); \
 }                                    \
 static void green_##name(void)

/* Patches everything, and puts it back. */
void case_patch(void);
void case_unpatch(void);

/* Spawns a greenlet with a stack that libc's functions fit on; waits for one that
 * is to return, and drops it. */
thrum_future *case_spawn(thrum_fn *fn, void *arg);
void case_await(thrum_future *future);
/* Runs fn(arg) as a greenlet, patched. */
void case_run_task(thrum_fn *fn, void *arg);

#endif /* TEST_MONKEY_CASES_H */
