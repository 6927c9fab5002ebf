/* SPDX-License-Identifier: MIT */
/*
 * memory.c - memory of libc that fails when it is told to, for the calling thread
 * alone. Sanitizers have a malloc of their own: nothing fails there.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "names.h"
#include "thrum_test.h"

/* initial-exec: what is not asks for memory itself */
static __thread unsigned memory_left __attribute__((tls_model("initial-exec")));

unsigned names_fail_memory(unsigned nth)
{
    unsigned left = memory_left;

    memory_left = nth;
    return left;
}

#if !TEST_ASAN && !TEST_TSAN && defined(__GLIBC__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static bool memory_fails(void)
{
    if (memory_left == 0 || --memory_left > 0)
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return memory_fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return memory_fails() ? NULL : __libc_realloc(memory, size);
}
#endif
