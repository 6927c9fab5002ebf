/* SPDX-License-Identifier: MIT */
/*
 * test/api/overflow_test.c - what a stack overflow is told as.
 *
 * Each case is a child that dies of it, with a pipe for its standard error.
 * AddressSanitizer's own handler of SIGSEGV is told to stay out of this.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thrum.h>
#include <thrum/generator.h>
#include <thrum/greenlet.h>
#include <thrum/stack.h>

#include "thrum_test.h"

#define DIED_OF(number) (128 + (number))
/* AddressSanitizer keeps variables elsewhere. */
#define ON_THE_STACK __attribute__((noinline, no_sanitize("address")))

#if TEST_ASAN
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:handle_segv=0:use_sigaltstack=0";
}
#endif

/* ---- children ---- */

static char text[64 * 1024];

static int status_code(int status)
{
    return WIFSIGNALED(status) ? DIED_OF(WTERMSIG(status))
                               : WEXITSTATUS(status);
}

static void read_all(int fd)
{
    size_t n = 0;
    ssize_t got;

    while (n < sizeof(text) - 1 &&
           (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    close(fd);
}

/* cmocka has a handler, which jumps. */
static void begin_as_a_program(int error_fd)
{
    static const struct rlimit no_core = {0, 0};
    struct sigaction none = {.sa_handler = SIG_DFL};

    setrlimit(RLIMIT_CORE, &no_core);
    sigaction(SIGSEGV, &none, NULL);
    dup2(error_fd, STDERR_FILENO);
}

/* Runs fn(arg) in a child; how that ended. What it wrote is in `text`. */
static int child(void (*fn)(void *arg), void *arg)
{
    int ends[2];
    int status = 0;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        begin_as_a_program(ends[1]);
        fn(arg);
        _exit(0);
    }
    close(ends[1]);
    read_all(ends[0]);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status_code(status);
}

static bool wrote(const char *what)
{
    if (strstr(text, what) != NULL)
        return true;
    fprintf(stderr, "# no \"%s\" in:\n%s", what, text);
    return false;
}

/* ---- overflows ---- */

static volatile int sink;

/* Each frame keeps something that the next one writes. It never ends, which
 * the compiler must not see. */
__attribute__((noinline)) static int recurse(volatile char *above)
{
    volatile char here[200];

    here[0] = *above;
    if (sink == 0)
        above[1] = (char)recurse(here);
    return here[0] + above[1] + sink;
}

static void *recurses(void *arg)
{
    volatile char first[2] = {1, 1};

    return (void *)(intptr_t)recurse(first);
}

/* As large as the largest frames of the C library, and written at its far end
 * alone. */
ON_THE_STACK static int large_frame(void)
{
    volatile char frame[40 * 1024];

    frame[sink] = 1;
    return frame[sink];
}

/* Down to where the stack has less than that left, and no further. */
ON_THE_STACK static int descend(uintptr_t top, size_t size)
{
    volatile char here[512];

    here[0] = 1;
    if (top - (uintptr_t)here < size - 4096)
        return here[0] + descend(top, size);
    return here[0] + large_frame();
}

ON_THE_STACK static void *has_a_large_frame(void *arg)
{
    volatile char top = 0;

    return (void *)(intptr_t)(descend((uintptr_t)&top, 64 * 1024) + top);
}

static int run_greenlet(thrum_fn *fn, const char *name, size_t size)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *g = NULL;
    int rc;

    options.name = name;
    options.stack_size = size;
    rc = thrum_greenlet_new(fn, NULL, &options, &g);
    return rc == 0 ? thrum_greenlet_switch(g, NULL, NULL) : rc;
}

static void overflow_greenlet(void *arg)
{
    _exit(run_greenlet(recurses, "too deep", 0) == 0 ? 98 : 99);
}

static void report(bool on)
{
    if (thrum_stack_report_overflow(on) != 0)
        _exit(97);
}

