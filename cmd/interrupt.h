/* SPDX-License-Identifier: MIT */
/*
 * interrupt.h - Ctrl-C: once to stop cleanly, twice to stop at once.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/* Catches SIGINT and SIGTERM from here on, and ignores SIGPIPE, so that a
 * reader that went away is an error of the write. Returns 0 or -errno. */
int interrupt_catch(void);

/* In a worker process: these signals are for the main process alone. */
int interrupt_leave(void);

/* The signal that asked the program to stop, or 0. */
int interrupt_signal(void);

/* A descriptor that polls as readable from the first Ctrl-C on. */
int interrupt_fd(void);

/* Sleeps for so many milliseconds; true at once when Ctrl-C was pressed. */
bool interrupt_sleep(int ms);

/* A text to write to the terminal when the second Ctrl-C ends the program:
 * what brings it back into order. Static, or NULL. */
void interrupt_set_last_words(const char *text);

#endif /* INTERRUPT_H */
