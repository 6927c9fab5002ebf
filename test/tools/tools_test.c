/* SPDX-License-Identifier: MIT */
/*
 * test/tools/tools_test.c - do the tools see what is on our stacks?
 *
 * Each test runs the program `planted` as a child, with the options of its
 * tool, and reads what it writes: a bug must be reported by its name and
 * that of the function which has it; what is right must not be reported.
 *
 * Which tests run depends on the build: those of a sanitizer where it is in,
 * those of Valgrind where there is none and the program is installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "thrum_test.h"

#define NO_ASAN     "this build is not with AddressSanitizer"
#define NO_TSAN     "this build is not with ThreadSanitizer"
#define NO_VALGRIND "there is no Valgrind for programs of this build"

/* What a child has said, and how it ended: its exit code, or 128 + signal. */
struct report {
    int status;
    size_t length;
    char text[256 * 1024];
};

static struct report report;

static void report_read(int fd)
{
    ssize_t n;

    report.length = 0;
    do {
        size_t room = sizeof(report.text) - 1 - report.length;

        n = read(fd, report.text + report.length, room);
        if (n > 0)
            report.length += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    report.text[report.length] = '\0';
}

/* Runs a program with this variable set; NULL: none. */
static void report_of(char *const *argv, const char *variable,
                      const char *value)
{
    int ends[2];
    pid_t child;
    int status;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (variable != NULL)
            setenv(variable, value, 1);
        execvp(argv[0], argv);
        _exit(126);
    }
    close(ends[1]);
    report_read(ends[0]);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    report.status =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void planted(const char *name, const char *variable, const char *value)
{
    char *argv[] = {(char[]){PLANTED}, (char *)(uintptr_t)name, NULL};

    report_of(argv, variable, value);
}

/* The report tells of a bug of this name, in this function. */
static void assert_reported(const char *bug, const char *function)
{
    if (report.status == 0 || strstr(report.text, bug) == NULL ||
        strstr(report.text, function) == NULL)
        fail_msg("no \"%s\" in %s was reported, but (%d):\n%s", bug, function,
                 report.status, report.text);
}

static void assert_clean(void)
{
    if (report.status != 0 || report.length != 0)
        fail_msg("status %d, and was said:\n%s", report.status, report.text);
}

/* ---- AddressSanitizer ---- */

#define ASAN        "abort_on_error=0:exitcode=23:detect_leaks=0:"
#define FAKE_STACKS ASAN "detect_stack_use_after_return=1"
#define REAL_STACKS ASAN "detect_stack_use_after_return=0"

static const char *const stack_options[] = {FAKE_STACKS, REAL_STACKS};

static void assert_asan_reports(const char *name, const char *bug,
                                const char *function)
{
    for (int i = 0; i < 2; i++) {
        planted(name, "ASAN_OPTIONS", stack_options[i]);
        assert_reported(bug, function);
    }
}

static void assert_asan_clean(const char *name)
{
    for (int i = 0; i < 2; i++) {
        planted(name, "ASAN_OPTIONS", stack_options[i]);
        assert_clean();
    }
}

TEST(asan_sees_an_overflow_on_a_greenlets_stack)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    assert_asan_reports("overflow_on_greenlet", "stack-buffer-overflow",
                        "planted_overflow");
}

TEST(asan_sees_an_overflow_on_a_generators_stack)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    assert_asan_reports("overflow_on_generator", "stack-buffer-overflow",
                        "planted_overflow");
}

TEST(asan_sees_a_use_after_return_on_a_greenlet)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    planted("after_return", "ASAN_OPTIONS", FAKE_STACKS);
    assert_reported("stack-use-after-return", "planted_use_after_return");
}

TEST(asan_sees_a_use_after_free_on_a_greenlet)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    assert_asan_reports("after_free", "heap-use-after-free",
                        "planted_use_after_free");
}

TEST(asan_has_nothing_to_say_of_what_is_right)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    assert_asan_clean("clean");
    assert_asan_clean("no_race");
}

TEST(asan_has_nothing_to_say_of_stacks_that_were_left_without_a_return)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    assert_asan_clean("abandoned");
}

/* ---- LeakSanitizer ---- */

#define LEAKS "exitcode=23:detect_leaks=1:detect_stack_use_after_return=0"

