/* SPDX-License-Identifier: MIT */
/*
 * test/support/thrum_test.c - registers and runs the tests of a program.
 */
#include "thrum_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <thrum/hub.h>

#include "support.h"

#define TEST_MOST 1500

/* Per cent of the usual amount of work; the build says less for sanitizers. */
#ifndef THRUM_TEST_SCALE
# define THRUM_TEST_SCALE (TEST_ASAN || TEST_TSAN ? 10 : 100)
#endif

/* A leak grows in each of so many runs of a test, a cache does not. The one that
 * takes longest to fill is that of the offload pool: 16 lanes, of which a run
 * with one new thread fills one, and a place for each worker. */
#define TEST_LEAK_RUNS 24

static struct {
    struct CMUnitTest tests[TEST_MOST];
    test_fn *functions[TEST_MOST];
    size_t count;
    pid_t process;             /* that runs the tests; not a child of it */
    unsigned percent;          /* of the usual amount of work */
    unsigned runs;             /* of each test, at least */
    atomic_uint checks_failed; /* in all */
    unsigned checks_before;    /* of checks_failed, at the test's start */
} registry;

#if TEST_TSAN
/* Tests fork with threads around, on purpose. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}
#endif

#if TEST_ASAN
/* LeakSanitizer asks before it looks. In a forked child the parent's other
 * threads are gone, and what only they held looks lost. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return registry.process != 0 && registry.process != getpid();
}
#endif

unsigned test_checks_failed(void)
{
    return atomic_load_explicit(&registry.checks_failed, memory_order_relaxed);
}

bool test_check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "# %s:%d: check failed: %s\n", file, line, what);
    atomic_fetch_add_explicit(&registry.checks_failed, 1, memory_order_relaxed);
    return false;
}

bool test_check_int(const char *file, int line, const char *what, long got,
                    long expected)
{
    if (got == expected)
        return true;
    fprintf(stderr, "# %s:%d: %s is %ld, not %ld\n", file, line, what, got,
            expected);
    return test_check_failed(file, line, what);
}

void test_skipped(const char *file, int line, const char *why)
{
    /* tools/count_tests.py takes it for the test whose line comes next */
    printf("# %s:%d: skipped: %s\n", file, line, why);
}

unsigned test_scale(unsigned n)
{
    uint64_t scaled = (uint64_t)n * registry.percent / 100;

    return scaled > 0 ? (unsigned)scaled : 1;
}

/* What others have left for this thread's hub to do is done: to close what they
 * closed while the hub knew it, for one. */
static void test_settle(void)
{
    faulty_alloc_fail_nth(0);
    engine_hub();
    (void)!thrum_hub_turn(THRUM_NOW);
}

/* One run. How many of the library's blocks, and of descriptors, which a hub
 * keeps some of, there are more than before. */
static long test_run_once(test_fn *fn)
{
    struct leak_counts before;
    struct leak_counts after;

    test_settle();
    leak_count(&before);
    fn();
    test_settle();
    if (test_checks_failed() != registry.checks_before)
        fail_msg("checks failed: %u",
                 test_checks_failed() - registry.checks_before);
    leak_await_threads(before.threads);
    leak_count(&after);
    assert_true(after.descriptors >= before.descriptors);
    assert_true(leak_no_children());
    if (after.descriptors > before.descriptors)
        return (long)(after.descriptors - before.descriptors);
    return (long)after.blocks - (long)before.blocks;
}

static void test_run(void **state)
{
    test_fn *const *fn = *state;
    long grown[TEST_LEAK_RUNS];

    registry.checks_before = test_checks_failed();
    for (unsigned i = 0; i < TEST_LEAK_RUNS; i++) {
        grown[i] = test_run_once(*fn);
        if (grown[i] <= 0 && i + 1 >= registry.runs)
            return;
    }
    fail_msg("leaks: %ld, %ld, %ld, %ld, ... blocks or descriptors more after "
             "each run",
             grown[0], grown[1], grown[2], grown[3]);
}

void test_register(const char *name, test_fn *fn)
{
    size_t i = registry.count;
    struct CMUnitTest test = {name, test_run, NULL, NULL,
                              &registry.functions[i]};

    if (i == TEST_MOST) {
        fprintf(stderr, "# more than %d tests in a file\n", TEST_MOST);
        abort();
    }
    registry.functions[i] = fn;
    registry.tests[i] = test;
    registry.count++;
}

static unsigned test_number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    int number = text != NULL ? atoi(text) : 0;

    return number > 0 ? (unsigned)number : otherwise;
}

int test_main(const char *file, int argc, char **argv)
{
    unsigned seconds = TEST_ASAN || TEST_TSAN ? 300 : 60;

    if (!engine_prepare()) /* before there are threads */
        return 0;
    registry.process = getpid();
    registry.percent = test_number("THRUM_TEST_SCALE", THRUM_TEST_SCALE);
    registry.runs = test_number("THRUM_TEST_RUNS", 1);
    seconds = test_number("THRUM_TEST_TIMEOUT", seconds);
    /* a stress test lasts as long as it is told to, and is run again when
     * memory has grown */
    seconds += test_number("THRUM_STRESS_SECONDS", 0) * (TEST_LEAK_RUNS + 1);
    watchdog_start(file, seconds);
    faulty_alloc_install();
    if (getenv("CMOCKA_MESSAGE_OUTPUT") == NULL)
        cmocka_set_message_output(CM_OUTPUT_TAP);
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    /* the function behind cmocka_run_group_tests_name(), whose macro wants an
     * array of known length */
    return _cmocka_run_group_tests(file, registry.tests, registry.count, NULL,
                                   NULL);
}
