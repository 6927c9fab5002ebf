/* SPDX-License-Identifier: MIT */
/*
 * model_sys.c - src/sys/ as a model has it: parking, the clock, threads.
 *
 * A thread that the library starts becomes one of the program's threads whose
 * function is model_host(), if one is left.
 *
 * Time stands still but when a deadline passes. A futex wake that has a choice
 * of sleepers tries each.
 */
#include "model_core.h"

#include <errno.h>
#include <stdatomic.h>

#include "model_shim.h"

#include "sys/clock.h"
#include "sys/cpus.h"
#include "sys/fork.h"
#include "sys/park.h"
#include "sys/thread.h"

#define SYS_SPIN_STEPS \
 32u /* more than any loop of the library has in a model */

static _Thread_local struct {
    void (*fn)(void *);
    void *arg;
} sys_at_end;

int64_t thrumi_clock_ns(void)
{
    return model->now;
}

thrum_time thrum_in_ns(int64_t ns)
{
    return (thrum_time){model->now + ns};
}

thrum_time thrum_in_ms(int64_t ms)
{
    return thrum_in_ns(ms * 1000000);
}

_Atomic(atomic_uint *) thrumi_fork_page; /* always NULL: ask */

uint16_t thrumi_fork_generation_slow(void)
{
    return 1;
}

/* ---- threads ---- */

static struct {
    void *(*fn)(void *);
    void *arg;
} sys_hosted[MODEL_THREADS];

void model_host(void)
{
    sys_hosted[model->current].fn(sys_hosted[model->current].arg);
}

int thrumi_thread_start(pthread_t *ret,
                        const struct thrumi_thread_options *options,
                        void *(*fn)(void *), void *arg)
{
    for (unsigned i = 0; i < model->thread_count; i++) {
        if (model->slots[i].status != MODEL_WAITING)
            continue;
        sys_hosted[i].fn = fn;
        sys_hosted[i].arg = arg;
        model->slots[i].status = MODEL_RUNNABLE;
        *ret = i;
        return 0;
    }
    return -EAGAIN;
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

void thrumi_thread_set_name(const char *prefix, unsigned n)
{
}

void thrumi_thread_mask(sigset_t *ret, bool block_all)
{
    sigemptyset(ret);
}

int thrumi_thread_set_cancel(int state)
{
    return state;
}

struct thrumi_thread_stack thrumi_thread_stack(void)
{
    return (struct thrumi_thread_stack){NULL, NULL};
}

int thrumi_thread_check_affinity(const int *cpus, size_t count)
{
    return 0;
}

int thrumi_cpus_usable(const char *root)
{
    return (int)model->program->cpus;
}

/* ---- parking ---- */

int thrumi_park_word(atomic_uint *word, unsigned expected, thrum_time deadline)
{
    struct model_slot *self = model_self();
    unsigned value;

    if (thrumi_time_past(deadline))
        return -ETIMEDOUT;
    /* the kernel's own atomics empty the store buffer */
    model_rmw_read(word, &value, sizeof(value),
                   "parks, if the word is as expected");
    if (value != expected)
        return 0;
    if (model->current == MODEL_MAIN)
        model_fail("setup or check parks");
    self->status = MODEL_PARKED;
    self->parked_on = word;
    self->deadline = deadline.ns;
    self->timed_out = false;
    model_halt(MODEL_AT_PARK, NULL, "is awake");
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

    model_halt(MODEL_AT_POINT, word, "wakes who is parked on the word");
    model_touch(word, true);
    model_drain(model_self());
    for (; count > 0; count--) {
        n = sys_sleepers(word, sleepers);
        if (n == 0)
            break;
        model_unpark(sleepers[n == 1 ? 0 : model_pick(n)]);
    }
}

/* A loop that ends by itself is run through: it would be wrong to keep the
 * spinner from ever coming to what it does then. One that goes on for longer
 * waits until others have written something. */
void thrumi_spin(unsigned step)
{
    if (step < SYS_SPIN_STEPS)
        return;
    if (model_self()->store_count > 0)
        model_halt(MODEL_AT_POINT, NULL, "spins, and its store buffer empties");
    model_drain(model_self());
    model_halt(MODEL_AT_YIELD, NULL, "has spun");
}
