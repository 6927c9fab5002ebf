/* SPDX-License-Identifier: MIT */
/*
 * fetch_command.h - `thrum fetch`.
 */
#ifndef FETCH_COMMAND_H
#define FETCH_COMMAND_H

/* Returns the exit status. */
int fetch_command(int argc, char **argv);

#endif /* FETCH_COMMAND_H */