static void report_and_overflow(void *arg)
{
    report(true);
    overflow_greenlet(arg);
}

/* ---- the report ---- */

TEST(without_the_report_the_process_just_dies)
{
    assert_int_equal(child(overflow_greenlet, NULL), DIED_OF(SIGSEGV));
    assert_string_equal(text, "");
}

TEST(the_report_tells_whose_its_size_and_where)
{
    const char *frame;

    assert_int_equal(child(report_and_overflow, NULL), DIED_OF(SIGSEGV));
    assert_true(wrote("thrum: stack overflow in greenlet \"too deep\" (0x"));
    assert_true(wrote("): it has 64 KiB\n"));
    frame = strstr(text, "    #0  0x");
    assert_non_null(frame);
    assert_non_null(strstr(frame, " overflow_test+0x"));
}

TEST(a_recursion_is_told_once_and_then_how_it_began)
{
#if TEST_ASAN || TEST_TSAN
    TEST_SKIP("instrumented frames differ");
#endif
    assert_int_equal(child(report_and_overflow, NULL), DIED_OF(SIGSEGV));
    assert_true(wrote(" times\n"));
}

static void *recursing_generator(void *arg)
{
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    return recurses(arg);
}

static void overflow_generator(void *arg)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_generator *g = NULL;

    report(true);
    options.name = "deep generator";
    options.stack_size = 200 * 1024;
    if (thrum_generator_new(recursing_generator, NULL, 0, &options, &g) != 0)
        _exit(97);
    if (thrum_generator_next(g, NULL) != 0 ||
        thrum_generator_next(g, NULL) != 0)
        _exit(98);
}

TEST(a_generator_is_told_as_one)
{
    assert_int_equal(child(overflow_generator, NULL), DIED_OF(SIGSEGV));
    assert_true(wrote("in generator \"deep generator\" (0x"));
    assert_true(wrote("it has 256 KiB\n"));
}

static void large_frame_at_the_end(void *arg)
{
    report(true);
    CHECK_INT(run_greenlet(has_a_large_frame, "large frame", 64 * 1024), 0);
}

TEST(a_frame_of_40_KiB_does_not_step_over_the_guard)
{
    assert_int_equal(child(large_frame_at_the_end, NULL), DIED_OF(SIGSEGV));
    assert_true(wrote("in greenlet \"large frame\" (0x"));
}

/* ---- other threads ---- */

static void *thread_overflows(void *arg)
{
    overflow_greenlet(NULL);
    return NULL;
}

static void overflow_in_thread(void *arg)
{
    pthread_t thread;

    report(true);
    if (pthread_create(&thread, NULL, thread_overflows, NULL) == 0)
        pthread_join(thread, NULL);
}

TEST(threads_that_begin_afterwards_report_too)
{
    assert_int_equal(child(overflow_in_thread, NULL), DIED_OF(SIGSEGV));
    assert_true(wrote("in greenlet \"too deep\""));
}

static void *thread_ends(void *arg)
{
    thrum_greenlet *g = thrum_greenlet_current();
    stack_t now;

    CHECK(g != NULL);
    CHECK_INT(sigaltstack(NULL, &now), 0);
    CHECK((now.ss_flags & SS_DISABLE) == 0);
    return NULL;
}

static int threads_come_and_go(void *arg)
{
    CHECK_INT(thrum_stack_report_overflow(true), 0);
    for (int i = 0; i < 20; i++)
        join_thread(spawn_thread(thread_ends, NULL));
    CHECK_INT(thrum_stack_report_overflow(false), 0);
    return 0;
}

TEST(threads_get_a_signal_stack)
{
    assert_int_equal(in_child(threads_come_and_go, NULL), 0);
}

static char own_stack[64 * 1024];

