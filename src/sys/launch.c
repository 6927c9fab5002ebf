/* SPDX-License-Identifier: MIT */
/*
 * sys/launch.c - starting a process that the program does not see.
 *
 *     the program --clone, no signal--> go-between --clone--> the new process
 *                                       (ends at once)
 *
 * The new process loses its parent at once and goes to whoever adopts orphans.
 * The go-between is a child that sends no signal when it ends, which waits of
 * the program (without __WALL) do not find; we know its number and take its
 * remains away.
 *
 * Both run in our memory while we stand still (CLONE_VM, CLONE_VFORK), so that
 * nothing is copied however large the program is, and what goes wrong can be
 * written down for us. They run no code of the program and no handler of it:
 * all signals are blocked. Sanitizers are not told.
 */
#include "sys/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "sys/fault.h"
#include "sys/message.h"
#include "sys/pidfd.h"

#define LAUNCH_STACK      ((size_t)256 * 1024) /* of each of the two */
#define LAUNCH_FORK_STACK ((size_t)8 * 1024 * 1024)
#define LAUNCH_BARE       __attribute__((no_sanitize("thread", "address")))

/* clone() by the name that sanitizers leave alone: they take it for a fork, after
 * which the memory is another. */
extern int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

struct launch_state {
    const struct thrumi_launch *launch;
    char *inner_stack; /* its top */
    sigset_t mask;     /* the caller's */
    int pidfd;         /* or -errno */
    int exec_errno;
};

/* Nothing of ours is left in the new process but the one descriptor. */
LAUNCH_BARE static int launch_keep(int fd)
{
    if (fd == THRUMI_LAUNCH_FD) {
        if (syscall(SYS_fcntl, fd, F_SETFD, 0) != 0)
            return errno;
    } else if (syscall(SYS_dup3, fd, THRUMI_LAUNCH_FD, 0) < 0) {
        return errno;
    }
    if (syscall(SYS_close_range, THRUMI_LAUNCH_FD + 1, ~0u, 0) != 0)
        return errno;
    return 0;
}

LAUNCH_BARE static int launch_exec(void *arg)
{
    struct launch_state *state = arg;
    const struct thrumi_launch *launch = state->launch;

    state->exec_errno = launch_keep(launch->keep);
    if (state->exec_errno == 0) {
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, &state->mask, NULL, 8);
        syscall(SYS_execve, launch->path, launch->arguments,
                launch->environment);
        state->exec_errno = errno;
    }
    syscall(SYS_exit_group, 127);
    return 127;
}

static void launch_run(struct launch_state *state)
{
    if (launch_keep(state->launch->keep) != 0)
        _exit(127);
    sigprocmask(SIG_SETMASK, &state->mask, NULL);
    state->launch->run(state->launch->arg);
    _exit(0);
}

LAUNCH_BARE static int launch_between(void *arg)
{
    struct launch_state *state = arg;
    int pid;

    if (state->launch->run != NULL) {
        pid = fork();
        if (pid == 0)
            launch_run(state);
    } else {
        pid = __clone(launch_exec, state->inner_stack,
                      CLONE_VM | CLONE_VFORK | SIGCHLD, state);
    }
    state->pidfd = pid < 0 ? -errno : thrumi_pidfd_open(pid);
    if (pid >= 0 && state->exec_errno == 0 && state->pidfd < 0)
        kill(pid, SIGKILL);
    syscall(SYS_exit_group, 0);
    return 0;
}

/* The go-between shares our descriptors, so that what it opens is ours. */
static int launch_clone(struct launch_state *state, char *stack_top)
{
    int status;
    int pid;

    if (thrumi_fault("clone"))
        return -EAGAIN;
    pid = __clone(launch_between, stack_top,
                  CLONE_VM | CLONE_VFORK | CLONE_FILES, state);
    if (pid < 0) /* an emulator that knows no such thing says EINVAL */
        return errno == EINVAL ? -ENOTSUP : -errno;
    while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
        ;
    if (state->exec_errno != 0) {
        thrumi_close(state->pidfd);
        return -state->exec_errno;
    }
    return state->pidfd;
}

int thrumi_launch(const struct thrumi_launch *launch)
{
    size_t outer = launch->run != NULL ? LAUNCH_FORK_STACK : LAUNCH_STACK;
    struct launch_state state = {.launch = launch, .pidfd = -EAGAIN};
    sigset_t all;
    char *stack;
    int rc;

    if (thrumi_fault("mmap"))
        return -ENOMEM;
    stack =
        mmap(NULL, outer + LAUNCH_STACK, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -ENOMEM;
    state.inner_stack = stack + LAUNCH_STACK;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &state.mask);
    rc = launch_clone(&state, stack + LAUNCH_STACK + outer);
    pthread_sigmask(SIG_SETMASK, &state.mask, NULL);
    munmap(stack, outer + LAUNCH_STACK);
    return rc;
}

void thrumi_launch_become(const char *variable, int keep)
{
    char *arguments[] = {program_invocation_name, NULL};
    char **environment = thrumi_launch_environment(NULL, variable);

    if (environment != NULL && launch_keep(keep) == 0)
        execve(THRUMI_LAUNCH_SELF, arguments, environment);
}

/* ---- the environment ---- */

bool thrumi_launch_may_run(const char *path)
{
    return access(path, X_OK) == 0;
}

const char *thrumi_launch_name(void)
{
    return program_invocation_name;
}

static bool launch_same_name(const char *a, const char *b)
{
    size_t length = strcspn(a, "=");

    return strncmp(a, b, length) == 0 && b[length] == '=';
}

static bool launch_is_over(const char *variable, const char *const *more)
{
    for (; more != NULL && *more != NULL; more++)
        if (launch_same_name(*more, variable))
            return true;
    return false;
}

char **thrumi_launch_environment(const char *const *more, const char *last)
{
    const char *const lasts[] = {last, NULL};
    size_t count = 2;
    char **copy;

    for (char **at = environ; at != NULL && *at != NULL; at++)
        count++;
    for (const char *const *at = more; at != NULL && *at != NULL; at++)
        count++;
    copy = thrumi_alloc_array(count, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    count = 0;
    for (char **at = environ; at != NULL && *at != NULL; at++)
        if (!launch_is_over(*at, more) && !launch_is_over(*at, lasts))
            copy[count++] = *at;
    for (const char *const *at = more; at != NULL && *at != NULL; at++)
        copy[count++] = (char *)(uintptr_t)*at;
    copy[count++] = (char *)(uintptr_t)last;
    copy[count] = NULL;
    return copy;
}

unsigned thrumi_launch_threads(void)
{
    struct stat facts;

    if (stat("/proc/self/task", &facts) != 0 || facts.st_nlink < 3)
        return 1;
    return (unsigned)facts.st_nlink - 2;
}
