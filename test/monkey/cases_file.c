/* SPDX-License-Identifier: MIT */
/*
 * cases_file.c - what is done to open files.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monkey/undeclared.h"

#include "cases_file.h"

/* ---- reading and writing ---- */

/* Reads "world" where it stands in the file. */
static void case_of_pread(ssize_t (*fn)(int fd, void *into, size_t n, off_t at))
{
    struct scratch scratch;
    char text[16] = "";

    scratch_open(&scratch);
    CHECK_INT(fn(scratch.fd, text, sizeof(text), 7), 5);
    CHECK(memcmp(text, "world", 5) == 0);
    CHECK_INT(fn(scratch.fd, text, sizeof(text), 700), 0);
    CHECK_INT(fn(scratch.fd, text, sizeof(text), -2), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(fn(-1, text, sizeof(text), 0), -1);
    CHECK_INT(errno, EBADF);
    scratch_close(&scratch);
}

/* Makes it "hello, THERE". */
static void case_of_pwrite(ssize_t (*fn)(int fd, const void *from, size_t n,
                                         off_t at))
{
    struct scratch scratch;
    char text[16] = "";

    scratch_open(&scratch);
    CHECK_INT(fn(scratch.fd, "THERE", 5, 7), 5);
    CHECK_INT(pread(scratch.fd, text, sizeof(text), 0), 12);
    CHECK(memcmp(text, "hello, THERE", 12) == 0);
    CHECK_INT(fn(scratch.fd, text, sizeof(text), -2), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(fn(-1, text, sizeof(text), 0), -1);
    CHECK_INT(errno, EBADF);
    scratch_close(&scratch);
}

CASE(pread)
{
    case_of_pread(pread);
}

static ssize_t by_pread_chk(int fd, void *into, size_t n, off_t at)
{
    return __pread_chk(fd, into, n, at, n);
}

CASE(__pread_chk)
{
    case_of_pread(by_pread_chk);
}

CASE(pwrite)
{
    case_of_pwrite(pwrite);
}

static ssize_t by_preadv(int fd, void *into, size_t n, off_t at)
{
    struct iovec vector[3] = {{into, 2}, {NULL, 0}, {(char *)into + 2, n - 2}};

    return preadv(fd, vector, 3, at);
}

CASE(preadv)
{
    case_of_pread(by_preadv);
}

static ssize_t by_pwritev(int fd, const void *from, size_t n, off_t at)
{
    char *data = (char *)(uintptr_t)from;
    struct iovec vector[3] = {{data, 2}, {NULL, 0}, {data + 2, n - 2}};

    return pwritev(fd, vector, 3, at);
}

CASE(pwritev)
{
    case_of_pwrite(by_pwritev);
}

static ssize_t by_preadv2(int fd, void *into, size_t n, off_t at)
{
    struct iovec vector = {into, n};

    return preadv2(fd, &vector, 1, at, 0);
}

static ssize_t by_preadv2_hipri(int fd, void *into, size_t n, off_t at)
{
    struct iovec vector = {into, n};

    return preadv2(fd, &vector, 1, at, RWF_HIPRI);
}

static ssize_t where_it_stands(int fd, void *into, size_t n)
{
    struct iovec vector = {into, n};

    return preadv2(fd, &vector, 1, -1, 0);
}

CASE(preadv2)
{
    case_of_pread(by_preadv2);
    case_of_pread(by_preadv2_hipri);
    case_of_reading(ends_of_pipe(), where_it_stands);
}

static ssize_t by_pwritev2(int fd, const void *from, size_t n, off_t at)
{
    struct iovec vector = {(char *)(uintptr_t)from, n};

    return pwritev2(fd, &vector, 1, at, 0);
}

static ssize_t by_pwritev2_sync(int fd, const void *from, size_t n, off_t at)
{
    struct iovec vector = {(char *)(uintptr_t)from, n};

    return pwritev2(fd, &vector, 1, at, RWF_SYNC);
}

CASE(pwritev2)
{
    struct iovec vector = {(char[]){"hello"}, 5};
    struct scratch scratch;

    case_of_pwrite(by_pwritev2);
    case_of_pwrite(by_pwritev2_sync);
    scratch_open(&scratch);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_SET), 0);
    CHECK_INT(pwritev2(scratch.fd, &vector, 1, -1, 0), 5);
    CHECK_INT(lseek(scratch.fd, 0, SEEK_CUR), 5);
    scratch_close(&scratch);
}

/* ---- to the disk ---- */

/* The call on a file; and on nothing. */
static void case_of_descriptor(int (*fn)(int fd))
{
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(fn(scratch.fd), 0);
    CHECK_INT(fn(-1), -1);
    CHECK_INT(errno, EBADF);
    scratch_close(&scratch);
}

CASE(fsync)
{
    case_of_descriptor(fsync);
}

CASE(fdatasync)
{
    case_of_descriptor(fdatasync);
}

CASE(syncfs)
{
    case_of_descriptor(syncfs);
}

static int range_of(int fd)
{
    return sync_file_range(fd, 0, 0,
                           SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

CASE(sync_file_range)
{
    case_of_descriptor(range_of);
}

CASE(sync)
{
    sync();
}

CASE(msync)
{
    const size_t n = (size_t)sysconf(_SC_PAGESIZE);
    struct scratch scratch;
    char *memory;

    scratch_open(&scratch);
    memory = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, scratch.fd, 0);
    CHECK(memory != MAP_FAILED);
    memory[0] = 'H';
    CHECK_INT(msync(memory, n, MS_SYNC), 0);
    CHECK_INT(msync(memory, n, MS_ASYNC), 0);
    CHECK_INT(msync(memory + 1, n, MS_SYNC), -1);
    CHECK_INT(errno, EINVAL);
    CHECK_INT(munmap(memory, n), 0);
    scratch_close(&scratch);
}

/* ---- room ---- */

static long size_of(int fd)
{
    struct stat status;

    CHECK_INT(fstat(fd, &status), 0);
    return (long)status.st_size;
}

static int cut(int fd)
{
    int rc = ftruncate(fd, 5);

    if (rc == 0)
        CHECK_INT(size_of(fd), 5);
    return rc;
}

CASE(ftruncate)
{
    case_of_descriptor(cut);
}

static int grow(int fd)
{
    int rc = fallocate(fd, 0, 0, 4096);

    if (rc == 0)
        CHECK_INT(size_of(fd), 4096);
    return rc;
}

CASE(fallocate)
{
    case_of_descriptor(grow);
}

/* It tells errors by what it returns, and leaves errno alone. */
CASE(posix_fallocate)
{
    struct scratch scratch;

    scratch_open(&scratch);
    CHECK_INT(posix_fallocate(scratch.fd, 0, 5000), 0);
    CHECK_INT(size_of(scratch.fd), 5000);
    errno = ERANGE;
    CHECK_INT(posix_fallocate(-1, 0, 5000), EBADF);
    CHECK_INT(posix_fallocate(scratch.fd, 0, -1), EINVAL);
    CHECK_INT(errno, ERANGE);
    scratch_close(&scratch);
}

CASE(posix_fadvise)
{
    struct scratch scratch;

    scratch_open(&scratch);

    CHECK_INT(posix_fadvise(scratch.fd, 0, 0, POSIX_FADV_WILLNEED), 0);
    CHECK_INT(posix_fadvise(-1, 0, 0, POSIX_FADV_WILLNEED), EBADF);
    scratch_close(&scratch);
}

static int ahead(int fd)
{
    return (int)readahead(fd, 0, 4096);
}

CASE(readahead)
{
    case_of_descriptor(ahead);
}