/* It stops the process by ptrace(2), which a container may forbid. */
static bool lsan_cannot_run(void)
{
    return strstr(report.text, "LeakSanitizer has encountered a fatal") != NULL;
}

TEST(lsan_sees_a_block_that_nobody_points_to)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    planted("leak_lost", "ASAN_OPTIONS", LEAKS);
    if (lsan_cannot_run())
        TEST_SKIP("LeakSanitizer cannot run here");
    assert_reported("detected memory leaks", "planted_leak");
    assert_non_null(strstr(report.text, "1234 byte(s) leaked in 1 alloc"));
}

TEST(lsan_sees_that_a_suspended_greenlet_points_to_a_block)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    planted("leak_held", "ASAN_OPTIONS", LEAKS);
    if (lsan_cannot_run())
        TEST_SKIP("LeakSanitizer cannot run here");
    assert_clean();
}

TEST(lsan_has_nothing_to_say_of_what_is_right)
{
    if (!TEST_ASAN)
        TEST_SKIP(NO_ASAN);
    planted("clean", "ASAN_OPTIONS", LEAKS);
    if (lsan_cannot_run())
        TEST_SKIP("LeakSanitizer cannot run here");
    assert_clean();
}

/* ---- ThreadSanitizer ---- */

#define TSAN "halt_on_error=1:exitcode=66:second_deadlock_stack=1"

TEST(tsan_sees_a_race_of_a_greenlet_and_a_thread)
{
    if (!TEST_TSAN)
        TEST_SKIP(NO_TSAN);
    planted("race", "TSAN_OPTIONS", TSAN);
    assert_reported("data race", "planted_race");
}

TEST(tsan_has_nothing_to_say_of_greenlets_of_one_thread)
{
    if (!TEST_TSAN)
        TEST_SKIP(NO_TSAN);
    planted("no_race", "TSAN_OPTIONS", TSAN);
    assert_clean();
}

TEST(tsan_has_nothing_to_say_of_what_is_right)
{
    if (!TEST_TSAN)
        TEST_SKIP(NO_TSAN);
    planted("clean", "TSAN_OPTIONS", TSAN);
    assert_clean();
}

/* ---- Valgrind ---- */

static void planted_in_valgrind(const char *name)
{
    char *argv[] = {(char[]){"valgrind"},
                    (char[]){"-q"},
                    (char[]){"--error-exitcode=99"},
                    (char[]){PLANTED},
                    (char *)(uintptr_t)name,
                    NULL};

    report_of(argv, NULL, NULL);
}

/* Does it run the program at all, up to the words on how to use it? Of version
 * 3.19 clang's debug information is the end. */
static bool valgrind_is_here(void)
{
    if (TEST_ASAN || TEST_TSAN)
        return false;
    planted_in_valgrind("");
    return report.status == 2 && strstr(report.text, "usage: ") != NULL;
}

TEST(valgrind_sees_what_was_never_written_on_a_greenlets_stack)
{
    if (!valgrind_is_here())
        TEST_SKIP(NO_VALGRIND);
    planted_in_valgrind("uninitialised");
    assert_int_equal(report.status, 99);
    assert_reported("depends on uninitialised value", "planted_uninitialised");
}

TEST(valgrind_sees_a_use_after_free_on_a_greenlet)
{
    if (!valgrind_is_here())
        TEST_SKIP(NO_VALGRIND);
    planted_in_valgrind("after_free");
    assert_int_equal(report.status, 99);
    assert_reported("Invalid write", "planted_use_after_free");
}

/* Not even that the client seems to switch stacks. */
TEST(valgrind_has_nothing_to_say_of_what_is_right)
{
    static const char *const names[] = {"clean", "no_race", "abandoned"};

    if (!valgrind_is_here())
        TEST_SKIP(NO_VALGRIND);
    for (int i = 0; i < 3; i++) {
        planted_in_valgrind(names[i]);
        assert_clean();
    }
}

/* ---- in every build ---- */

TEST(what_is_right_works)
{
    planted("clean", NULL, NULL);
    assert_clean();
    planted("no_race", NULL, NULL);
    assert_clean();
}

TEST(stacks_that_were_left_without_a_return_are_used_again)
{
    if (TEST_TSAN)
        TEST_SKIP("TSan has no pthread_exit() on another stack");
    planted("abandoned", NULL, NULL);
    assert_clean();
}

TEST_MAIN("tools")
