/* SPDX-License-Identifier: MIT */
/*
 * monkey/process_shell.c - system, popen and pclose.
 *
 * While a command runs SIGINT and SIGQUIT are ignored by the process: from the
 * first of these calls to the end of the last. libc counts its own calls, and
 * would take for the program's what was set here; so this system() stands for
 * libc's in plain threads too.
 *
 * SIGCHLD is blocked there, as POSIX has it, so that a handler which reaps
 * whatever there is does not take the status away. In a greenlet it is not: the
 * mask is the thread's, and the others that run meanwhile would wait in vain for
 * their SIGCHLD, for as long as a command takes, and start children that have it
 * blocked. And a handler may run in any other thread anyhow. If one does take the
 * status, the result is -1 and ECHILD.
 *
 * Who is killed, or cancelled as a pthread, while a command runs, kills the shell
 * and reaps it, as libc does. What that has started goes on.
 */
#include <errno.h>
#include <pthread.h>
#include <spawn.h>

#include <thrum/net.h>
#include <thrum/scope.h>

#include "monkey/elsewhere.h"
#include "monkey/hooks.h"
#include "monkey/locks.h"
#include "monkey/process.h"

/* ---- SIGINT and SIGQUIT ---- */

static struct {
    pthread_mutex_t lock;
    pthread_once_t once;
    /* guarded by lock: */
    unsigned users;
    struct sigaction interrupt; /* as they were before the first */
    struct sigaction quit;
} shell = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void shell_before_fork(void)
{
    pthread_mutex_lock(&shell.lock);
}

static void shell_after_fork(void)
{
    pthread_mutex_unlock(&shell.lock);
}

static void shell_mind_all(void)
{
    shell.users = 0;
    (void)sigaction(SIGINT, &shell.interrupt, NULL);
    (void)sigaction(SIGQUIT, &shell.quit, NULL);
}

/* Those that wait for commands are not in the child. */
static void shell_in_child(void)
{
    if (shell.users > 0)
        shell_mind_all();
    pthread_mutex_unlock(&shell.lock);
}

static void shell_prepare(void)
{
    (void)pthread_atfork(shell_before_fork, shell_after_fork, shell_in_child);
}

/* Adds to `set` what the command is not to ignore. */
static void shell_ignore(sigset_t *set)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(set);
    (void)pthread_once(&shell.once, shell_prepare);
    pthread_mutex_lock(&shell.lock);
    if (shell.users++ == 0) {
        (void)sigaction(SIGINT, &ignore, &shell.interrupt);
        (void)sigaction(SIGQUIT, &ignore, &shell.quit);
    }
    if (shell.interrupt.sa_handler != SIG_IGN)
        (void)sigaddset(set, SIGINT);
    if (shell.quit.sa_handler != SIG_IGN)
        (void)sigaddset(set, SIGQUIT);
    pthread_mutex_unlock(&shell.lock);
}

static void shell_mind(void)
{
    pthread_mutex_lock(&shell.lock);
    if (--shell.users == 0)
        shell_mind_all();
    pthread_mutex_unlock(&shell.lock);
}

/* ---- the shell ---- */

struct shell_run {
    pid_t pid;
    bool outside;
    sigset_t mask; /* the caller's */
};

