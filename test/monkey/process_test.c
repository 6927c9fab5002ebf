/* SPDX-License-Identifier: MIT */
/*
 * process_test.c - children and commands in greenlets: what is reaped, what is
 * left alone, and what becomes of a wait that is ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "children.h"

/* Runs fn(arg) as a greenlet, and kills it when it waits. */
static void kill_waiting(thrum_fn *fn, void *arg)
{
    thrum_future *future;

    case_patch();
    future = case_spawn(fn, arg);
    assert_int_equal(thrum_pass(), 0);
    assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
    thrum_future_unref(future);
    case_unpatch();
}

static void reap(struct child *child)
{
    int status = 0;

    (void)child_let_go(child);
    CHECK_INT(waitpid(child->pid, &status, 0), child->pid);
    CHECK_INT(WEXITSTATUS(status), CHILD_STATUS);
}

/* ---- what is reaped ---- */

static void *wait_for_the_second(void *arg)
{
    struct child *children = arg;

    (void)child_let_go(&children[0]);
    reap(&children[1]);
    return NULL;
}

TEST(P18_a_wait_for_one_child_leaves_the_others)
{
    struct child children[2] = {child_new(), child_new()};

    case_run_task(wait_for_the_second, children);
    reap(&children[0]);
}

static void *wait_for_the_group(void *arg)
{
    struct child *children = arg;
    struct child *grouped = &children[1];
    thrum_future *later = case_spawn(child_let_go, grouped);
    siginfo_t info;

    (void)child_let_go(&children[0]);
    CHECK_INT(waitid(P_PID, (id_t)children[0].pid, &info, WEXITED | WNOWAIT),
              0);
    CHECK_INT(waitpid(-grouped->pid, NULL, 0), grouped->pid);
    CHECK_INT(waitpid(0, NULL, 0), children[0].pid);
    case_await(later);
    return NULL;
}

TEST(P18_a_wait_for_a_group_leaves_the_others)
{
    struct child children[2] = {child_new(), child_in_group_of_its_own()};

    case_run_task(wait_for_the_group, children);
}

static void *ask_without_waiting(void *arg)
{
    struct child *child = arg;
    thrum_future *later = case_spawn(child_let_go, child);
    siginfo_t info = {.si_pid = 1};

    CHECK_INT(waitpid(child->pid, NULL, WNOHANG), 0);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), 0);
    CHECK_INT(wait3(NULL, WNOHANG, NULL), 0);
    CHECK_INT(waitid(P_ALL, 0, &info, WEXITED | WNOHANG), 0);
    CHECK_INT(info.si_pid, 0);
    CHECK(child->hold >= 0); /* nobody else had a turn */
    CHECK_INT(waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT), 0);
    CHECK_INT(waitpid(-1, NULL, WNOHANG), child->pid);
    case_await(later);
    return NULL;
}

TEST(P18_who_does_not_wait_asks_the_kernel)
{
    struct child child = child_new();

    case_run_task(ask_without_waiting, &child);
}

static volatile sig_atomic_t children_told;

static void on_child(int number)
{
    (void)number;
    children_told++;
}

static void *is_as_it_was(void *child)
{
    struct sigaction now;
    sigset_t mask;

    CHECK_INT(sigaction(SIGCHLD, NULL, &now), 0);
    CHECK(now.sa_handler == on_child);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    CHECK_INT(sigismember(&mask, SIGCHLD), 0);
    return child_let_go(child);
}

static void *wait_with_a_handler(void *arg)
{
    struct child *child = arg;
    thrum_future *looks = case_spawn(is_as_it_was, child);

    CHECK_INT(waitpid(child->pid, NULL, 0), child->pid);
    case_await(looks);
    *child = child_new();
    looks = case_spawn(is_as_it_was, child);
    CHECK_INT(wait(NULL), child->pid);
    case_await(looks);
    return NULL;
}

TEST(P18_SIGCHLD_is_the_programs)
{
    struct sigaction ours = {.sa_handler = on_child, .sa_flags = SA_RESTART};
    struct sigaction before;
    struct child child;

    children_told = 0;
    assert_int_equal(sigaction(SIGCHLD, &ours, &before), 0);
    child = child_new();
    case_run_task(wait_with_a_handler, &child);
    assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
    assert_int_equal(children_told, 2);
}

