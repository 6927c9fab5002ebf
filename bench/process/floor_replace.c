/* SPDX-License-Identifier: MIT */
/*
 * process/floor_replace.c - the least that it takes to replace a worker: a fork
 * of the owner, or (ZYGOTE) of a small process that the owner has asked for it.
 *
 * A worker writes a byte when it is there, and sleeps.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/harness.h"

static int worker = -1;
static int life[2]; /* a pipe for these bytes, the same for all */

static _Noreturn void worker_run(int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bench_want(write(out, "", 1) == 1, "write");
    for (;;)
        pause();
}

#ifdef ZYGOTE

/* ---- a byte asks for a worker; its number is the answer ---- */

static int asks[2], answers[2];

static _Noreturn void zygote_run(void)
{
    char byte;

    close(asks[1]); /* so that it reads the end of its owner */
    signal(SIGCHLD, SIG_IGN);
    while (read(asks[0], &byte, 1) == 1) {
        int pid = fork();

        if (pid == 0)
            worker_run(life[1]);
        bench_want(write(answers[1], &pid, sizeof pid) == sizeof pid, "write");
    }
    _exit(0);
}

static void replace_prepare(void)
{
    bench_want(!pipe2(asks, O_CLOEXEC) && !pipe2(answers, O_CLOEXEC) &&
                   !pipe2(life, O_CLOEXEC),
               "pipe2");
    if (fork() == 0)
        zygote_run();
}

static void replace_start(void)
{
    bench_want(write(asks[1], "", 1) == 1, "write");
    bench_want(read(answers[0], &worker, sizeof worker) == sizeof worker,
               "read");
}

static void replace_bury(void)
{
    kill(worker, SIGKILL);
}

#else

static void replace_prepare(void)
{
    bench_want(!pipe2(life, O_CLOEXEC), "pipe2");
}

static void replace_start(void)
{
    worker = fork();
    bench_want(worker >= 0, "fork");
    if (worker == 0)
        worker_run(life[1]);
}

static void replace_bury(void)
{
    kill(worker, SIGKILL);
    waitpid(worker, NULL, 0);
}

#endif

/* The zygote is there already. */
static void floor_start(int n)
{
}

static void floor_replace(void)
{
    char byte;

    if (worker > 0)
        replace_bury();
    replace_start();
    bench_want(read(life[0], &byte, 1) == 1, "a worker");
}

const struct bench_peer bench_peer = {
    .early = replace_prepare,
    .start = floor_start,
    .replace = floor_replace,
};
