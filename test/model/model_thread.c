/* SPDX-License-Identifier: MIT */
/*
 * model_thread.c - the threads of a model, and who goes on.
 *
 * Wherever a thread stops, what may happen next is listed in a fixed order,
 * "this thread goes on" first, and the path chooses: another thread goes on, a
 * store leaves a buffer, a parked thread wakes for no reason or runs out of
 * time. To leave a thread that could go on costs a preemption; one that parks,
 * ends or yields is left for nothing. A thread that yields, since it has spun
 * for long, waits until somebody has written something, as long as others can
 * run.
 */
#include "model_core.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* As much of a stack as the runner's own calls may have written to. */
#define THREAD_RUBBISH 3072

unsigned model_thread(void)
{
    return model->current;
}

bool model_parked(unsigned thread)
{
    return model->slots[thread].status == MODEL_PARKED;
}

/* Something has changed, so who spins may look again. */
void model_written(void)
{
    for (unsigned i = 0; i < model->thread_count; i++)
        if (i != model->current)
            model->slots[i].yielded = false;
}

void model_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(model->failure, sizeof(model->failure), format, args);
    va_end(args);
    model_leave(MODEL_FAILED);
}

/* ---- what may happen next ---- */

static void thread_offer(enum model_option_kind kind, unsigned thread,
                         unsigned entry)
{
    struct model_option *option = &model->options[model->option_count++];

    option->kind = kind;
    option->thread = thread;
    option->entry = entry;
}

static bool thread_can_run(unsigned thread, bool also_yielded)
{
    const struct model_slot *slot = &model->slots[thread];

    return slot->status == MODEL_RUNNABLE && (also_yielded || !slot->yielded);
}

static void thread_offer_runs(bool also_yielded)
{
    for (unsigned i = 0; i < model->thread_count; i++)
        if (thread_can_run(i, also_yielded) &&
            (i != model->current || model->stop == MODEL_AT_PARK))
            thread_offer(MODEL_RUN, i, 0);
}

static void thread_offer_flushes(void)
{
    for (unsigned i = 0; i < model->thread_count; i++)
        for (unsigned entry = 0; entry < model->slots[i].store_count; entry++)
            if (entry == 0 || (model->left.delays > 0 &&
                               model_may_flush(&model->slots[i], entry)))
                thread_offer(MODEL_FLUSH, i, entry);
}

/* Wakes that have no reason, and deadlines that pass early. */
static void thread_offer_wakes(void)
{
    for (unsigned i = 0; i < model->thread_count; i++) {
        if (model->slots[i].status != MODEL_PARKED)
            continue;
        if (model->left.spurious > 0)
            thread_offer(MODEL_WAKE, i, 0);
        if (model->left.timeouts > 0 && model->slots[i].deadline != INT64_MAX)
            thread_offer(MODEL_EXPIRE, i, 0);
    }
}

/* Nobody can run: time passes, to the next deadline. */
static void thread_offer_next_deadline(void)
{
    unsigned first = MODEL_MAIN;
    int64_t deadline = INT64_MAX;

    for (unsigned i = 0; i < model->thread_count; i++) {
        const struct model_slot *slot = &model->slots[i];

        if (slot->status == MODEL_PARKED && slot->deadline < deadline) {
            deadline = slot->deadline;
            first = i;
        }
    }
    if (first != MODEL_MAIN)
        thread_offer(MODEL_EXPIRE, first, 0);
}

/* All others spin or cannot run: store buffers do not keep anything for ever,
 * and then each spinner may look again. */
static void thread_list_last_options(void)
{
    thread_offer_flushes();
    if (model->option_count == 0)
        thread_offer_runs(true);
    if (model->option_count == 0 && model->stop == MODEL_AT_YIELD)
        thread_offer(MODEL_RUN, model->current, 0);
}

static void thread_list_options(void)
{
    model->option_count = 0;
    if (model->stop == MODEL_AT_POINT)
        thread_offer(MODEL_RUN, model->current, 0);
    if (model->stop != MODEL_AT_POINT || model->left.preemptions > 0)
        thread_offer_runs(false);
    if (model->option_count == 0)
        thread_list_last_options();
    else
        thread_offer_flushes();
    if (model->option_count > 0)
        thread_offer_wakes();
    else
        thread_offer_next_deadline();
}

/* ---- making it happen ---- */

void model_unpark(struct model_slot *slot)
{
    slot->status = MODEL_RUNNABLE;
    slot->parked_on = NULL;
    slot->deadline = INT64_MAX;
}

static void thread_expire(struct model_slot *slot)
{
    if (model->left.timeouts > 0)
        model->left.timeouts--;
    if (slot->deadline > model->now)
        model->now = slot->deadline;
    slot->timed_out = true;
    model_unpark(slot);
}