static void *keeps_its_own(void *arg)
{
    stack_t own = {.ss_sp = own_stack, .ss_size = sizeof(own_stack)};
    stack_t now;

    CHECK_INT(sigaltstack(&own, NULL), 0);
    CHECK(thrum_greenlet_current() != NULL);
    CHECK_INT(sigaltstack(NULL, &now), 0);
    CHECK(now.ss_sp == own_stack);
    own.ss_flags = SS_DISABLE;
    CHECK_INT(sigaltstack(&own, NULL), 0);
    return NULL;
}

static int thread_has_one(void *arg)
{
    CHECK_INT(thrum_stack_report_overflow(true), 0);
    join_thread(spawn_thread(keeps_its_own, NULL));
    return 0;
}

TEST(a_signal_stack_that_is_there_stays)
{
    assert_int_equal(in_child(thread_has_one, NULL), 0);
}

/* ---- the handler of before ---- */

static void on_segv_end(int number, siginfo_t *info, void *context)
{
    static const char line[] = "the program's handler\n";

    if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
        _exit(96);
    _exit(info->si_signo == SIGSEGV && context != NULL ? 42 : 96);
}

static void install(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSEGV, &action, NULL) != 0)
        _exit(97);
}

static void overflow_with_handler(void *arg)
{
    install(on_segv_end);
    report_and_overflow(arg);
}

TEST(after_the_report_the_programs_handler_has_its_turn)
{
    assert_int_equal(child(overflow_with_handler, NULL), 42);
    assert_true(wrote("thrum: stack overflow in greenlet"));
    assert_true(wrote("the program's handler\n"));
}

static char *page;
static volatile sig_atomic_t mended;

/* What a collector does that learns of writes. */
static void on_segv_mend(int number, siginfo_t *info, void *context)
{
    if (info->si_addr != page || mprotect(page, 4096, PROT_WRITE) != 0)
        _exit(96);
    mended++;
}

static void touch_page(void)
{
    if (mprotect(page, 4096, PROT_NONE) != 0)
        _exit(97);
    *(volatile char *)page = 1;
}

static void other_faults(void *arg)
{
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install(on_segv_mend);
    report(true);
    touch_page();
    touch_page();
    if (mended != 2)
        _exit(95);
    install(on_segv_end); /* over ours */
    report(false);        /* which is not on top */
    touch_page();
}

TEST(other_faults_are_the_programs)
{
    assert_int_equal(child(other_faults, NULL), 42);
    assert_string_equal(text, "the program's handler\n");
}

static void mend_then_overflow(void *arg)
{
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    install(on_segv_mend);
    report(true);
    touch_page();
    overflow_greenlet(arg);
}

TEST(an_overflow_after_other_faults_is_told)
{
    assert_int_equal(child(mend_then_overflow, NULL), 96);
    assert_true(wrote("thrum: stack overflow in greenlet \"too deep\""));
}

static void fault_elsewhere(void *arg)
{
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    report(true);
    *(volatile char *)page = 1;
}

TEST(without_a_handler_other_faults_are_deadly)
{
    assert_int_equal(child(fault_elsewhere, NULL), DIED_OF(SIGSEGV));
    assert_string_equal(text, "");
}

static void is_sent_one(void *arg)
{
    report(true);
    raise(SIGSEGV);
    _exit(95);
}

TEST(a_signal_that_is_sent_is_deadly_too)
{
    assert_int_equal(child(is_sent_one, NULL), DIED_OF(SIGSEGV));
    assert_string_equal(text, "");
}

static void ignores(void *arg)
{
    struct sigaction action = {.sa_handler = SIG_IGN};

    sigaction(SIGSEGV, &action, NULL);
    report(true);
    raise(SIGSEGV);
    raise(SIGSEGV);
    overflow_greenlet(arg);
}

TEST(one_that_is_ignored_stays_so)
{
    assert_int_equal(child(ignores, NULL), DIED_OF(SIGSEGV));
    assert_true(wrote("thrum: stack overflow in greenlet"));
}

