/* SPDX-License-Identifier: MIT */
/*
 * sys/children.c - starting others of its kind, and telling of their ends.
 */
#include "sys/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/fault.h"

/* As at the beginning of a program. Some cannot be changed: their numbers are
 * libc's, or they are SIGKILL and SIGSTOP. */
void thrumi_children_forget(void)
{
    const struct sigaction action = {.sa_handler = SIG_DFL};

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL);
}

int thrumi_children_watch(void)
{
    sigset_t set;
    int fd;

    thrumi_children_forget();
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

void thrumi_children_clear(int watch)
{
    struct signalfd_siginfo info;

    while (read(watch, &info, sizeof(info)) > 0)
        ;
}

int thrumi_children_fork(void)
{
    int pid;

    if (thrumi_fault("fork"))
        return -EAGAIN;
    pid = fork();
    return pid < 0 ? -errno : pid;
}

bool thrumi_children_reap(struct thrumi_ending *ret)
{
    int status;
    int pid = waitpid(-1, &status, WNOHANG);

    if (pid <= 0)
        return false;
    ret->pid = pid;
    ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    return true;
}

static void children_empty_input(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    dup2(fd, STDIN_FILENO);
    if (fd != STDIN_FILENO)
        close(fd);
}

bool thrumi_children_born(int parent)
{
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        return false;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    children_empty_input();
    return true;
}

int thrumi_children_self(void)
{
    return getpid();
}

void thrumi_children_name(const char *name, unsigned n)
{
    char text[16];

    if (n == 0)
        snprintf(text, sizeof(text), "%s", name);
    else
        snprintf(text, sizeof(text), "%s_%u", name, n);
    prctl(PR_SET_NAME, text);
}

void thrumi_children_flush(void)
{
    fflush(stdout);
    fflush(stderr);
}

void thrumi_children_exit(int code)
{
    _exit(code);
}
