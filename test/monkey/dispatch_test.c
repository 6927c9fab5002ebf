/* SPDX-License-Identifier: MIT */
/*
 * dispatch_test.c - THRUM_MONKEY_WATCH=2: each call that may block is told of.
 *
 * Nothing has to be caught in the act, so nothing here blocks for long. Each test
 * runs in a child, whose standard error is a file meanwhile; what was written
 * there is what was told.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

/* ---- where it can be ---- */

/* Off; which the kernel that does not know it does not know either. */
static bool kernel_can(void)
{
    return prctl(59, 0L, 0L, 0L, 0L) == 0;
}

static bool is_traced(void)
{
    char text[4096] = "";
    const char *at;
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    close(fd);
    at = strstr(text, "TracerPid:");
    return at != NULL && strtol(at + strlen("TracerPid:"), NULL, 10) != 0;
}

static bool is_in_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return preloaded != NULL && strstr(preloaded, "vgpreload") != NULL;
}

#define SKIP_WHERE_NOT_SEEN()                                 \
 do {                                                         \
  if (!kernel_can())                                          \
   TEST_SKIP("no Syscall User Dispatch here");                \
  if (TEST_ASAN || TEST_TSAN)                                 \
   TEST_SKIP("each call is not looked at under a sanitizer"); \
  if (is_traced() || is_in_valgrind())                        \
   TEST_SKIP("each call is not looked at where a tool does"); \
 } while (0)

/* ---- what is told ---- */

struct told {
    int before; /* what standard error was */
    int fd;
    char text[32768];
};

static struct told told;

static void watch_begin(void)
{
    told.before = dup(2);
    told.fd = memfd_create("told", MFD_CLOEXEC);
    CHECK(told.fd >= 0);
    CHECK_INT(dup2(told.fd, 2), 2);
    CHECK_INT(setenv("THRUM_MONKEY_WATCH", "2", 1), 0);
    CHECK_INT(thrum_monkey_patch_all(), 0);
}

static void watch_end(void)
{
    ssize_t n;

    CHECK_INT(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    CHECK_INT(dup2(told.before, 2), 2);
    n = pread(told.fd, told.text, sizeof(told.text) - 1, 0);
    CHECK(n >= 0);
    told.text[n > 0 ? n : 0] = '\0';
    close(told.fd);
    close(told.before);
}

static unsigned count_of(const char *what)
{
    const char *text = told.text;
    unsigned count = 0;

    while ((text = strstr(text, what)) != NULL) {
        text += strlen(what);
        count++;
    }
    return count;
}

static unsigned count_all(void)
{
    return count_of(" in the system call ");
}

/* Of these a greenlet of this name runs. */
static void run_in_hog(thrum_fn *fn, void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.name = "hog";
    options.stack_size = 256u * 1024;
    CHECK_INT(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    case_await(future);
}

static void watched(thrum_fn *fn, void *arg)
{
    watch_begin();
    run_in_hog(fn, arg);
    watch_end();
}

static void run_watched(int (*fn)(void *arg))
{
    assert_int_equal(in_child(fn, NULL), 0);
}

/* ---- strays ---- */

/* One place, however often a compiler writes down the loop that calls it. */
static __attribute__((noinline)) long sleeps_raw(void)
{
    struct timespec span = {0, 1000};

    return syscall(SYS_nanosleep, &span, NULL);
}

static void *sleeps_three_times(void *arg)
{
    for (int i = 0; i < 3; i++)
        CHECK_INT(sleeps_raw(), 0);
    return arg;
}

static int tells_of_a_raw_call(void *arg)
{
    watched(sleeps_three_times, arg);
    CHECK_INT(count_of("greenlet 'hog' blocks thread "), 1);
    CHECK_INT(count_of(" in the system call nanosleep, called by "), 1);
    CHECK(count_of("(libmonkey-dispatch.so)") +
              count_of(" libmonkey-dispatch.so") >
          0);
    CHECK_INT(count_all(), 1);
    return 0;
}

TEST(P6_a_raw_call_is_told_of_once_however_short)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(tells_of_a_raw_call);
}

static void *reads_by_the_original(void *arg)
{
    ssize_t (*original)(int, void *, size_t) =
        (ssize_t(*)(int, void *, size_t))thrum_monkey_original("read");
    struct ends ends = ends_of_pipe();
    char byte;

    CHECK_INT(write(ends.there, "x", 1), 1);
    CHECK_INT(original(ends.here, &byte, 1), 1);
    ends_close(&ends);
    return arg;
}

static int tells_of_an_original(void *arg)
{
    watched(reads_by_the_original, arg);
    CHECK_INT(count_of(" in the system call read, called by "), 1);
    CHECK_INT(count_all(), 1);
    return 0;
}

/* Though there is something to be read. */
TEST(P6_an_original_that_could_block_is_told_of)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(tells_of_an_original);
}

