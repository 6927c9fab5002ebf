/* SPDX-License-Identifier: MIT */
/*
 * monkey/stray_watch.c - each call that blocks all the same.
 *
 * What a greenlet asks the system for is looked at before it is done: is it a
 * call that may wait, and who wants it? That is the first frame outside of
 * libc. If it is Thrum's the call is part of a wait of ours, or of its upkeep.
 *
 * libc waits inside for locks of its own, of malloc() or a stream, and whoever
 * holds them lets go soon; so a futex counts only where the program has asked for
 * it, by syscall() or by a function whose name says that it waits.
 *
 * The lines are written in the handler of SIGSYS, on the stack of the greenlet;
 * it is not async-signal-safe in the letter (dladdr), but this signal comes at
 * calls alone, and not at those that the loader makes.
 */
#include "monkey/stray_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/error.h>
#include <thrum/greenlet.h>
#include <thrum/hub.h>
#include <thrum/monitor.h>

#include "monkey/headers.h"
#include "monkey/objects.h"
#include "monkey/stray.h"
#include "monkey/watch.h"
#include "sys/dispatch.h"
#include "sys/look.h"
#include "sys/tools.h"
#include "sys/unwind.h"

#define STRAY_FRAMES 40 /* those of our handlers among them */

/* ---- whose it is ---- */

/* Functions of libc that wait for a word of memory: how they begin. */
static const char *const stray_waiting[] = {
    "syscall", "pthread_", "sem_", "cnd_", "mtx_", "thrd_", "call_once",
};

static bool stray_has_waiting_name(const void *frame)
{
    Dl_info info;

    if (dladdr((const char *)frame - 1, &info) == 0 || info.dli_sname == NULL)
        return false;
    for (size_t i = 0; i < sizeof(stray_waiting) / sizeof(stray_waiting[0]);
         i++)
        if (strncmp(info.dli_sname, stray_waiting[i],
                    strlen(stray_waiting[i])) == 0)
            return true;
    return false;
}

/* The object of what lies before this address; "" where there is none. */
static const char *stray_object(const void *frame)
{
    Dl_info info;

    return dladdr((const char *)frame - 1, &info) == 0 ? "" : info.dli_fname;
}

/* The first frame that is not libc's; `count`: there is none. */
static int stray_owner(void *const *frames, int count)
{
    for (int i = 0; i < count; i++) {
        const char *object = stray_object(frames[i]);

        if (thrumi_objects_left_alone(object) == NULL ||
            thrumi_objects_is_thrum(object))
            return i;
    }
    return count;
}

/* Is it for the program to wait here, and not for us or inside of libc? */
static bool stray_is_the_programs(const struct thrumi_dispatched *call,
                                  void *const *frames, int count)
{
    int owner = stray_owner(frames, count);

    if (owner < count && thrumi_objects_is_thrum(stray_object(frames[owner])))
        return false;
    return !thrumi_stray_is_futex(call) || owner == 0 ||
           stray_has_waiting_name(frames[owner - 1]);
}

/* ---- telling ---- */

/* From the instruction on outwards; how many. */
static int stray_frames(const void *pc, void **frames)
{
    int count = thrumi_unwind(frames, STRAY_FRAMES);
    int at = 0;

    while (at < count && frames[at] != pc)
        at++;
    if (at == count) {
        frames[0] = (void *)(uintptr_t)pc;
        return 1;
    }
    memmove(frames, frames + at, (size_t)(count - at) * sizeof(*frames));
    return count - at;
}

static const char *stray_name(void)
{
    thrum_greenlet *current = thrum_greenlet_current();

    if (current == NULL || thrum_greenlet_parent(current) == NULL)
        return "main";
    return thrum_greenlet_name(current);
}

static void stray_look(const struct thrumi_dispatched *call)
{
    thrum_hold hold = {.size = sizeof(hold), .exact = true};
    void *frames[STRAY_FRAMES];
    char name[32];

    hold.frame_count = stray_frames(call->pc, frames);
    if (!stray_is_the_programs(call, frames, hold.frame_count))
        return;
    thrumi_look_call_name(call->number, name, sizeof(name));
    hold.name = stray_name();
    hold.thread = thrumi_thread_number();
    hold.call = name;
    hold.frames = frames;
    thrumi_watch_tell(&hold);
}

/* Hooks are outside meanwhile, those that libgcc calls, so that nothing waits
 * here. */
static void stray_on_call(const struct thrumi_dispatched *call)
{
    unsigned char runs = thrum_hub_runs;

    if (runs == 0 || !thrumi_stray_may_wait(call))
        return;
    thrum_hub_runs = 0;
    stray_look(call);
    thrum_hub_runs = runs;
}

/* ---- where it can be done ---- */

/* They have handlers of their own, or keep signals back. */
static bool stray_in_sanitizer(void)
{
    return dlsym(RTLD_DEFAULT, "__asan_init") != NULL ||
           dlsym(RTLD_DEFAULT, "__tsan_init") != NULL ||
           dlsym(RTLD_DEFAULT, "__msan_init") != NULL;
}

static bool stray_in_valgrind(void)
{
    const char *preloaded = getenv("LD_PRELOAD");

    return thrumi_tools_valgrind() ||
           (preloaded != NULL && strstr(preloaded, "vgpreload") != NULL);
}

/* A debugger keeps the trap for itself. */
static bool stray_in_debugger(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[128];
    int tracer = 0;

    if (status == NULL)
        return false;
    while (fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "TracerPid: %d", &tracer) == 1)
            break;
    fclose(status);
    return tracer != 0;
}

const char *thrumi_stray_watch(void)
{
    int rc;

    if (stray_in_sanitizer())
        return "a sanitizer is there";
    if (stray_in_valgrind())
        return "Valgrind is there";
    if (stray_in_debugger())
        return "a debugger or tracer is there";
    rc = thrumi_dispatch_start(stray_on_call);
    if (rc == -EINVAL || rc == -ENOTSUP)
        return "there is no Syscall User Dispatch here";
    return rc == 0 ? NULL : thrum_strerror(rc);
}

void thrumi_stray_unwatch(void)
{
    thrumi_dispatch_stop();
}