static int shell_start(struct shell_run *run, const char *command,
                       const sigset_t *minded)
{
    const char *const words[] = {"sh", "-c", "--", command, NULL};
    posix_spawnattr_t attributes;
    int rc = posix_spawnattr_init(&attributes);

    if (rc != 0)
        return rc;
    (void)posix_spawnattr_setsigmask(&attributes, &run->mask);
    (void)posix_spawnattr_setsigdefault(&attributes, minded);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn(&run->pid, "/bin/sh", NULL, &attributes,
                     (char *const *)(uintptr_t)words, environ);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

/* The child's number, or a code. A thread of the program's own is interrupted by
 * signals and waits on. */
static int64_t shell_wait(const struct shell_run *run, int *status)
{
    pid_t pid;

    if (!run->outside)
        return thrumi_process_wait4(run->pid, status, 0, NULL);
    do
        pid = thrumi_original.waitpid(run->pid, status, 0);
    while (pid < 0 && errno == EINTR);
    return thrumi_from_errno(pid);
}

/* Reaps the shell of a caller that goes away. */
static void shell_kill(const struct shell_run *run)
{
    int status;

    (void)kill(run->pid, SIGKILL);
    THRUM_SHIELD
    {
        (void)shell_wait(run, &status);
    }
}

/* A pthread that is cancelled while it waits. */
static void shell_cancelled(void *arg)
{
    struct shell_run *run = arg;

    shell_kill(run);
    shell_mind();
    (void)pthread_sigmask(SIG_SETMASK, &run->mask, NULL);
}

/* What is pushed is the thread's: this is not for greenlets, which are not
 * cancelled either. */
static int64_t shell_result_outside(struct shell_run *run, int *status)
{
    int64_t rc;

    pthread_cleanup_push(shell_cancelled, run);
    rc = shell_wait(run, status);
    pthread_cleanup_pop(0);
    return rc;
}

static int64_t shell_result(struct shell_run *run)
{
    int status = 0;
    int64_t rc;

    if (run->outside)
        rc = shell_result_outside(run, &status);
    else
        rc = shell_wait(run, &status);
    if (thrumi_is_ended(rc))
        shell_kill(run);
    return rc < 0 ? rc : status;
}

/* What could not be started has ended with 127. */
static int shell_system(struct shell_run *run, const char *command)
{
    int64_t result = W_EXITCODE(127, 0);
    sigset_t minded;
    int rc;

    shell_ignore(&minded);
    rc = shell_start(run, command, &minded);
    if (rc == 0)
        result = shell_result(run);
    shell_mind();
    if (rc != 0)
        (void)thrumi_to_errno(-rc);
    return (int)thrumi_to_errno(result);
}

int thrumi_hook_system(const char *command)
{
    struct shell_run run = {.outside = thrumi_monkey_outside()};
    sigset_t child;
    int result;

    if (command == NULL)
        return thrumi_original.system(command);
    sigemptyset(&child);
    if (run.outside)
        (void)sigaddset(&child, SIGCHLD);
    (void)pthread_sigmask(SIG_BLOCK, &child, &run.mask);
    if (!run.outside)
        thrumi_signal_leave_out_held(&run.mask);
    result = shell_system(&run, command);
    if (run.outside) /* a greenlet's is the others' too, and was not changed */
        (void)pthread_sigmask(SIG_SETMASK, &run.mask, NULL);
    return result;
}

/* ---- popen and pclose ---- */

FILE *thrumi_hook_popen(const char *command, const char *mode)
{
    FILE *stream = thrumi_original.popen(command, mode);

    if (stream != NULL)
        (void)thrum_fd_fresh(fileno(stream));
    return stream;
}

struct shell_close {
    struct thrumi_job job;
    FILE *stream;
    int rc;
};

static void shell_run_close(struct thrumi_job *job)
{
    struct shell_close *end = (struct shell_close *)job;

    end->rc = thrumi_original.pclose(end->stream);
}

/* Without memory for a job: no kill ends this, but the child is reaped. */
struct shell_short_close {
    FILE *stream;
    int rc;
};

static void shell_run_short_close(void *arg)
{
    struct shell_short_close *end = arg;

    end->rc = thrumi_original.pclose(end->stream);
}

static int shell_close_without_job(FILE *stream)
{
    struct shell_short_close end = {stream, -1};

    thrumi_elsewhere(shell_run_short_close, &end);
    return end.rc;
}

/* The stream is gone also when the wait is ended: it is closed all the same. */
int thrumi_hook_pclose(FILE *stream)
{
    struct shell_close *end;
    int rc;

    if (thrumi_monkey_outside())
        return thrumi_original.pclose(stream);
    end = thrumi_job_new(sizeof(*end), shell_run_close, NULL);
    if (end == NULL)
        return shell_close_without_job(stream);
    end->stream = stream;
    end->job.always = true;
    rc = thrumi_job_wait(&end->job);
    rc = rc == 0 ? end->rc : (int)thrumi_to_errno(rc);
    thrumi_job_unref(&end->job);
    return rc;
}
