/* SPDX-License-Identifier: MIT */
/*
 * scratch.c - a folder with a file in it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cases_file.h"

void scratch_open(struct scratch *scratch)
{
    const size_t length = strlen(SCRATCH_TEXT);

    strcpy(scratch->folder, "/tmp/thrum-monkey-XXXXXX");
    if (!CHECK(mkdtemp(scratch->folder) != NULL))
        abort();
    snprintf(scratch->path, sizeof(scratch->path), "%s/file", scratch->folder);
    snprintf(scratch->other, sizeof(scratch->other), "%s/other",
             scratch->folder);
    scratch->fd = open(scratch->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(scratch->fd >= 0);
    CHECK_INT(write(scratch->fd, SCRATCH_TEXT, length), (long)length);
}

void scratch_close(struct scratch *scratch)
{
    CHECK_INT(close(scratch->fd), 0);
    (void)unlink(scratch->path);
    if (unlink(scratch->other) != 0)
        (void)rmdir(scratch->other);
    CHECK_INT(rmdir(scratch->folder), 0);
}
