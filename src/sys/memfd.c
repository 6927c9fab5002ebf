/* SPDX-License-Identifier: MIT */
/*
 * sys/memfd.c - memory that processes share, as files without a name.
 */
#include "sys/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

#define MEMFD_SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int memfd_create_file(void)
{
    int fd;

    if (thrumi_fault("memfd_create"))
        return -ENFILE;
    fd = memfd_create("thrum", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

static int memfd_allocate(int fd, size_t size)
{
    if (size > INT64_MAX)
        return -ENOMEM;
    if (thrumi_fault("fallocate"))
        return -ENOSPC;
    while (fallocate(fd, 0, 0, (off_t)size) != 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

static int memfd_seal(int fd, int seals)
{
    if (thrumi_fault("fcntl_seals"))
        return -EBUSY;
    return fcntl(fd, F_ADD_SEALS, seals) == 0 ? 0 : -errno;
}

static int memfd_new_with(size_t size, int seals)
{
    int fd = memfd_create_file();
    int rc;

    if (fd < 0)
        return fd;
    rc = memfd_allocate(fd, size);
    if (rc == 0)
        rc = memfd_seal(fd, seals);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int thrumi_memfd_new(size_t size)
{
    return memfd_new_with(size, MEMFD_SIZE_SEALS | F_SEAL_SEAL);
}

int thrumi_memfd_new_blank(size_t size)
{
    return memfd_new_with(size, MEMFD_SIZE_SEALS);
}

int thrumi_memfd_freeze(int fd)
{
    return memfd_seal(fd, F_SEAL_WRITE | F_SEAL_SEAL);
}

bool thrumi_memfd_is_frozen(int fd, size_t size)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat facts;

    return seals >= 0 &&
           (seals & (MEMFD_SIZE_SEALS | F_SEAL_WRITE)) ==
               (MEMFD_SIZE_SEALS | F_SEAL_WRITE) &&
           fstat(fd, &facts) == 0 && facts.st_size >= 0 &&
           (size_t)facts.st_size >= size;
}

void *thrumi_memfd_map(int fd, size_t size, bool own_copy)
{
    void *memory;

    if (thrumi_fault("mmap"))
        return NULL;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                  own_copy ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void thrumi_memfd_unmap(void *memory, size_t size)
{
    munmap(memory, size);
}

int thrumi_memfd_write(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    size_t done = 0;

    while (done < size) {
        ssize_t n = pwrite(fd, at + done, size - done, (off_t)done);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

int thrumi_memfd_read(int fd, void *bytes, size_t size, size_t from)
{
    char *at = bytes;
    size_t done = 0;

    while (done < size) {
        ssize_t n = pread(fd, at + done, size - done, (off_t)(from + done));

        if (n == 0)
            return -ENODATA;
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}