static void *wait_for_nobody(void *arg)
{
    siginfo_t info;

    CHECK_INT(waitpid(-1, NULL, 0), -1);
    CHECK_INT(errno, ECHILD);
    CHECK_INT(waitpid(getpid(), NULL, 0), -1);
    CHECK_INT(errno, ECHILD);
    CHECK_INT(wait(NULL), -1);
    CHECK_INT(errno, ECHILD);
    CHECK_INT(waitid(P_ALL, 0, &info, WEXITED), -1);
    CHECK_INT(errno, ECHILD);
    CHECK_INT(waitid(P_ALL, 0, &info, 0), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(waitpid(-1, NULL, 1 << 20), -1);
    CHECK_INT(errno, EINVAL);
    return arg;
}

TEST(P35_without_a_child_there_is_no_wait)
{
    case_run_task(wait_for_nobody, NULL);
}

/* ---- what is told of a child ---- */

static void *stop_it(void *arg)
{
    CHECK_INT(kill(((struct child *)arg)->pid, SIGSTOP), 0);
    return NULL;
}

static void *let_it_go_on(void *arg)
{
    CHECK_INT(kill(((struct child *)arg)->pid, SIGCONT), 0);
    return NULL;
}

static void *see_it_stop(void *arg)
{
    struct child *child = arg;
    thrum_future *later = case_spawn(stop_it, child);
    int status = 0;

    CHECK_INT(waitpid(child->pid, &status, WUNTRACED), child->pid);
    CHECK(WIFSTOPPED(status));
    case_await(later);
    later = case_spawn(let_it_go_on, child);
    CHECK_INT(waitpid(child->pid, &status, WCONTINUED), child->pid);
    CHECK(WIFCONTINUED(status));
    case_await(later);
    reap(child);
    return NULL;
}

TEST(P35_a_child_that_stops_and_goes_on)
{
    struct child child = child_new();

    case_run_task(see_it_stop, &child);
}

static void *look_twice(void *arg)
{
    struct child *child = arg;
    thrum_future *later = case_spawn(child_let_go, child);
    siginfo_t info = {.si_pid = 0};

    for (int i = 0; i < 2; i++) {
        CHECK_INT(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
        CHECK_INT(info.si_pid, child->pid);
        CHECK_INT(info.si_status, CHILD_STATUS);
    }
    CHECK_INT(waitid(P_PID, (id_t)child->pid, NULL, WEXITED), 0);
    case_await(later);
    return NULL;
}

TEST(P35_waitid_leaves_what_it_is_told_to_leave)
{
    struct child child = child_new();

    case_run_task(look_twice, &child);
}

static void *wait_by_a_pidfd(void *arg)
{
    struct child *child = arg;
    thrum_future *later = case_spawn(child_let_go, child);
    int fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    siginfo_t info = {.si_pid = 0};

    CHECK_INT(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    CHECK_INT(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), -1);
    CHECK_INT(errno, EAGAIN);
    CHECK_INT(fcntl(fd, F_SETFL, 0), 0);
    CHECK_INT(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), 0);
    CHECK_INT(info.si_pid, child->pid);
    CHECK_INT(close(fd), 0);
    case_await(later);
    return NULL;
}

TEST(P35_waitid_by_a_descriptor)
{
    struct child child = child_new();
    int fd = (int)syscall(SYS_pidfd_open, child.pid, 0);
    siginfo_t info;
    bool supported = waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0;

    if (fd >= 0)
        (void)close(fd);
    if (supported)
        case_run_task(wait_by_a_pidfd, &child);
    else
        reap(&child);
}

/* ---- waits that are ended ---- */

static void *wait_until_killed(void *arg)
{
    struct child *child = arg;

    CHECK_INT(waitpid(child->pid, NULL, 0), -1);
    CHECK_INT(errno, ECANCELED);
    CHECK_INT(waitpid(-1, NULL, 0), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

TEST(P35_a_kill_ends_the_wait_and_leaves_the_child)
{
    struct child child = child_new();

    kill_waiting(wait_until_killed, &child);
    reap(&child);
}

static void *wait_until_late(void *arg)
{
    struct child *child = arg;
    siginfo_t info;

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(1)) {
        CHECK_INT(waitpid(child->pid, NULL, 0), -1);
        CHECK_INT(errno, ETIMEDOUT);
        CHECK_INT(waitid(P_ALL, 0, &info, WEXITED), -1);
        CHECK_INT(errno, ETIMEDOUT);
    }
    CHECK(thrum_expired(&limit));
    return NULL;
}

TEST(P35_a_deadline_ends_the_wait_and_leaves_the_child)
{
    struct child child = child_new();

    case_run_task(wait_until_late, &child);
    reap(&child);
}

/* ---- system ---- */

static void *run_commands(void *arg)
{
    int status = system("exit 3");

    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 3);
    CHECK(system(NULL) != 0);
    CHECK_INT(WEXITSTATUS(system("no-such-command 2>&-")), 127);
    CHECK_INT(WTERMSIG(system("kill -KILL $$")), SIGKILL);
    return arg;
}

TEST(P35_a_command_tells_how_it_has_ended)
{
    case_patch();
    join_thread(spawn_thread(run_commands, NULL));
    case_unpatch();
    case_run_task(run_commands, NULL);
}

static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
    (void)number;
    interrupts++;
}

