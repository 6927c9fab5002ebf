/* SPDX-License-Identifier: MIT */
/*
 * children.c - see children.h.
 */
#include "children.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "thrum_test.h"

static struct child child_spawn(short flags)
{
    const char *const words[] = {"sh", "-c", "read x; exit 7", NULL};
    struct child child = {-1, -1};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int fds[2] = {-1, -1};

    CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
    CHECK_INT(posix_spawn_file_actions_init(&actions), 0);
    CHECK_INT(posix_spawn_file_actions_adddup2(&actions, fds[0], 0), 0);
    CHECK_INT(posix_spawnattr_init(&attributes), 0);
    CHECK_INT(posix_spawnattr_setflags(&attributes, flags), 0);
    CHECK_INT(posix_spawn(&child.pid, "/bin/sh", &actions, &attributes,
                          (char *const *)(uintptr_t)words, environ),
              0);
    CHECK_INT(posix_spawnattr_destroy(&attributes), 0);
    CHECK_INT(posix_spawn_file_actions_destroy(&actions), 0);
    CHECK_INT(close(fds[0]), 0);
    child.hold = fds[1];
    return child;
}

struct child child_new(void)
{
    return child_spawn(0);
}

struct child child_in_group_of_its_own(void)
{
    return child_spawn(POSIX_SPAWN_SETPGROUP);
}

void *child_let_go(void *arg)
{
    struct child *child = arg;

    if (child->hold >= 0)
        CHECK_INT(close(child->hold), 0);
    child->hold = -1;
    return NULL;
}

struct command command_new(void)
{
    struct command command = {-1, -1, ""};
    int fds[2] = {-1, -1};

    CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
    command.from = dup(fds[0]);
    command.hold = fds[1];
    CHECK_INT(close(fds[0]), 0);
    (void)snprintf(command.text, sizeof(command.text), "cat <&%d; exit %d",
                   command.from, CHILD_STATUS);
    return command;
}

void *command_let_go(void *arg)
{
    struct command *command = arg;

    if (command->hold >= 0)
        CHECK_INT(close(command->hold), 0);
    command->hold = -1;
    return NULL;
}

void command_end(struct command *command)
{
    (void)command_let_go(command);
    CHECK_INT(close(command->from), 0);
}
