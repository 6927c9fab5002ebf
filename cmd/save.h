/* SPDX-License-Identifier: MIT */
/*
 * save.h - bodies into files of one directory.
 */
#ifndef SAVE_H
#define SAVE_H

#include <stddef.h>

#include "fetch.h"

#define SAVE_NAME_MAX 160 /* bytes of a name from a URL, with its end */

struct save_dir; /* opaque; may be shared by threads */

/* A body on its way into a file. */
struct save_file {
    struct save_dir *dir;
    int fd;
    char temporary[32]; /* its name until it is complete */
};

/* Opens a directory, and makes it if it is not there. 0 or -errno. */
int save_dir_open(const char *path, struct save_dir **ret);
void save_dir_close(struct save_dir *dir); /* NULL is allowed */

/* Begins a file, adds to it; keeps it under the name of the record's URL, or
 * under that name with a number. 0 or -errno. */
int save_open(struct save_dir *dir, struct save_file *ret);
int save_write(struct save_file *file, const char *data, size_t n);
int save_keep(struct save_file *file, const struct fetch_record *record);

/* Ends it; what was not kept is gone. */
void save_close(struct save_file *file);

/* The name for what lies at `url`: its last part, with '_' for whatever is
 * not safe in a name. Never empty, never hidden, no '/'. */
void save_name(const char *url, char name[SAVE_NAME_MAX]);

/* The same name with a number before its ending: a.txt, a-2.txt. A `again`
 * above 0 makes it a-2-1.txt. */
void save_number_name(const char *name, size_t number, unsigned again,
                      char *ret, size_t n);

#endif /* SAVE_H */