static void *sleeps_as_it_should(void *arg)
{
    struct timespec span = {0, 1000};

    CHECK_INT(nanosleep(&span, NULL), 0);
    CHECK_INT(thrum_pass(), 0);
    return arg;
}

static int tells_of_a_family(void *arg)
{
    watch_begin();
    CHECK_INT(thrum_monkey_unpatch(THRUM_MONKEY_TIME), 0);
    run_in_hog(sleeps_as_it_should, arg);
    watch_end();
    CHECK_INT(count_of(" in the system call clock_nanosleep, called by "), 1);
    CHECK_INT(count_all(), 1);
    return 0;
}

TEST(P6_a_family_that_is_not_patched_is_told_of)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(tells_of_a_family);
}

/* What the word is not is no wait, but could have been. */
static void *waits_for_a_word(void *arg)
{
    uint32_t word = 1;

    CHECK_INT(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL), -1);
    return arg;
}

static int tells_of_a_futex(void *arg)
{
    watched(waits_for_a_word, arg);
    CHECK_INT(count_of(" in the system call futex, called by "), 1);
    CHECK_INT(count_all(), 1);
    return 0;
}

TEST(P6_a_futex_of_the_programs_is_told_of)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(tells_of_a_futex);
}

/* ---- what is none ---- */

/* Hooks, and calls that say themselves that they shall not wait. */
static void *waits_and_asks(void *arg)
{
    struct timespec none = {0, 0};
    struct ends ends = ends_of_stream();
    char text[5];

    (void)sleeps_as_it_should(arg);
    CHECK_INT(syscall(SYS_nanosleep, &none, NULL), 0);
    CHECK_INT(syscall(SYS_recvfrom, ends.here, text, 5L, (long)MSG_DONTWAIT,
                      NULL, NULL),
              -1);
    CHECK_INT(fcntl(ends.here, F_SETFL, O_NONBLOCK), 0);
    CHECK_INT(syscall(SYS_read, ends.here, text, 5L), -1);
    CHECK_INT(fcntl(ends.here, F_SETFL, 0), 0);
    ends_close(&ends);
    free(malloc(1u << 20));
    return arg;
}

static int is_not_told_of(void *arg)
{
    watched(waits_and_asks, arg);
    CHECK(told.text[0] == '\0');
    CHECK_INT(count_all(), 0);
    return 0;
}

TEST(P6_a_call_that_does_not_wait_is_not_told_of)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(is_not_told_of);
}

/* ---- what goes on as ever ---- */

static void *sleeps_in_thread(void *arg)
{
    CHECK_INT(sleeps_raw(), 0);
    return arg;
}

/* By the original, since vfork() is patched. */
static pid_t vfork_raw(void)
{
    pid_t (*original)(void) = (pid_t(*)(void))thrum_monkey_original("vfork");
    pid_t child = original();

    if (child == 0)
        _exit(6);
    return child;
}

static void is_ended_by(pid_t child, int status_wanted)
{
    int status = -1;

    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(status, status_wanted << 8);
}

/* The program of a child of either kind begins without the trap. */
static void *makes_threads_and_children(void *arg)
{
    char *const argv[] = {(char[]){"true"}, NULL};
    pid_t child;

    (void)join_thread(spawn_thread(sleeps_in_thread, NULL));
    child = fork();
    if (child == 0)
        _exit(sleeps_raw() == 0 ? 3 : 4);
    is_ended_by(child, 3);
    child = vfork_raw();
    is_ended_by(child, 6);
    CHECK_INT(posix_spawnp(&child, "true", NULL, NULL, argv, NULL), 0);
    is_ended_by(child, 0);
    CHECK_INT(system("exit 5") >> 8, 5);
    return arg;
}

static int children_and_threads_are_as_ever(void *arg)
{
    watched(makes_threads_and_children, arg);
    CHECK_INT(count_all(), 0);
    return 0;
}

