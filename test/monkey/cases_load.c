/* SPDX-License-Identifier: MIT */
/*
 * cases_load.c - objects that come later, and vfork.
 */
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

/* Sanitizers have a dlopen() of their own, which loses who has called it. */
static bool loader_knows_us(void)
{
    return thrum_monkey_is_patched("dlopen") || (!TEST_ASAN && !TEST_TSAN);
}

/* Only our own RUNPATH leads to them. */
static void load(const char *name)
{
    void *object = dlopen(name, RTLD_LAZY);
    case_read_fn *fn;

    if (!CHECK(object != NULL))
        return;
    fn = (case_read_fn *)dlsym(object, "late_read");
    if (CHECK(fn != NULL)) {
        case_of_reading(ends_of_pipe(), fn);
        case_of_reading(ends_of_pipe(), fn);
    }
    CHECK_INT(dlclose(object), 0);
}

CASE(dlopen)
{
    if (loader_knows_us()) {
        load("libmonkey-late-lazy.so");
        load("libmonkey-late-now.so");
    }
    CHECK(dlopen("libno-such-object.so", RTLD_NOW) == NULL);
    CHECK(dlerror() != NULL);
}

CASE(dlsym)
{
    case_read_fn *fn = (case_read_fn *)dlsym(RTLD_DEFAULT, "read");

    if (CHECK(fn != NULL))
        case_of_reading(ends_of_pipe(), fn);
    CHECK(dlsym(RTLD_NEXT, "no such function") == NULL);
    CHECK(dlsym(RTLD_NEXT, "read") != NULL);
}

CASE(vfork)
{
    pid_t child = vfork();
    int status = 0;

    if (child == 0)
        _exit(7);
    CHECK(child > 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK_INT(WEXITSTATUS(status), 7);
}
