/* SPDX-License-Identifier: MIT */
/*
 * save.c - bodies into files of one directory.
 *
 * A body goes to a temporary name first, and gets its own name when it is
 * complete, without ever replacing a file: a reader sees whole bodies only.
 * Names are one component and all calls are relative to the open directory,
 * so nothing is written anywhere else, whatever a URL says.
 *
 * A name that is taken gets the URL's place in the list as its number. So two
 * bodies of one run never try for the same number, and a million index.html
 * cost one more try each, not a million.
 */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct save_dir {
    int fd;
    atomic_uint next; /* number of the next temporary file */
};

int save_dir_open(const char *path, struct save_dir **ret)
{
    struct save_dir *dir;
    int fd;

    if (mkdir(path, 0777) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    dir = calloc(1, sizeof(*dir));
    if (dir == NULL) {
        close(fd);
        return -ENOMEM;
    }
    dir->fd = fd;
    *ret = dir;
    return 0;
}

void save_dir_close(struct save_dir *dir)
{
    if (dir == NULL)
        return;
    close(dir->fd);
    free(dir);
}

int save_open(struct save_dir *dir, struct save_file *ret)
{
    ret->dir = dir;
    do {
        unsigned number =
            atomic_fetch_add_explicit(&dir->next, 1, memory_order_relaxed);

        snprintf(ret->temporary, sizeof(ret->temporary), ".thrum-%ld-%u",
                 (long)getpid(), number);
        ret->fd = openat(dir->fd, ret->temporary,
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (ret->fd < 0 && errno == EEXIST);
    return ret->fd < 0 ? -errno : 0;
}

int save_write(struct save_file *file, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t written = write(file->fd, data, n);

        if (written < 0 && errno != EINTR)
            return -errno;
        if (written > 0) {
            data += written;
            n -= (size_t)written;
        }
    }
    return 0;
}

/* Moves the file to a name, unless that is taken. Where the file system cannot
 * do both in one step, an empty file takes the name first. */
static int save_rename(struct save_file *file, const char *name)
{
    int dir = file->dir->fd;
    int fd;

    if (renameat2(dir, file->temporary, dir, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return -errno;
    close(fd);
    if (renameat(dir, file->temporary, dir, name) < 0) {
        int rc = -errno;

        unlinkat(dir, name, 0);
        return rc;
    }
    return 0;
}

int save_keep(struct save_file *file, const struct fetch_record *record)
{
    char name[SAVE_NAME_MAX];
    char numbered[SAVE_NAME_MAX + 48];
    int rc;

    if (close(file->fd) < 0) {
        file->fd = -1;
        return -errno; /* some file systems tell only here that they are full */
    }
    file->fd = -1;
    save_name(record->url, name);
    rc = save_rename(file, name);
    for (unsigned again = 0; rc == -EEXIST; again++) {
        save_number_name(name, record->index + 1, again, numbered,
                         sizeof(numbered));
        rc = save_rename(file, numbered);
    }
    if (rc == 0)
        file->temporary[0] = '\0';
    return rc;
}

void save_close(struct save_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->temporary[0] != '\0')
        unlinkat(file->dir->fd, file->temporary, 0);
}

/* The last part of a URL's path: where it begins and how long it is. */
static const char *save_last_part(const char *url, size_t *ret_length)
{
    const char *start = strstr(url, "://");
    const char *end;
    const char *part;

    start = start != NULL ? start + 3 : url;
    end = start + strcspn(start, "?#");
    part = memrchr(start, '/', (size_t)(end - start));
    part = part != NULL ? part + 1 : end; /* no path: no name */
    *ret_length = (size_t)(end - part);
    return part;
}

static bool save_is_safe(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr(".-_+=,@", c));
}

void save_name(const char *url, char name[SAVE_NAME_MAX])
{
    size_t length;
    const char *part = save_last_part(url, &length);

    if (length == 0) {
        part = "index.html";
        length = strlen(part);
    }
    if (length >= SAVE_NAME_MAX)
        length = SAVE_NAME_MAX - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = save_is_safe(part[i]) ? part[i] : '_';
    name[length] = '\0';
    /* No "..", no hidden file, nothing that a command takes for an option. */
    if (name[0] == '.' || name[0] == '-')
        name[0] = '_';
}

void save_number_name(const char *name, size_t number, unsigned again,
                      char *ret, size_t n)
{
    const char *ending = strrchr(name, '.');
    char more[16] = "";

    if (ending == NULL || ending == name)
        ending = name + strlen(name);
    if (again > 0)
        snprintf(more, sizeof(more), "-%u", again);
    snprintf(ret, n, "%.*s-%zu%s%s", (int)(ending - name), name, number, more,
             ending);
}
