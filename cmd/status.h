/* SPDX-License-Identifier: MIT */
/*
 * status.h - the exit statuses of the command `thrum`.
 *
 * When several hold, the later of this list wins; a signal wins over all and
 * ends the program with 128 + its number, as a shell would say it.
 */
#ifndef STATUS_H
#define STATUS_H

enum {
    STATUS_OK = 0,     /* everything was fetched */
    STATUS_FAILED = 1, /* some URL was not */
    STATUS_USAGE = 2,  /* bad option, no URLs, unreadable list */
    STATUS_OUTPUT = 3, /* the results or the timeline could not be written */
};

#endif /* STATUS_H */
