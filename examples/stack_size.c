/* SPDX-License-Identifier: MIT */
/*
 * stack_size.c - how much stack a generator needs, by asking it.
 *
 * It gets far too much at first, and an untouched stack; at its last yield its
 * deepest call lies behind it. Depths differ between compilers, so they go to
 * stderr.
 */
#include <string.h>

#include "check.h"

#define KIB 1024

/* Stands for the functions of a library that keep buffers on the stack. */
static size_t work(size_t depth)
{
    char buffer[KIB];

    snprintf(buffer, sizeof(buffer), "%zu", depth);
    return depth == 0 ? 1 : work(depth - 1) + strlen(buffer);
}

static void *worker(void *depth)
{
    size_t length = work(*(size_t *)depth);

    (void)thrum_yield(&length, NULL);
    return NULL;
}

/* doc: measure */
static size_t stack_used(thrum_fn *fn, const void *arg)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_stack_info info = THRUM_STACK_INFO;
    thrum_generator *generator;

    options.stack_size = 1024 * KIB; /* room enough to find out */
    options.measure = true;
    CHECK(thrum_generator_new(fn, arg, 0, &options, &generator));
    CHECK(thrum_generator_next(generator, NULL));
    CHECK(thrum_generator_stack(generator, &info));
    thrum_generator_unref(generator);
    return info.used;
}
/* doc: end */

int main(void)
{
    size_t depths[] = {5, 100};

    for (int i = 0; i < 2; i++) {
        size_t used = stack_used(worker, &depths[i]);

        fprintf(stderr, "%zu calls: %zu KiB\n", depths[i], used / KIB);
        printf("%zu calls fit in the default: %s\n", depths[i],
               used < thrum_stack_default() ? "yes" : "no");
    }
    return 0;
}
