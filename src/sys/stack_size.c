/* SPDX-License-Identifier: MIT */
/*
 * sys/stack_size.c - how large stacks and their guards are.
 *
 * Why a guard of 48 KiB: there are frames of 33 KiB in the C library itself,
 * which a guard of a page or two never sees. docs/design/stacks.md has a table.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "sys/stack.h"

#define STACK_SMALLEST ((size_t)16 * 1024)
#define STACK_USUAL    ((size_t)64 * 1024)
#define STACK_GUARD    ((size_t)48 * 1024)

/* relaxed, here and below: all find the same */
size_t thrumi_stack_page(void)
{
    static atomic_size_t cached;
    size_t page = atomic_load_explicit(&cached, memory_order_relaxed);

    if (thrumi_unlikely(page == 0)) {
        page = (size_t)sysconf(_SC_PAGESIZE);
        atomic_store_explicit(&cached, page, memory_order_relaxed);
    }
    return page;
}

size_t thrumi_stack_class_size(unsigned class_index)
{
    return STACK_SMALLEST << 2 * class_index;
}

/* The class that has room for so many bytes, or THRUMI_STACK_CLASSES. */
unsigned thrumi_stack_class_of(size_t size)
{
    unsigned class_index = 0;

    while (class_index < THRUMI_STACK_CLASSES &&
           (thrumi_stack_class_size(class_index) < size ||
            thrumi_stack_class_size(class_index) < thrumi_stack_page()))
        class_index++;
    return class_index;
}

/* A signal handler must find room on it, and we some for ourselves. */
static size_t stack_find_least(void)
{
    long signal = sysconf(_SC_MINSIGSTKSZ);
    size_t least = (size_t)(signal > 0 ? signal : 2048) + 4096;

    return least > STACK_SMALLEST ? (least + 4095) & ~(size_t)4095
                                  : STACK_SMALLEST;
}

size_t thrumi_stack_least(void)
{
    static atomic_size_t cached;
    size_t least = atomic_load_explicit(&cached, memory_order_relaxed);

    if (thrumi_unlikely(least == 0)) {
        least = stack_find_least();
        atomic_store_explicit(&cached, least, memory_order_relaxed);
    }
    return least;
}

static unsigned stack_unit(char letter)
{
    switch (letter) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    default:
        return 0;
    }
}

/* THRUM_STACK_SIZE: bytes, with K or M behind it if one likes; anything else is
 * as if not there. */
static size_t stack_size_from_environment(void)
{
    const char *text = getenv("THRUM_STACK_SIZE");
    unsigned long long n;
    unsigned unit;
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return 0;
    n = strtoull(text, &end, 10);
    unit = stack_unit(*end);
    if (unit != 0)
        end++;
    if (*end != '\0' || n > SIZE_MAX >> unit)
        return 0;
    n <<= unit;
    return n >= thrumi_stack_least() ? thrumi_stack_round((size_t)n) : 0;
}

size_t thrumi_stack_default(void)
{
    static atomic_size_t cached;
    size_t size = atomic_load_explicit(&cached, memory_order_relaxed);

    if (size == 0) {
        size = stack_size_from_environment();
        if (size == 0)
            size = thrumi_stack_round(STACK_USUAL);
        atomic_store_explicit(&cached, size, memory_order_relaxed);
    }
    return size;
}

size_t thrumi_stack_round(size_t size)
{
    unsigned class_index = thrumi_stack_class_of(size);

    return class_index == THRUMI_STACK_CLASSES
               ? 0
               : thrumi_stack_class_size(class_index);
}

size_t thrumi_stack_guard(void)
{
    size_t page = thrumi_stack_page();

    return (STACK_GUARD + page - 1) / page * page;
}
