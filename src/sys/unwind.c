/* SPDX-License-Identifier: MIT */
/*
 * sys/unwind.c - where this thread is, in addresses and in words.
 *
 * By the C library's backtrace(), which loads libgcc's unwinder on first use,
 * and dladdr(), which knows exported functions only: for others the object and
 * the offset in it are told, which addr2line takes.
 */
#include "sys/unwind.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sys/object.h"

int thrumi_unwind(void **frames, int max)
{
    return backtrace(frames, max);
}

void thrumi_unwind_prepare(void)
{
    static atomic_bool prepared; /* here, or where this process was copied */
    void *frame;

    if (atomic_load_explicit(&prepared, memory_order_acquire))
        return;
    backtrace(&frame, 1);
    atomic_store_explicit(&prepared, true, memory_order_release);
}

/* `at` says which function it is, `place` where in it. */
static void unwind_tell(const char *at, const char *place, char *text,
                        size_t size)
{
    Dl_info info;

    if (dladdr(at, &info) == 0)
        snprintf(text, size, "%p", (const void *)place);
    else if (info.dli_sname != NULL)
        snprintf(text, size, "%s+%#tx (%s)", info.dli_sname,
                 place - (const char *)info.dli_saddr,
                 thrumi_object_name(info.dli_fname));
    else
        snprintf(text, size, "%s+%#tx", thrumi_object_name(info.dli_fname),
                 place - (const char *)info.dli_fbase);
}

/* A return address lies behind the call, perhaps in the next function. */
void thrumi_unwind_name(const void *frame, char *text, size_t size)
{
    const char *place = frame;

    unwind_tell(place - 1, place, text, size);
}

void thrumi_unwind_name_place(const void *place, char *text, size_t size)
{
    unwind_tell(place, place, text, size);
}