static void on_segv_return(int number, siginfo_t *info, void *context)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    if (++mended == 3)
        sigaction(SIGSEGV, &action, NULL);
}

static void overflow_with_idle_handler(void *arg)
{
    install(on_segv_return);
    report_and_overflow(arg);
}

TEST(it_is_told_once)
{
    const char *first;

    assert_int_equal(child(overflow_with_idle_handler, NULL), DIED_OF(SIGSEGV));
    first = strstr(text, "thrum: stack overflow");
    assert_non_null(first);
    assert_null(strstr(first + 1, "thrum: stack overflow"));
}

/* A pointer into a guard, on another stack than that. */
ON_THE_STACK static void *gives_address(void *ret)
{
    char here = 0;

    *(char **)ret = &here;
    CHECK_INT(thrum_yield(NULL, NULL), 0);
    return NULL;
}

static void stray_pointer(void *arg)
{
    thrum_generator *g = NULL;
    char *inside = NULL;

    report(true);
    if (thrum_generator_new(gives_address, &inside, 0, NULL, &g) != 0 ||
        thrum_generator_next(g, NULL) != 0)
        _exit(97);
    *(volatile char *)(inside - 64 * 1024 - 8192) = 1;
}

TEST(a_stray_pointer_is_no_overflow)
{
    assert_int_equal(child(stray_pointer, NULL), DIED_OF(SIGSEGV));
    assert_string_equal(text, "");
}

/* ---- on and off ---- */

static int on_and_off(void *arg)
{
    struct sigaction now;
    stack_t before; /* the sanitizers give one */
    stack_t stack;

    install(on_segv_end);
    CHECK_INT(sigaltstack(NULL, &before), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(thrum_stack_report_overflow(true), 0);
        CHECK_INT(thrum_stack_report_overflow(true), 0);
        CHECK_INT(sigaction(SIGSEGV, NULL, &now), 0);
        CHECK(now.sa_sigaction != on_segv_end);
        CHECK_INT(sigaltstack(NULL, &stack), 0);
        CHECK((stack.ss_flags & SS_DISABLE) == 0);
        CHECK_INT(thrum_stack_report_overflow(false), 0);
        CHECK_INT(thrum_stack_report_overflow(false), 0);
        CHECK_INT(sigaction(SIGSEGV, NULL, &now), 0);
        CHECK(now.sa_sigaction == on_segv_end);
        CHECK_INT(sigaltstack(NULL, &stack), 0);
        CHECK(stack.ss_sp == before.ss_sp);
        CHECK_INT(stack.ss_flags, before.ss_flags);
    }
    return 0;
}

TEST(off_puts_all_back)
{
    assert_int_equal(in_child(on_and_off, NULL), 0);
}

static void off_and_overflow(void *arg)
{
    report(true);
    report(false);
    overflow_greenlet(arg);
}

TEST(off_reports_no_more)
{
    assert_int_equal(child(off_and_overflow, NULL), DIED_OF(SIGSEGV));
    assert_string_equal(text, "");
}

static void *turns_it_on_and_off(void *arg)
{
    for (int i = 0; i < 200; i++)
        CHECK_INT(thrum_stack_report_overflow(i % 2 == 0), 0);
    return NULL;
}

static int many_turn(void *arg)
{
    struct test_thread *threads[4];
    struct sigaction now;

    install(on_segv_end);
    for (int i = 0; i < 4; i++)
        threads[i] = spawn_thread(turns_it_on_and_off, NULL);
    for (int i = 0; i < 4; i++)
        join_thread(threads[i]);
    CHECK_INT(thrum_stack_report_overflow(false), 0);
    CHECK_INT(sigaction(SIGSEGV, NULL, &now), 0);
    CHECK(now.sa_sigaction == on_segv_end);
    return 0;
}

TEST(threads_may_turn_it_at_once)
{
    assert_int_equal(in_child(many_turn, NULL), 0);
}

TEST_MAIN("overflow")
