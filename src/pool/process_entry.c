/* SPDX-License-Identifier: MIT */
/*
 * pool/process_entry.c - how a program that was run anew becomes a zygote.
 *
 * The owner of a pool runs its own program again, with a variable of the
 * environment that says so and a socket as descriptor 3. Where this library
 * comes with the program, the constructor here has the loader's work done as
 * always, all constructors run, and then the zygote in the place of main.
 * Where it does not (a static program), main must begin with
 * thrum_worker_main(). Where neither is so, since the program has loaded the
 * library later, a helper that was installed with the library stands in: it can
 * run the functions of shared objects.
 *
 * Under no circumstances does main run by mistake: what it does would be done
 * twice.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/process_pool.h>

#include "pool/process_protocol.h"
#include "sys/launch.h"
#include "sys/message.h"
#include "sys/startmain.h"

static atomic_bool entry_main_asks; /* main has called thrum_worker_main() */

/* Was this process started as a zygote, in this way? */
static bool entry_is(const char *way)
{
    const char *value = secure_getenv(THRUMI_PROCESS_VARIABLE);

    return value != NULL && strcmp(value, way) == 0 &&
           thrumi_message_is_socket(THRUMI_LAUNCH_FD);
}

/* Its children are not to be taken for zygotes. */
static void entry_begin(const char *variable)
{
    unsetenv(THRUMI_PROCESS_VARIABLE);
    thrumi_process_begin(THRUMI_LAUNCH_FD, variable);
}

static int entry_instead_of_main(void)
{
    entry_begin(THRUMI_PROCESS_VARIABLE "=" THRUMI_PROCESS_BY_LOADER);
    return 0;
}

__attribute__((constructor)) static void entry_constructor(void)
{
    if (!entry_is(THRUMI_PROCESS_BY_LOADER))
        return;
    if (!thrumi_start_instead(entry_instead_of_main))
        thrumi_children_exit(127);
}

void thrum_worker_main(void)
{
    if (entry_is(THRUMI_PROCESS_BY_MAIN))
        entry_begin(THRUMI_PROCESS_VARIABLE "=" THRUMI_PROCESS_BY_MAIN);
    atomic_store_explicit(&entry_main_asks, true, memory_order_relaxed);
}

/* The helper that was installed with the library, or the one that is named. */
static const char *entry_helper(void)
{
    const char *named = secure_getenv("THRUM_WORKER_PROGRAM");
    const char *path = named != NULL ? named : THRUMI_WORKER_PROGRAM;

    return thrumi_launch_may_run(path) ? path : NULL;
}

struct thrumi_process_way thrumi_process_way(void)
{
    struct thrumi_process_way way = {NULL, THRUMI_LAUNCH_SELF, false};

    /* it would run main, since the variable is not for it */
    if (thrumi_start_is_secure())
        return way;
    if (thrumi_start_can()) {
        way.value = THRUMI_PROCESS_BY_LOADER;
    } else if (atomic_load_explicit(&entry_main_asks, memory_order_relaxed)) {
        way.value = THRUMI_PROCESS_BY_MAIN;
    } else {
        way.program = entry_helper();
        way.value = way.program == NULL ? NULL : THRUMI_PROCESS_BY_MAIN;
        way.helper = true;
    }
    return way;
}
