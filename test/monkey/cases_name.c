/* SPDX-License-Identifier: MIT */
/*
 * cases_name.c - what is done to files by their names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monkey/undeclared.h"

#include "cases_file.h"

#if defined(__x86_64__)
# define STAT_VERSION 1
#else
# define STAT_VERSION 0
#endif

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* ---- open ---- */

/* By a name that is known, one that is not there, and one that is made. */
static void case_of_open(int (*fn)(const char *path, int flags))
{
    struct scratch scratch;
    char text[16] = "";
    int fd;

    scratch_open(&scratch);
    fd = fn(scratch.path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK_INT(fcntl(fd, F_GETFD), 0);
    CHECK_INT(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
    CHECK_INT(read(fd, text, sizeof(text)), 12);
    CHECK_INT(close(fd), 0);
    fd = fn(scratch.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_INT(close(fd), 0);
    CHECK_INT(fn(scratch.other, O_RDONLY), -1);
    CHECK_INT(errno, ENOENT);
    fd = fn(scratch.path, O_WRONLY | O_TRUNC);
    CHECK_INT(lseek(fd, 0, SEEK_END), 0);
    CHECK_INT(close(fd), 0);
    scratch_close(&scratch);
}

static int by_open(const char *path, int flags)
{
    return open(path, flags);
}

CASE(open)
{
    struct scratch scratch;
    struct stat status;
    int fd = -1;

    case_of_open(by_open);
    scratch_open(&scratch);
    fd = open(scratch.other, O_RDWR | O_CREAT | O_EXCL, 0640);
    CHECK_INT(fstat(fd, &status), 0);
    CHECK_INT(status.st_mode & 0700, 0600);
    CHECK_INT(close(fd), 0);
    CHECK_INT(open(scratch.other, O_RDWR | O_CREAT | O_EXCL, 0640), -1);
    CHECK_INT(errno, EEXIST);
    scratch_close(&scratch);
}

static int by_openat(const char *path, int flags)
{
    return openat(AT_FDCWD, path, flags);
}

CASE(openat)
{
    struct scratch scratch;
    int folder;
    int fd = -1;

    case_of_open(by_openat);
    scratch_open(&scratch);
    folder = open(scratch.folder, O_PATH | O_CLOEXEC);
    fd = openat(folder, "other", O_WRONLY | O_CREAT, 0600);
    CHECK(fd >= 0 && is_there(scratch.other));
    CHECK_INT(close(fd), 0);
    fd = openat(folder, "file", O_RDONLY);
    CHECK(fd >= 0);
    CHECK_INT(close(fd), 0);
    CHECK_INT(openat(-5, "file", O_WRONLY | O_CREAT, 0600), -1);
    CHECK_INT(errno, EBADF);
    CHECK_INT(close(folder), 0);
    scratch_close(&scratch);
}

CASE(creat)
{
    struct scratch scratch;
    int fd = -1;

    scratch_open(&scratch);
    fd = creat(scratch.path, 0600);
    CHECK_INT(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_INT(lseek(fd, 0, SEEK_END), 0);
    CHECK_INT(close(fd), 0);
    CHECK_INT(creat(scratch.folder, 0600), -1);
    CHECK_INT(errno, EISDIR);
    scratch_close(&scratch);
}

CASE(__open_2)
{
    case_of_open(__open_2);
}

static int by_openat_2(const char *path, int flags)
{
    return __openat_2(AT_FDCWD, path, flags);
}

CASE(__openat_2)
{
    case_of_open(by_openat_2);
}

/* ---- looks ---- */

/* Of a file, a link, and nothing. */
static void case_of_stat(int (*fn)(const char *path, struct stat *into),
                         bool follows)
{
    struct scratch scratch;
    struct stat status;

    scratch_open(&scratch);
    CHECK_INT(fn(scratch.path, &status), 0);
    CHECK_INT(status.st_size, 12);
    CHECK(S_ISREG(status.st_mode));
    CHECK_INT(symlink(scratch.path, scratch.other), 0);
    CHECK_INT(fn(scratch.other, &status), 0);
    CHECK(follows ? S_ISREG(status.st_mode) : S_ISLNK(status.st_mode));
    CHECK_INT(unlink(scratch.other), 0);
    CHECK_INT(fn(scratch.other, &status), -1);
    CHECK_INT(errno, ENOENT);
    scratch_close(&scratch);
}

CASE(stat)
{
    case_of_stat(stat, true);
}

CASE(lstat)
{
    case_of_stat(lstat, false);
}

static int by_fstatat(const char *path, struct stat *into)
{
    return fstatat(AT_FDCWD, path, into, AT_SYMLINK_NOFOLLOW);
}

CASE(fstatat)
{
    struct scratch scratch;
    struct stat status;

    case_of_stat(by_fstatat, false);
    scratch_open(&scratch);
    CHECK_INT(fstatat(scratch.fd, "", &status, AT_EMPTY_PATH), 0);
    CHECK_INT(status.st_size, 12);
    scratch_close(&scratch);
}

static int by_statx(const char *path, struct stat *into)
{
    struct statx status;
    int rc = statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &status);

    into->st_size = (off_t)status.stx_size;
    into->st_mode = status.stx_mode;
    return rc;
}

CASE(statx)
{
    case_of_stat(by_statx, true);
}

static int by_xstat(const char *path, struct stat *into)
{
    return __xstat(STAT_VERSION, path, into);
}

CASE(__xstat)
{
    case_of_stat(by_xstat, true);
}

static int by_lxstat(const char *path, struct stat *into)
{
    return __lxstat(STAT_VERSION, path, into);
}

CASE(__lxstat)
{
    case_of_stat(by_lxstat, false);
}

static int by_fxstatat(const char *path, struct stat *into)
{
    return __fxstatat(STAT_VERSION, AT_FDCWD, path, into, 0);
}

CASE(__fxstatat)
{
    case_of_stat(by_fxstatat, true);
}

/* ---- changes ---- */

/* The file becomes the other. */
static void case_of_rename(int (*fn)(const char *from, const char *to))
{
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(fn(scratch.path, scratch.other), 0);
    CHECK(is_there(scratch.other) && !is_there(scratch.path));
    CHECK_INT(fn(scratch.path, scratch.other), -1);
    CHECK_INT(errno, ENOENT);
    scratch_close(&scratch);
}

CASE(rename)
{
    case_of_rename(rename);
}

static int by_renameat(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

CASE(renameat)
{
    case_of_rename(by_renameat);
}

static int by_renameat2(const char *from, const char *to)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 1 /* RENAME_NOREPLACE */);
}

CASE(renameat2)
{
    case_of_rename(by_renameat2);
}

static void case_of_unlink(int (*fn)(const char *path))
{
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(fn(scratch.path), 0);
    CHECK(!is_there(scratch.path));
    CHECK_INT(fn(scratch.path), -1);
    CHECK_INT(errno, ENOENT);
    scratch_close(&scratch);
}

CASE(unlink)
{
    case_of_unlink(unlink);
}

static int by_unlinkat(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

CASE(unlinkat)
{
    case_of_unlink(by_unlinkat);
}

static void case_of_mkdir(int (*make)(const char *path, mode_t mode))
{
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(make(scratch.other, 0700), 0);
    CHECK(is_there(scratch.other));
    CHECK_INT(make(scratch.other, 0700), -1);
    CHECK_INT(errno, EEXIST);
    CHECK_INT(rmdir(scratch.other), 0);
    CHECK(!is_there(scratch.other));
    scratch_close(&scratch);
}

CASE(mkdir)
{
    case_of_mkdir(mkdir);
}

CASE(rmdir)
{
    case_of_mkdir(mkdir);
}

static int by_mkdirat(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

CASE(mkdirat)
{
    case_of_mkdir(by_mkdirat);
}

CASE(truncate)
{
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(truncate(scratch.path, 5), 0);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_END), 5);
    CHECK_INT(truncate(scratch.other, 5), -1);
    CHECK_INT(errno, ENOENT);
    scratch_close(&scratch);
}