static bool is_interruptible(void)
{
    struct sigaction now;

    CHECK_INT(sigaction(SIGINT, NULL, &now), 0);
    return now.sa_handler == on_interrupt;
}

static void *interrupt_ourselves(void *arg)
{
    CHECK_INT(system("kill -INT $PPID; kill -QUIT $PPID"), 0);
    CHECK_INT(interrupts, 0);
    CHECK(is_interruptible());
    CHECK_INT(WTERMSIG(system("kill -INT $$")), SIGINT);
    return arg;
}

TEST(P35_a_command_alone_is_interrupted)
{
    struct sigaction ours = {.sa_handler = on_interrupt};
    struct sigaction before;

    interrupts = 0;
    assert_int_equal(sigaction(SIGINT, &ours, &before), 0);
    case_patch();
    join_thread(spawn_thread(interrupt_ourselves, NULL));
    case_unpatch();
    case_run_task(interrupt_ourselves, NULL);
    assert_int_equal(sigaction(SIGINT, &before, NULL), 0);
}

static void *run_command(void *command)
{
    CHECK_INT(WEXITSTATUS(system(((struct command *)command)->text)),
              CHILD_STATUS);
    return NULL;
}

/* One in a greenlet and one in a thread. */
TEST(P35_signals_are_minded_after_the_last_of_several_commands)
{
    struct sigaction ours = {.sa_handler = on_interrupt};
    struct command commands[2] = {command_new(), command_new()};
    struct test_thread *thread;
    struct sigaction before;
    thrum_future *future;

    assert_int_equal(sigaction(SIGINT, &ours, &before), 0);
    case_patch();
    future = case_spawn(run_command, &commands[0]);
    assert_int_equal(thrum_pass(), 0);
    assert_false(is_interruptible());
    thread = spawn_thread(run_command, &commands[1]);
    (void)command_let_go(&commands[1]);
    join_thread(thread);
    assert_false(is_interruptible());
    (void)command_let_go(&commands[0]);
    case_await(future);
    assert_true(is_interruptible());
    case_unpatch();
    assert_int_equal(sigaction(SIGINT, &before, NULL), 0);
    command_end(&commands[0]);
    command_end(&commands[1]);
}

static void *run_until_cancelled(void *command)
{
    (void)system(((struct command *)command)->text);
    return NULL;
}

/* As libc's is a point of cancellation, so is ours. */
TEST(P25_a_thread_that_is_cancelled_kills_its_command)
{
    struct sigaction ours = {.sa_handler = on_interrupt};
    struct command command = command_new();
    struct sigaction before;
    pthread_t thread;
    void *result;

    (void)snprintf(command.text, sizeof(command.text), "exec cat <&%d",
                   command.from);
    assert_int_equal(sigaction(SIGINT, &ours, &before), 0);
    case_patch();
    assert_int_equal(
        pthread_create(&thread, NULL, run_until_cancelled, &command), 0);
    WAIT_UNTIL(!is_interruptible());
    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    case_unpatch();
    assert_true(is_interruptible());
    assert_int_equal(sigaction(SIGINT, &before, NULL), 0);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    command_end(&command);
}

