/* SPDX-License-Identifier: MIT */
/*
 * cases_process.c - children and commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "cases.h"
#include "children.h"

static void is_ended(int status)
{
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), CHILD_STATUS);
}

CASE(wait)
{
    struct child child = child_new();
    struct beside *other = beside(child_let_go, &child);
    int status = 0;

    CHECK_INT(wait(&status), child.pid);
    is_ended(status);
    beside_end(other);
}

CASE(waitpid)
{
    struct child child = child_new();
    struct beside *other = beside(child_let_go, &child);
    int status = 0;

    CHECK_INT(waitpid(child.pid, &status, 0), child.pid);
    is_ended(status);
    beside_end(other);
}

CASE(wait3)
{
    struct child child = child_new();
    struct beside *other = beside(child_let_go, &child);
    struct rusage usage;
    int status = 0;

    memset(&usage, 0xff, sizeof(usage));
    CHECK_INT(wait3(&status, 0, &usage), child.pid);
    is_ended(status);
    CHECK(usage.ru_utime.tv_sec >= 0);
    beside_end(other);
}

CASE(wait4)
{
    struct child child = child_new();
    struct beside *other = beside(child_let_go, &child);
    struct rusage usage;
    int status = 0;

    memset(&usage, 0xff, sizeof(usage));
    CHECK_INT(wait4(child.pid, &status, 0, &usage), child.pid);
    is_ended(status);
    CHECK(usage.ru_utime.tv_sec >= 0);
    beside_end(other);
}

CASE(waitid)
{
    struct child child = child_new();
    struct beside *other = beside(child_let_go, &child);
    siginfo_t info = {.si_pid = 0};

    CHECK_INT(waitid(P_PID, (id_t)child.pid, &info, WEXITED), 0);
    CHECK_INT(info.si_pid, child.pid);
    CHECK_INT(info.si_code, CLD_EXITED);
    CHECK_INT(info.si_status, CHILD_STATUS);
    beside_end(other);
}

CASE(system)
{
    struct command command = command_new();
    struct beside *other = beside(command_let_go, &command);

    is_ended(system(command.text));
    beside_end(other);
    command_end(&command);
}

CASE(popen)
{
    FILE *stream = popen("exit 7", "r");

    if (CHECK(stream != NULL))
        is_ended(pclose(stream));
}

CASE(pclose)
{
    struct command command = command_new();
    struct beside *other = beside(command_let_go, &command);
    FILE *stream = popen(command.text, "r");

    if (CHECK(stream != NULL))
        is_ended(pclose(stream));
    beside_end(other);
    command_end(&command);
}
