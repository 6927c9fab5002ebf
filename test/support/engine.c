/* SPDX-License-Identifier: MIT */
/*
 * test/support/engine.c - tests that are run on each engine.
 *
 * THRUM_LOOP=uring       the test is skipped where io_uring cannot be had
 * THRUM_TEST_SECCOMP=1   io_uring is refused, as containers do it: its three
 *                        system calls give EPERM
 * THRUM_TEST_HUB=1       each test begins with a hub that has its engine, where
 *                        it would be made when first wanted: all that waits,
 *                        waits there
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thrum/hub.h>

#include "support.h"

#define ENGINE_SETUP    425u /* io_uring_setup, and the other two follow */
#define ENGINE_REGISTER 427u

static bool engine_is_asked_for(const char *name)
{
    const char *text = getenv(name);

    return text != NULL && strcmp(text, "1") == 0;
}

static bool engine_refuse(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ENGINE_SETUP, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ENGINE_REGISTER, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static bool engine_has_uring(void)
{
    struct io_uring_params params;
    long fd;

    memset(&params, 0, sizeof(params));
    fd = syscall(ENGINE_SETUP, 4, &params);
    if (fd < 0)
        return false;
    close((int)fd);
    return true;
}

bool engine_prepare(void)
{
    const char *loop = getenv("THRUM_LOOP");
    const char *why = NULL;

    if (engine_is_asked_for("THRUM_TEST_SECCOMP")) {
        if (!engine_refuse())
            why = "filters of system calls cannot be set here";
        else if (engine_has_uring())
            why = "the filter does not refuse io_uring";
    }
    if (loop != NULL && strcmp(loop, "uring") == 0 && !engine_has_uring())
        why = "io_uring cannot be had here";
    if (why != NULL)
        printf("1..0 # SKIP %s\n", why);
    return why == NULL;
}

void engine_hub(void)
{
    int rc;

    if (!engine_is_asked_for("THRUM_TEST_HUB"))
        return;
    rc = thrum_hub_open(NULL);
    if (rc == 0)
        return;
    printf("# no hub: %d\n", rc);
    abort();
}
