/* SPDX-License-Identifier: MIT */
/*
 * model_sys.c - src/sys/ as a model has it: parking, the clock, ends of
 * threads.
 *
 * Time stands still but when a deadline passes. A futex wake that has a choice
 * of sleepers tries each.
 */
#include "model_core.h"

#include <errno.h>
#include <stdatomic.h>

#include "sys/clock.h"
#include "sys/fork.h"
#include "sys/park.h"
#include "sys/thread.h"

static _Thread_local struct {
    void (*fn)(void *);
    void *arg;
} sys_at_end;

int64_t thrumi_clock_ns(void)
{
    return model->now;
}

uint16_t thrumi_fork_generation(void)
{
    return 1;
}

void thrumi_thread_at_end(void (*fn)(void *), void *arg)
{
    sys_at_end.fn = fn;
    sys_at_end.arg = arg;
}

void model_thread_ends(void)
{
    if (sys_at_end.fn != NULL)
        sys_at_end.fn(sys_at_end.arg);
}

int thrumi_park_word(atomic_uint *word, unsigned expected, thrum_time deadline)
{
    struct model_slot *self = model_self();

    if (thrumi_time_past(deadline))
        return -ETIMEDOUT;
    model_halt(MODEL_AT_POINT, "parks, if the word is as expected");
    model_drain(self);
    if (atomic_load_explicit(word, memory_order_seq_cst) != expected)
        return 0;
    if (model->current == MODEL_MAIN)
        model_fail("setup or check parks");
    self->status = MODEL_PARKED;
    self->parked_on = word;
    self->deadline = deadline.ns;
    self->timed_out = false;
    model_halt(MODEL_AT_PARK, "is awake");
    return self->timed_out ? -ETIMEDOUT : 0;
}

/* Those that sleep on the word; how many. */
static unsigned sys_sleepers(const atomic_uint *word,
                             struct model_slot *ret[MODEL_THREADS])
{
    unsigned count = 0;

    for (unsigned i = 0; i < model->thread_count; i++)
        if (model->slots[i].status == MODEL_PARKED &&
            model->slots[i].parked_on == word)
            ret[count++] = &model->slots[i];
    return count;
}

void thrumi_wake_word(atomic_uint *word, int count)
{
    struct model_slot *sleepers[MODEL_THREADS];
    unsigned n;

    model_halt(MODEL_AT_POINT, "wakes who is parked on the word");
    model_drain(model_self());
    for (; count > 0; count--) {
        n = sys_sleepers(word, sleepers);
        if (n == 0)
            break;
        model_unpark(sleepers[n == 1 ? 0 : model_pick(n)]);
    }
}

void thrumi_spin(unsigned step)
{
    if (model_self()->store_count > 0)
        model_halt(MODEL_AT_POINT, "spins, and its store buffer empties");
    model_drain(model_self());
    model_halt(MODEL_AT_YIELD, "has spun");
}