static void thread_apply(const struct model_option *option)
{
    static const char *const texts[] = {
        [MODEL_FLUSH] = "... a store leaves the buffer",
        [MODEL_WAKE] = "... is woken for no reason",
        [MODEL_EXPIRE] = "... runs out of time",
    };
    struct model_slot *slot = &model->slots[option->thread];

    model_trace_step(option->thread, texts[option->kind]);
    if (option->kind == MODEL_FLUSH) {
        model->left.delays -= option->entry > 0; /* the others are delayed */
        model_flush(slot, option->entry);
    } else if (option->kind == MODEL_EXPIRE) {
        thread_expire(slot);
    } else {
        model->left.spurious--;
        model_unpark(slot);
    }
}

static void thread_switch(unsigned next)
{
    struct model_slot *from = model_self();
    struct model_slot *to = &model->slots[next];
    bool ended = model->stop == MODEL_AT_END;

    if (from == to)
        return;
    if (model->stop == MODEL_AT_POINT)
        model->left.preemptions--;
    model_tls_switch(from, to);
    model->current = next;
    if (ended)
        setcontext(&to->context);
    swapcontext(&from->context, &to->context);
}

static void thread_finish(void)
{
    for (unsigned i = 0; i < model->thread_count; i++)
        if (model->slots[i].status == MODEL_PARKED &&
            (model->program->daemons & 1u << i) == 0)
            model_fail("deadlock: T%u is parked for ever", i);
    model_leave(MODEL_FINISHED);
}

/* Its frame is where the live part of the stack ends: the registers of the
 * program lie above it, in model_halt()'s frame. */
static __attribute__((noinline)) void thread_decide(void)
{
    const struct model_option *option;

    model_self()->low = __builtin_frame_address(0);
    for (;;) {
        thread_list_options();
        if (model->option_count == 0)
            thread_finish();
        option = &model->options[model_choose(model->option_count)];
        if (option->kind == MODEL_RUN)
            break;
        thread_apply(option);
    }
    thread_switch(option->thread);
    model_self()->yielded = false;
}

/* Leaves no traces of the runner below the program's frames: what is there may
 * show up in variables that are not set yet, and make states differ. */
static __attribute__((noinline)) void thread_wipe(void)
{
    char rubbish[THREAD_RUBBISH];

    memset(rubbish, 0, sizeof(rubbish));
    __asm__ volatile("" ::"r"(rubbish) : "memory");
}

/* An access that nobody else can notice. */
static void thread_pass(const char *what)
{
    if (model->expanding) {
        model->stop = MODEL_AT_POINT;
        thread_list_options();
        model_expand(model->option_count);
    }
    model_trace_step(model->current, what);
}

__attribute__((noinline)) void
model_halt(enum model_stop stop, const volatile void *address, const char *what)
{
    if (model->current == MODEL_MAIN)
        return;
    __builtin_unwind_init(); /* all registers of the program on the stack */
    if (++model->steps > MODEL_STEPS)
        model_fail("livelock: more than %d steps", MODEL_STEPS);
    if (stop == MODEL_AT_POINT && !model_is_visible(address)) {
        thread_pass(what);
        return;
    }
    if (stop == MODEL_AT_YIELD)
        model_self()->yielded = true;
    model->stop = stop;
    thread_decide();
    model_trace_step(model->current, what);
    thread_wipe();
}

static __attribute__((noinline)) unsigned thread_pick(unsigned count)
{
    model_self()->low = __builtin_frame_address(0);
    return model_choose(count);
}

__attribute__((noinline)) unsigned model_pick(unsigned count)
{
    unsigned picked;

    __builtin_unwind_init();
    picked = thread_pick(count);
    thread_wipe();
    return picked;
}

void model_step(const char *what)
{
    model_halt(MODEL_AT_POINT, NULL, what);
}

/* ---- beginning and end ---- */

static void thread_main(void)
{
    model->program->threads[model->current]();
    model_thread_ends();
    model_self()->status = MODEL_DONE; /* its buffer may be emptied later */
    model_halt(MODEL_AT_END, NULL, "ends");
    __builtin_unreachable();
}

static void thread_reset(struct model_slot *slot, bool host)
{
    /* what earlier runs left is rubbish that would make states differ */
    memset(slot->stack + MODEL_STACK_SIZE - 8192, 0, 8192);
    getcontext(&slot->context);
    slot->context.uc_stack.ss_sp = slot->stack;
    slot->context.uc_stack.ss_size = MODEL_STACK_SIZE;
    slot->context.uc_link = NULL;
    makecontext(&slot->context, thread_main, 0);
    slot->low = NULL;
    slot->status = host ? MODEL_WAITING : MODEL_RUNNABLE;
    slot->yielded = false;
    slot->timed_out = false;
    slot->parked_on = NULL;
    slot->deadline = INT64_MAX;
    slot->store_count = 0;
}

void model_threads_reset(void)
{
    model->thread_count = 0;
    for (unsigned i = 0; i < MODEL_THREADS; i++)
        if (model->program->threads[i] != NULL)
            thread_reset(&model->slots[model->thread_count++],
                         model->program->threads[i] == model_host);
    model->current = MODEL_MAIN;
    model->slots[MODEL_MAIN].store_count = 0;
}

void model_threads_run(void)
{
    model->stop = MODEL_AT_END;
    thread_decide();
    __builtin_unreachable();
}
