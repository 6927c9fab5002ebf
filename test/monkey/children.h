/* SPDX-License-Identifier: MIT */
/*
 * test/monkey/children.h - real children, which end when they are let go.
 */
#ifndef TEST_MONKEY_CHILDREN_H
#define TEST_MONKEY_CHILDREN_H

#include <sys/types.h>

#define CHILD_STATUS 7 /* what it exits with */

/* A shell that reads from a pipe to its end. */
struct child {
    pid_t pid;
    int hold; /* of the pipe; closed: -1 */
};

struct child child_new(void);
struct child child_in_group_of_its_own(void);

/* Lets it end; can run beside a case. */
void *child_let_go(void *child);

/* A command that reads from a pipe to its end, and exits with that status. */
struct command {
    int from; /* of the pipe, which the command inherits */
    int hold;
    char text[64];
};

struct command command_new(void);
void *command_let_go(void *command);
/* Also lets it go, if that was not done. */
void command_end(struct command *command);

#endif /* TEST_MONKEY_CHILDREN_H */
