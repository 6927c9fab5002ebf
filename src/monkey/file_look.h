/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_look.h - is what a path leads to in memory?
 */
#ifndef THRUMI_MONKEY_FILE_LOOK_H
#define THRUMI_MONKEY_FILE_LOOK_H

#include <stdbool.h>
#include <sys/types.h>

/* Looks, without waiting for the disk, for what the path leads to: its mode, or
 * 0 if only the disk knows, or it is not there. The flags are open's, of which
 * O_NOFOLLOW counts. THRUMI_LOOK_FAULT: the path itself is where no memory is. */
#define THRUMI_LOOK_FAULT ((mode_t)-1)
mode_t thrumi_file_look(int folder, const char *path, int flags);

#endif /* THRUMI_MONKEY_FILE_LOOK_H */
