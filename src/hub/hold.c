/* SPDX-License-Identifier: MIT */
/*
 * hub/hold.c - a greenlet that holds its hub: who, what, where.
 *
 * All strands are frozen while it is looked at: if it still holds the hub then,
 * it cannot stop before that is over, and so neither it nor its stack can go.
 * What is slow, to give names to addresses, comes after that.
 */
#include "hub/hold.h"

#include <inttypes.h>
#include <stdio.h>

#include "coro/freeze.h"
#include "sys/ask.h"
#include "sys/look.h"
#include "sys/unwind.h"

#define HOLD_ANSWER_MS 5            /* it has to answer in */
#define HOLD_MAIN      (16u * 1024) /* of a stack whose end is not known */

/* The stack from where it stands, as far as is known; how much. */
static size_t hold_copy_stack(struct thrumi_hold *hold,
                              const struct thrumi_look *look)
{
    size_t size = HOLD_MAIN;

    if (look->sp == 0)
        return 0;
    if (look->sp < hold->sight.top &&
        hold->sight.top - look->sp < sizeof(hold->stack))
        size = hold->sight.top - look->sp;
    return thrumi_look_copy(look->sp, hold->stack, size);
}

/* What it is in. To be asked ends that, so this comes first. */
static void hold_look(struct thrumi_hold *hold, struct thrumi_look *ret)
{
    thrumi_look_at(hold->told.thread, ret);
    if (ret->state != THRUMI_LOOK_IN_CALL)
        return;
    thrumi_look_call_name(ret->call, hold->call, sizeof(hold->call));
    hold->told.call = hold->call;
}

/* Its frames as it tells them; else those that its stack begins with are to be
 * found in a copy, of so many bytes. */
static size_t hold_ask(struct thrumi_hold *hold, const struct thrumi_look *look,
                       int signal)
{
    if (signal != 0)
        hold->told.frame_count = thrumi_ask_frames(
            hold->told.thread, signal, thrum_in_ms(HOLD_ANSWER_MS),
            hold->frames, THRUMI_HOLD_FRAMES);
    hold->told.exact = hold->told.frame_count > 0;
    if (hold->told.exact || look->pc == 0)
        return 0;
    hold->frames[hold->told.frame_count++] = (void *)look->pc;
    return hold_copy_stack(hold, look);
}

static void hold_init(struct thrumi_hold *hold,
                      const struct thrumi_watch *watch)
{
    hold->sight = (struct thrumi_sight){{'\0'}, NULL, 0};
    hold->told = (thrum_hold){
        .size = sizeof(hold->told),
        .name = hold->sight.name,
        .thread = watch->thread,
        .frames = hold->frames,
    };
}

bool thrumi_hold_take(struct thrumi_watch *watch, uint64_t progress, int signal,
                      struct thrumi_hold *ret)
{
    struct thrumi_look look;
    size_t copied = 0;
    bool frozen;
    bool held;

    hold_init(ret, watch);
    frozen = thrumi_strands_freeze();
    held = thrumi_watch_is_held(watch, progress);
    if (held && frozen)
        thrumi_sight_take(watch->self, &ret->sight);
    if (held) {
        hold_look(ret, &look);
        copied = hold_ask(ret, &look, signal);
    }
    thrumi_strands_thaw();
    ret->told.fn = ret->sight.fn;
    if (copied > 0)
        ret->told.frame_count += thrumi_look_frames(
            ret->stack, copied, ret->frames + 1, THRUMI_HOLD_FRAMES - 1);
    return held;
}

/* ---- in words ---- */

static void hold_write_frames(const thrum_hold *hold,
                              void (*line)(const char *text))
{
    char name[256];
    char text[320];

    if (hold->frame_count > 0)
        line(hold->exact ? "  it is in" : "  it seems to be in");
    for (int i = 0; i < hold->frame_count; i++) {
        if (i == 0 && hold->exact)
            thrumi_unwind_name_place(hold->frames[i], name, sizeof(name));
        else
            thrumi_unwind_name(hold->frames[i], name, sizeof(name));
        snprintf(text, sizeof(text), "    #%-2d %p %s", i, hold->frames[i],
                 name);
        line(text);
    }
}

void thrumi_hold_write(const thrum_hold *told, void (*line)(const char *text))
{
    char name[256];
    char text[320];

    snprintf(text, sizeof(text),
             "greenlet '%s' has held the hub of thread %d for %" PRId64
             " ms, %" PRId64 " ms of that on a CPU%s%s",
             told->name, told->thread, told->ns / 1000000,
             told->cpu_ns / 1000000, told->call == NULL ? "" : ", now in ",
             told->call == NULL ? "" : told->call);
    line(text);
    if (told->fn != NULL) {
        thrumi_unwind_name_place((const void *)(uintptr_t)told->fn, name,
                                 sizeof(name));
        snprintf(text, sizeof(text), "  its function is %s", name);
        line(text);
    }
    hold_write_frames(told, line);
}
