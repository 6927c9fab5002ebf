/* SPDX-License-Identifier: MIT */
/*
 * sys/cxx.c - what the C++ runtime keeps for each thread of its exceptions.
 *
 * The library does not link the runtime, so it is looked for in the program:
 * at a thread's first use of greenlets, and again whenever new stacks are
 * mapped, for programs that load C++ code later.
 */
#include "sys/cxx.h"

#include <dlfcn.h>
#include <stddef.h>

typedef struct thrumi_cxx *cxx_globals_fn(void);

struct thrumi_cxx *thrumi_cxx_globals(void)
{
    /* POSIX wants a function pointer to be got this way. */
    union {
        void *object;
        cxx_globals_fn *fn;
    } found = {dlsym(RTLD_DEFAULT, "__cxa_get_globals")};

    return found.object == NULL ? NULL : found.fn();
}
