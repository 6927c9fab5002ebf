/* SPDX-License-Identifier: MIT */
/*
 * test/support/thrum_test.h - what every test program stands on.
 *
 * A test file is a list of tests and one line for main:
 *
 *     TEST(F5_cancel_of_a_running_future_is_false)
 *     {
 *         assert_false(thrum_future_cancel(f));
 *     }
 *
 *     TEST_MAIN("future")
 *
 * Tests run in the order written; an argument is a pattern of the names to run.
 * A test whose name begins with a rule (F5) is a test of that rule.
 *
 * Around each test descriptors, children, threads and the library's memory are
 * counted, and must be back where they were. The library keeps memory for
 * reuse, and a hub has descriptors of its own, so a test after which there is
 * more is run again: a leak grows each time, a cache does not. Hence a test must be able to run several times in
 * one process.
 *
 * cmocka's assertions jump to the start of the test, which is right only on
 * the test's own thread. Everywhere else: CHECK, which is counted, and fails
 * the test at its end.
 *
 * A file that hangs is ended by a watchdog that prints all stacks.
 *
 * Environment: THRUM_TEST_TIMEOUT (seconds per file), THRUM_TEST_SCALE
 * (per cent of the usual amount of work).
 */
#ifndef THRUM_TEST_H
#define THRUM_TEST_H

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
# define TEST_ASAN 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define TEST_ASAN 1
# endif
#endif
#if defined(__SANITIZE_THREAD__)
# define TEST_TSAN 1
#elif defined(__has_feature)
# if __has_feature(thread_sanitizer)
#  define TEST_TSAN 1
# endif
#endif
#ifndef TEST_ASAN
# define TEST_ASAN 0
#endif
#ifndef TEST_TSAN
# define TEST_TSAN 0
#endif

/* ---- tests ---- */

typedef void test_fn(void);

/* The priority keeps them in the order written, which a compiler that sees the
 * whole program might turn round. */
#define TEST(name)                                                           \
 static void test_##name(void);                                              \
 __attribute__((                                                             \
     constructor(1000 + __LINE__))) static void test_##name##_register(void) \
 {                                                                           \
  test_register(#name, test_##name);                                         \
 }                                                                           \
 static void test_##name(void)

#define TEST_MAIN(file)               \
 int main(int argc, char **argv)      \
 {                                    \
  return test_main(file, argc, argv); \
 }

void test_register(const char *name, test_fn *fn);
int test_main(const char *file, int argc, char **argv);

/* Ends a test that cannot run here, saying why. (cmocka's skip() is "not ok" in
 * the TAP of version 1.1.5.) */
#define TEST_SKIP(why)                   \
 do {                                    \
  test_skipped(__FILE__, __LINE__, why); \
  return;                                \
 } while (0)

void test_skipped(const char *file, int line, const char *why);

/* Ends a test that an emulator of a processor cannot run, for one of its
 * reasons. */
#define TEST_SKIP_EMULATED(why) \
 do {                           \
  if (test_emulated())          \
   TEST_SKIP(why);              \
 } while (0)

/* What qemu-user fails in: it dies when a forked child makes a thread, */
#define NO_THREADS_IN_CHILD "the emulator makes no threads in a child"
/* has a thread of its own, which looks like one that could wake somebody, */
#define MORE_THREADS "the emulator has a thread that is not the program's"
/* and what /proc tells of a thread is the emulator's doing, not the program's. */
#define OTHER_CALLS "the emulator's calls and stacks are not the program's"

/* Translating a program takes it longer than what some tests call long. */
#define SLOW_AT_TIMES "the emulator holds up threads by itself"

bool test_emulated(void);

/* How much work: `n`, or its part under sanitizers or THRUM_TEST_SCALE; never
 * less than 1. */
unsigned test_scale(unsigned n);

/* ---- checks, from any thread and from forked children ---- */

#define CHECK(condition) \
 ((condition) ? true : test_check_failed(__FILE__, __LINE__, #condition))
#define CHECK_INT(got, expected) \
 test_check_int(__FILE__, __LINE__, #got, (got), (expected))

bool test_check_failed(const char *file, int line, const char *what);
bool test_check_int(const char *file, int line, const char *what, long got,
                    long expected);

/* ---- memory that the library takes ---- */

/* Blocks that are live now, and all that were ever taken. */
size_t test_live_blocks(void);
size_t test_taken_blocks(void);

/* Fails the n-th allocation from now on; 0 fails none. */
void faulty_alloc_fail_nth(unsigned n);
/* Has it failed? */
bool faulty_alloc_fired(void);
/* For FOR_EACH_FAILURE: arms the n-th, unless the round before went without a
 * failure. */
bool faulty_alloc_step(unsigned n);

/* Runs what follows again and again: with the first allocation failing, the
 * second, and so on, up to the first round in which none has failed. Leave it
 * by `break` only after faulty_alloc_fail_nth(0). */
#define FOR_EACH_FAILURE(n) for (unsigned n = 1; faulty_alloc_step(n); n++)

/* ---- threads ---- */

/* A door: closed at first, or again; those who wait pass when it is open. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* guarded by lock: */
    bool open;
    bool reached; /* somebody has come to it */
};
#define GATE_INIT                                                   \
 {                                                                  \
  PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false \
 }

void gate_open(struct gate *gate);
void gate_close(struct gate *gate);
void gate_wait(struct gate *gate);
/* Waits until somebody waits for it, or has. */
void gate_await_visitor(struct gate *gate);
/* A task that waits for the gate that is its argument, and returns it. */
void *gate_task(void *gate);

/* Opens when it was counted down to 0. */
struct latch {
    pthread_mutex_t lock;
    pthread_cond_t zero;
    /* guarded by lock: */
    unsigned count;
};
#define LATCH_INIT(n)                                      \
 {                                                         \
  PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, (n) \
 }

void latch_down(struct latch *latch);
void latch_wait(struct latch *latch);

struct test_thread; /* opaque; ended by join_thread() */

/* Starts a thread; ends the program if there is none to be had. */
struct test_thread *spawn_thread(void *(*fn)(void *), void *arg);
/* Waits for its end; what it returned. */
void *join_thread(struct test_thread *thread);
/* Waits until it sleeps in the kernel, as one that waits for a future does. A
 * thread may sleep for other reasons: good for making a case likely. */
void thread_await_sleep(struct test_thread *thread);

void thread_signal(struct test_thread *thread, int number);

/* Gives the processor away until `condition` holds; the watchdog bounds it. */
#define WAIT_UNTIL(condition) \
 do {                         \
  while (!(condition))        \
   sched_yield();             \
 } while (0)

/* ---- processes ---- */

/* What a "stat" below /proc says: the letter of the state, and the parent. False
 * when there is none. */
bool proc_stat(const char *path, char *ret_state, int *ret_parent);

/* Calls fn(arg) in a forked child and waits for it. Returns what fn returned,
 * 0 to 100; 101 when a CHECK failed there; 128 + the signal that ended it. */
int in_child(int (*fn)(void *arg), void *arg);

#endif /* THRUM_TEST_H */