TEST(P6_threads_and_children_are_as_ever)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(children_and_threads_are_as_ever);
}

static void *becomes_another(void *arg)
{
    (void)execlp("true", "true", NULL);
    return arg;
}

static int another_program_is_left_alone(void *arg)
{
    watched(becomes_another, arg);
    return 1;
}

TEST(P6_another_program_is_left_alone)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(another_program_is_left_alone);
}

static volatile sig_atomic_t handled;
static sigjmp_buf out;

/* Its mask would have it end the process at its first call. */
static void on_signal(int number)
{
    handled += number == SIGUSR1;
    CHECK(syscall(SYS_getppid) > 0);
}

static void on_signal_jumps(int number)
{
    (void)number;
    siglongjmp(out, 1);
}

static void handle_with_all_blocked(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigfillset(&action.sa_mask);
    CHECK_INT(sigaction(number, &action, NULL), 0);
}

static void *handles_signals(void *arg)
{
    sigset_t all;
    sigset_t before;

    CHECK_INT(raise(SIGUSR1), 0);
    handle_with_all_blocked(SIGUSR1, on_signal);
    CHECK_INT(raise(SIGUSR1), 0);
    sigfillset(&all);
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &all, &before), 0);
    CHECK_INT(raise(SIGUSR1), 0);
    CHECK_INT(handled, 2); /* the third is held back */
    CHECK_INT(pthread_sigmask(SIG_SETMASK, &before, NULL), 0);
    CHECK_INT(handled, 3);
    handle_with_all_blocked(SIGUSR2, on_signal_jumps);
    if (sigsetjmp(out, 1) == 0)
        (void)raise(SIGUSR2);
    CHECK_INT(handled, 3);
    return arg;
}

static int signals_are_as_ever(void *arg)
{
    struct sigaction now;

    handle_with_all_blocked(SIGUSR1, on_signal); /* before anybody looks */
    watched(handles_signals, arg);
    CHECK_INT(handled, 3);
    CHECK_INT(sigaction(SIGUSR1, NULL, &now), 0);
    CHECK_INT(sigismember(&now.sa_mask, SIGUSR2), 1);
    CHECK_INT(count_all(), 0);
    return 0;
}

TEST(P6_signals_are_handled_as_ever)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(signals_are_as_ever);
}

/* What is set for the two signals is the program's, as far as it can tell. */
static void *handles_ours(void *arg)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;

    CHECK_INT(sigaction(SIGSYS, &action, NULL), 0);
    CHECK_INT(sigaction(SIGSYS, NULL, &before), 0);
    CHECK(before.sa_handler == on_signal);
    handled = 0;
    CHECK_INT(raise(SIGSYS), 0);
    CHECK_INT(sleeps_raw(), 0);
    return arg;
}

static int its_own_handlers_are_called(void *arg)
{
    watched(handles_ours, arg);
    CHECK_INT(count_of(" in the system call nanosleep, "), 1);
    return 0;
}

TEST(P6_a_signal_of_ours_that_is_not_for_us_is_the_programs)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(its_own_handlers_are_called);
}

/* A thread that begins to have greenlets later. */
static void *has_greenlets(void *arg)
{
    run_in_hog(sleeps_as_it_should, NULL);
    run_in_hog(sleeps_three_times, NULL);
    return arg;
}

static int other_threads_are_looked_at(void *arg)
{
    watch_begin();
    (void)join_thread(spawn_thread(has_greenlets, arg));
    watch_end();
    CHECK_INT(count_of(" in the system call nanosleep, "), 1);
    CHECK_INT(count_all(), 1);
    return 0;
}

TEST(P6_a_thread_is_looked_at_from_its_first_wait_on)
{
    SKIP_WHERE_NOT_SEEN();
    run_watched(other_threads_are_looked_at);
}

/* ---- where it cannot be ---- */

static int is_refused(void *arg)
{
    watched(sleeps_three_times, arg);
    CHECK_INT(count_of("thrum: nobody watches for blocking calls: "), 1);
    CHECK_INT(count_all(), 0);
    return 0;
}

TEST(P6_that_nobody_looks_is_told)
{
    if (kernel_can() && !TEST_ASAN && !TEST_TSAN && !is_traced() &&
        !is_in_valgrind())
        TEST_SKIP("each call can be looked at here");
    run_watched(is_refused);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("dispatch", argc, argv);
}