static void *run_until_killed(void *arg)
{
    const struct command *command = arg;
    char text[80];

    (void)snprintf(text, sizeof(text), "exec cat <&%d", command->from);
    CHECK_INT(system(text), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

TEST(P35_a_kill_ends_the_command_and_reaps_it)
{
    struct command command = command_new();

    kill_waiting(run_until_killed, &command);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
    command_end(&command);
}

/* ---- popen and pclose ---- */

static void *read_from_a_command(void *arg)
{
    FILE *stream = popen("echo hello; exit 7", "r");
    char line[16] = "";

    if (!CHECK(stream != NULL))
        return NULL;
    CHECK(fgets(line, sizeof(line), stream) != NULL);
    CHECK_INT(strcmp(line, "hello\n"), 0);
    CHECK_INT(WEXITSTATUS(pclose(stream)), CHILD_STATUS);
    return arg;
}

TEST(P35_a_command_to_be_read_from)
{
    case_run_task(read_from_a_command, NULL);
}

/* What closes it, and the number of its process. */
struct closing {
    struct command command;
    pid_t pid;
};

static void *close_until_killed(void *arg)
{
    struct closing *closing = arg;
    char text[96];
    FILE *stream;
    int pid = 0;

    (void)snprintf(text, sizeof(text), "echo $$; exec cat <&%d",
                   closing->command.from);
    stream = popen(text, "r");
    if (!CHECK(stream != NULL))
        return NULL;
    CHECK_INT(fscanf(stream, "%d", &pid), 1);
    closing->pid = pid;
    CHECK_INT(pclose(stream), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

/* It is closed also where the wait does not begin. */
static void *close_when_killed(void *arg)
{
    struct closing *closing = arg;
    FILE *stream = popen(closing->command.text, "r");

    if (!CHECK(stream != NULL))
        return NULL;
    CHECK_INT(waitpid(-1, NULL, 0), -1);
    CHECK_INT(pclose(stream), -1);
    CHECK_INT(errno, ECANCELED);
    return NULL;
}

TEST(P35_a_command_is_closed_by_who_is_killed)
{
    struct closing closing = {command_new(), 0};

    kill_waiting(close_when_killed, &closing);
    command_end(&closing.command);
    WAIT_UNTIL(waitpid(-1, NULL, WNOHANG) < 0);
    assert_int_equal(errno, ECHILD);
}

TEST(P35_a_command_is_closed_though_nobody_waits)
{
    struct closing closing = {command_new(), 0};

    case_patch();
    {
        thrum_future *future = case_spawn(close_until_killed, &closing);

        while (closing.pid == 0)
            assert_int_equal(thrum_pass(), 0);
        assert_int_equal(thrum_future_kill(future, THRUM_FOREVER), 0);
        thrum_future_unref(future);
    }
    case_unpatch();
    command_end(&closing.command);
    WAIT_UNTIL(kill(closing.pid, 0) != 0);
    assert_int_equal(errno, ESRCH);
}

/* ---- fork ---- */

struct forked {
    struct ends ends;
    thrum_future *other;
    bool other_went_on;
};

static void *read_and_tell(void *arg)
{
    struct forked *forked = arg;
    char byte;

    CHECK_INT(read(forked->ends.here, &byte, 1), 1);
    forked->other_went_on = true;
    return NULL;
}

/* In the child patched calls wait as they do in the parent, for children of its
 * own; of the parent's greenlets there is none. */
static int be_the_child(struct forked *forked)
{
    int status = system("exit 5");
    struct child child;

    CHECK_INT(WEXITSTATUS(status), 5);
    CHECK_INT(waitpid(-1, NULL, 0), -1);
    CHECK_INT(errno, ECHILD);
    child = child_new();
    reap(&child);
    CHECK_INT(thrum_future_result(forked->other, THRUM_FOREVER, NULL), -ECHILD);
    CHECK(!forked->other_went_on);
    return 42;
}

static int as_the_child(void *arg)
{
    return be_the_child(arg);
}

static void *fork_and_wait(void *arg)
{
    struct forked *forked = arg;

    CHECK_INT(thrum_pass(), 0); /* the other waits */
    CHECK_INT(in_child(as_the_child, forked), 42);
    CHECK_INT(write(forked->ends.there, "x", 1), 1);
    case_await(forked->other);
    CHECK(forked->other_went_on);
    return NULL;
}

TEST(S17_the_child_of_a_patched_greenlet_has_that_one_alone)
{
    struct forked forked = {.ends = ends_of_pipe()};
    thrum_future *future;

    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    case_patch();
    forked.other = case_spawn(read_and_tell, &forked);
    future = case_spawn(fork_and_wait, &forked);
    case_await(future);
    case_unpatch();
    ends_close(&forked.ends);
}

static int mind_signals(void *arg)
{
    (void)arg;
    CHECK(is_interruptible());
    CHECK_INT(WEXITSTATUS(system("exit 5")), 5);
    CHECK(is_interruptible());
    return 42;
}

static void *fork_beside_a_command(void *arg)
{
    CHECK(!is_interruptible());
    CHECK_INT(in_child(mind_signals, NULL), 42);
    CHECK(!is_interruptible());
    return command_let_go(arg);
}

TEST(S17_the_child_has_no_command_that_others_wait_for)
{
    struct sigaction ours = {.sa_handler = on_interrupt};
    struct command command = command_new();
    struct sigaction before;
    thrum_future *first;

    TEST_SKIP_EMULATED(NO_THREADS_IN_CHILD);
    assert_int_equal(sigaction(SIGINT, &ours, &before), 0);
    case_patch();
    first = case_spawn(run_command, &command);
    case_await(case_spawn(fork_beside_a_command, &command));
    case_await(first);
    case_unpatch();
    assert_int_equal(sigaction(SIGINT, &before, NULL), 0);
    command_end(&command);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("monkey-process", argc, argv);
}
