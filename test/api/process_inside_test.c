/* SPDX-License-Identifier: MIT */
/*
 * test/api/process_inside_test.c - process pools of a library inside of a
 * program that knows nothing of them: linked, or loaded later.
 *
 * Not with the support library, which would link libthrum itself.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process_inside.h"

typedef int square_fn(int n, void *(*other)(void *));

static int failed;

static void check(int number, const char *name, int got, int expected)
{
    printf("%s %d - %s\n", got == expected ? "ok" : "not ok", number, name);
    if (got == expected)
        return;
    printf("# %d, not %d\n", got, expected);
    failed = 1;
}

static void *of_the_program(void *arg)
{
    return arg;
}

#ifdef INSIDE_LOADED
static square_fn *load(void)
{
    void *handle = dlopen(INSIDE_LOADED, RTLD_NOW);
    void *symbol = handle == NULL ? NULL : dlsym(handle, "inside_square");
    square_fn *fn = NULL;

    if (symbol == NULL) {
        printf("Bail out! %s\n", dlerror());
        exit(1);
    }
    memcpy(&fn, &symbol, sizeof(fn));
    return fn;
}
#endif

int main(void)
{
#ifdef TEST_EMULATED
    puts("1..0 # skipped: no process pools in emulators");
    return 0;
#endif
#ifdef INSIDE_LOADED
    square_fn *square = load();

    puts("1..3");
    setenv("THRUM_WORKER_PROGRAM", INSIDE_HELPER, 1);
    check(1, "the helper runs functions of shared objects", square(7, NULL),
          49);
    check(2, "it has none of the program", square(7, of_the_program), -ENOTSUP);
    setenv("THRUM_WORKER_PROGRAM", "/nowhere", 1);
    check(3, "without the helper there is no pool", square(7, NULL), -ENOTSUP);
#else
    puts("1..2");
    check(1, "a library inside of a program has its pool",
          inside_square(7, NULL), 49);
    check(2, "a plain pointer is no result", inside_square(7, of_the_program),
          -4097);
#endif
    return failed;
}
