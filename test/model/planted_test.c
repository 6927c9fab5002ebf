/* SPDX-License-Identifier: MIT */
/*
 * planted_test.c - the runner finds bugs that were put there for it.
 *
 * Each mistake stands beside the correct version: the first must be found, the
 * second must pass. They are the mistakes that the files of src/ could make.
 */
#include "model.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/fence.h"
#include "sys/clock.h"
#include "sys/park.h"

/* All variables are back to these values at the start of each run. */
static atomic_uint left_flag;
static atomic_uint right_flag;
static atomic_uint word;
static unsigned seen[MODEL_THREADS];
static unsigned counter;
static atomic_uint inside;

/* ---- a count that is read and written apart ---- */

static void count_apart(void)
{
    unsigned old = atomic_load_explicit(&word, memory_order_relaxed);

    atomic_store_explicit(&word, old + 1, memory_order_relaxed);
}

static void count_at_once(void)
{
    atomic_fetch_add_explicit(&word, 1, memory_order_relaxed);
}

static void count_check(void)
{
    model_assert(atomic_load_explicit(&word, memory_order_relaxed) == 2);
}

/* ---- a lock that is looked at and taken apart ---- */

static void lock_enter(void)
{
    model_assert(atomic_fetch_add_explicit(&inside, 1, memory_order_relaxed) ==
                 0);
    counter++;
    atomic_fetch_sub_explicit(&inside, 1, memory_order_relaxed);
}

static void lock_broken(void)
{
    unsigned step = 0;

    while (atomic_load_explicit(&word, memory_order_acquire) != 0)
        thrumi_spin(step++);
    atomic_store_explicit(&word, 1, memory_order_relaxed);
    lock_enter();
    atomic_store_explicit(&word, 0, memory_order_release);
}

static void lock_good(void)
{
    unsigned step = 0;

    while (atomic_exchange_explicit(&word, 1, memory_order_acquire) != 0)
        thrumi_spin(step++);
    lock_enter();
    atomic_store_explicit(&word, 0, memory_order_release);
}

static void lock_check_three(void)
{
    model_assert(counter == 3);
}

/* ---- store, then load: the pattern of Dekker ---- */

static void dekker_left(void)
{
    atomic_store_explicit(&left_flag, 1, memory_order_release);
    seen[0] = atomic_load_explicit(&right_flag, memory_order_acquire);
}

static void dekker_right(void)
{
    atomic_store_explicit(&right_flag, 1, memory_order_release);
    seen[1] = atomic_load_explicit(&left_flag, memory_order_acquire);
}

static void dekker_left_fenced(void)
{
    atomic_store_explicit(&left_flag, 1, memory_order_relaxed);
    thrumi_fence(&word);
    seen[0] = atomic_load_explicit(&right_flag, memory_order_relaxed);
}

static void dekker_right_fenced(void)
{
    atomic_store_explicit(&right_flag, 1, memory_order_relaxed);
    thrumi_fence(&word);
    seen[1] = atomic_load_explicit(&left_flag, memory_order_relaxed);
}

static void dekker_check(void)
{
    model_assert(seen[0] == 1 || seen[1] == 1);
}

/* ---- a message and the flag that says it is there ---- */

static void message_relaxed(void)
{
    atomic_store_explicit(&left_flag, 7, memory_order_relaxed);
    atomic_store_explicit(&right_flag, 1, memory_order_relaxed);
}

static void message_released(void)
{
    atomic_store_explicit(&left_flag, 7, memory_order_relaxed);
    atomic_store_explicit(&right_flag, 1, memory_order_release);
}

static void message_read(void)
{
    if (atomic_load_explicit(&right_flag, memory_order_acquire) == 1)
        model_assert(atomic_load_explicit(&left_flag, memory_order_relaxed) ==
                     7);
}

/* ---- sleeping until there is work: `word` is 1 while it sleeps ---- */

static atomic_uint work;

static void sleeper_wait(void)
{
    while (atomic_load_explicit(&word, memory_order_acquire) == 1)
        thrumi_park_word(&word, 1, THRUM_FOREVER);
}

static void sleeper_no_second_look(void)
{
    if (atomic_load_explicit(&work, memory_order_acquire) != 0)
        return;
    atomic_store_explicit(&word, 1, memory_order_seq_cst);
    sleeper_wait();
}

static void sleeper_no_fence(void)
{
    atomic_store_explicit(&word, 1, memory_order_relaxed);
    if (atomic_load_explicit(&work, memory_order_acquire) == 0)
        sleeper_wait();
}

static void sleeper_good(void)
{
    atomic_store_explicit(&word, 1, memory_order_relaxed);
    thrumi_fence(&word);
    if (atomic_load_explicit(&work, memory_order_acquire) == 0)
        sleeper_wait();
}

static void sleeper_trusts_park(void)
{
    atomic_store_explicit(&word, 1, memory_order_relaxed);
    thrumi_fence(&word);
    if (atomic_load_explicit(&work, memory_order_acquire) == 0)
        thrumi_park_word(&word, 1, THRUM_FOREVER);
    model_assert(atomic_load_explicit(&work, memory_order_acquire) == 1);
}

static void waker_wake(void)
{
    if (atomic_load_explicit(&word, memory_order_relaxed) == 0)
        return;
    atomic_store_explicit(&word, 0, memory_order_release);
    thrumi_wake_word(&word, 1);
}

static void waker_good(void)
{
    atomic_store_explicit(&work, 1, memory_order_release);
    thrumi_fence(&word);
    waker_wake();
}

static void waker_no_fence(void)
{
    atomic_store_explicit(&work, 1, memory_order_release);
    waker_wake();
}

/* ---- a wait that runs out of time just as it is woken ---- */

static void timed_wait(void)
{
    thrum_time deadline = {thrumi_clock_ns() + 10};

    while (atomic_load_explicit(&word, memory_order_acquire) == 0)
        if (thrumi_park_word(&word, 0, deadline) == -ETIMEDOUT)
            break;
    seen[0] = atomic_load_explicit(&word, memory_order_acquire);
}

static void timed_wake(void)
{
    atomic_store_explicit(&word, 1, memory_order_release);
    thrumi_wake_word(&word, 1);
}

static void timed_check(void)
{
    model_assert(seen[0] == 1);
}

/* ---- a stack by compare-and-swap: indices 1 to 3, 0 is its end ---- */

static atomic_uint stack_head;        /* index */
static _Atomic uint64_t stack_tagged; /* count << 32 | index */
static unsigned stack_next[4];
static unsigned stack_taken[4];

static void stack_setup(void)
{
    atomic_init(&stack_head, 1);
    atomic_init(&stack_tagged, 1);
    stack_next[1] = 2;
    stack_next[2] = 3;
}

static unsigned stack_pop(void)
{
    unsigned head = atomic_load_explicit(&stack_head, memory_order_acquire);

    while (head != 0)
        if (atomic_compare_exchange_weak_explicit(
                &stack_head, &head, stack_next[head], memory_order_acq_rel,
                memory_order_acquire))
            return head;
    return 0;
}

static void stack_push(unsigned index)
{
    unsigned head = atomic_load_explicit(&stack_head, memory_order_relaxed);

    do
        stack_next[index] = head;
    while (!atomic_compare_exchange_weak_explicit(
        &stack_head, &head, index, memory_order_acq_rel, memory_order_relaxed));
}

static unsigned stack_pop_tagged(void)
{
    uint64_t head = atomic_load_explicit(&stack_tagged, memory_order_acquire);

    while ((unsigned)head != 0) {
        uint64_t next = ((head >> 32) + 1) << 32 | stack_next[(unsigned)head];

        if (atomic_compare_exchange_weak_explicit(&stack_tagged, &head, next,
                                                  memory_order_acq_rel,
                                                  memory_order_acquire))
            return (unsigned)head;
    }
    return 0;
}

static void stack_push_tagged(unsigned index)
{
    uint64_t head = atomic_load_explicit(&stack_tagged, memory_order_relaxed);
    uint64_t next;

    do {
        stack_next[index] = (unsigned)head;
        next = ((head >> 32) + 1) << 32 | index;
    } while (!atomic_compare_exchange_weak_explicit(&stack_tagged, &head, next,
                                                    memory_order_acq_rel,
                                                    memory_order_relaxed));
}

static void stack_taker(void)
{
    stack_taken[stack_pop()]++;
}

static void stack_juggler(void)
{
    unsigned first = stack_pop();

    stack_taken[stack_pop()]++;
    if (first != 0)
        stack_push(first);
}

static void stack_taker_tagged(void)
{
    stack_taken[stack_pop_tagged()]++;
}

static void stack_juggler_tagged(void)
{
    unsigned first = stack_pop_tagged();

    stack_taken[stack_pop_tagged()]++;
    if (first != 0)
        stack_push_tagged(first);
}

static void stack_check(void)
{
    unsigned index;

    while ((index = stack_pop()) != 0)
        stack_taken[index]++;
    for (unsigned i = 1; i < 4; i++)
        model_assert(stack_taken[i] == 1);
}

static void stack_check_tagged(void)
{
    unsigned index;

    while ((index = stack_pop_tagged()) != 0)
        stack_taken[index]++;
    for (unsigned i = 1; i < 4; i++)
        model_assert(stack_taken[i] == 1);
}

/* ---- one settlement ---- */

static void settle_twice(void)
{
    if (atomic_load_explicit(&word, memory_order_acquire) != 0)
        return;
    atomic_store_explicit(&word, model_thread() + 1, memory_order_release);
    counter++;
}

static void settle_once(void)
{
    unsigned pending = 0;

    if (atomic_compare_exchange_strong_explicit(
            &word, &pending, model_thread() + 1, memory_order_acq_rel,
            memory_order_relaxed))
        counter++;
}

static void settle_check(void)
{
    model_assert(counter == 1);
}

/* ---- the last reference ---- */

static struct counted {
    atomic_uint refs;
} * counted;

static void refs_setup(void)
{
    counted = thrumi_alloc_zero(sizeof(*counted));
    atomic_init(&counted->refs, 2);
}

static void refs_read_after(void)
{
    atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel);
    if (atomic_load_explicit(&counted->refs, memory_order_acquire) == 0)
        thrumi_free(counted);
}

static void refs_good(void)
{
    if (atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) == 1)
        thrumi_free(counted);
}

static void refs_leak(void)
{
    atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel);
}

static void refs_check(void)
{
    model_assert(model_live_blocks() == 0);
}

/* ---- two that wait for each other, one way and the other ---- */

static void circle_spin(void)
{
    while (atomic_load_explicit(&word, memory_order_acquire) == 0)
        thrumi_spin(0);
    atomic_store_explicit(&word, 1, memory_order_release);
}

/* ---- a spin that is not long enough ---- */

static void spin_and_believe(void)
{
    for (unsigned step = 0; step < THRUMI_SPIN_STEPS; step++) {
        if (atomic_load_explicit(&word, memory_order_acquire) != 0)
            return;
        thrumi_spin(step);
    }
    model_assert(atomic_load_explicit(&word, memory_order_acquire) != 0);
}

/* ---- variables of a thread ---- */

static _Thread_local unsigned own;

static void own_count(void)
{
    for (unsigned i = 0; i < 2; i++) {
        own++;
        model_step("counts its own");
    }
    model_assert(own == 2);
}

static const struct model_program programs[] = {
    {.name = "count: read and written apart",
     .threads = {count_apart, count_apart},
     .check = count_check,
     .preemptions = 1,
     .finds = "== 2 is false"},
    {.name = "count: in one operation",
     .threads = {count_at_once, count_at_once},
     .check = count_check,
     .preemptions = 3},
    {.name = "lock: looked at and taken apart",
     .threads = {lock_broken, lock_broken},
     .preemptions = 2,
     .finds = "is false"},
    {.name = "lock: exchange",
     .threads = {lock_good, lock_good, lock_good},
     .check = lock_check_three,
     .preemptions = 3,
     .delays = 1},
    {.name = "dekker: no fence, without a store buffer",
     .threads = {dekker_left, dekker_right},
     .check = dekker_check,
     .preemptions = 3},
    {.name = "dekker: no fence",
     .threads = {dekker_left, dekker_right},
     .check = dekker_check,
     .preemptions = 3,
     .delays = 1,
     .finds = "seen[0] == 1"},
    {.name = "dekker: one fence of two",
     .threads = {dekker_left_fenced, dekker_right},
     .check = dekker_check,
     .preemptions = 3,
     .delays = 1,
     .finds = "seen[0] == 1"},
    {.name = "dekker: fenced",
     .threads = {dekker_left_fenced, dekker_right_fenced},
     .check = dekker_check,
     .preemptions = 3,
     .delays = 2},
    {.name = "message: flag relaxed",
     .threads = {message_relaxed, message_read},
     .preemptions = 2,
     .delays = 2,
     .finds = "is false"},
    {.name = "message: flag released",
     .threads = {message_released, message_read},
     .preemptions = 3,
     .delays = 2},
    {.name = "sleep: no second look",
     .threads = {sleeper_no_second_look, waker_good},
     .preemptions = 2,
     .finds = "deadlock: T0"},
    {.name = "sleep: no fence before the second look",
     .threads = {sleeper_no_fence, waker_good},
     .preemptions = 2,
     .delays = 1,
     .finds = "deadlock: T0"},
    {.name = "sleep: no fence before the wake",
     .threads = {sleeper_good, waker_no_fence},
     .preemptions = 2,
     .delays = 1,
     .finds = "deadlock: T0"},
    {.name = "sleep: both fences",
     .threads = {sleeper_good, waker_good},
     .preemptions = 3,
     .delays = 2,
     .spurious = 1},
    {.name = "sleep: believes every wake",
     .threads = {sleeper_trusts_park, waker_good},
     .preemptions = 2,
     .spurious = 1,
     .finds = "is false"},
    {.name = "sleep: believes every wake, and gets no false one",
     .threads = {sleeper_trusts_park, waker_good},
     .preemptions = 3,
     .delays = 1},
    {.name = "time: runs out before the wake",
     .threads = {timed_wait, timed_wake},
     .check = timed_check,
     .preemptions = 2,
     .timeouts = 1,
     .finds = "seen[0] == 1"},
    {.name = "time: stands still while others can run",
     .threads = {timed_wait, timed_wake},
     .check = timed_check,
     .preemptions = 3},
    {.name = "stack: ABA",
     .setup = stack_setup,
     .threads = {stack_taker, stack_juggler},
     .check = stack_check,
     .preemptions = 2,
     .finds = "stack_taken[i] == 1"},
    {.name = "stack: counted heads",
     .setup = stack_setup,
     .threads = {stack_taker_tagged, stack_juggler_tagged},
     .check = stack_check_tagged,
     .preemptions = 4,
     .spurious = 1},
    {.name = "settle: twice",
     .threads = {settle_twice, settle_twice},
     .check = settle_check,
     .preemptions = 1,
     .finds = "counter == 1"},
    {.name = "settle: once",
     .threads = {settle_once, settle_once, settle_once},
     .check = settle_check,
     .preemptions = 3},
    {.name = "refs: read again after the decrement",
     .setup = refs_setup,
     .threads = {refs_read_after, refs_read_after},
     .check = refs_check,
     .preemptions = 2,
     .finds = "use after free"},
    {.name = "refs: nobody frees",
     .setup = refs_setup,
     .threads = {refs_leak, refs_leak},
     .check = refs_check,
     .finds = "model_live_blocks() == 0"},
    {.name = "refs: the last one frees",
     .setup = refs_setup,
     .threads = {refs_good, refs_good},
     .check = refs_check,
     .preemptions = 3},
    {.name = "circle: both spin",
     .threads = {circle_spin, circle_spin},
     .finds = "livelock"},
    {.name = "spin: ends before the other comes",
     .threads = {spin_and_believe, count_at_once},
     .finds = "!= 0 is false"},
    {.name = "thread-local: each thread has its own",
     .threads = {own_count, own_count, own_count},
     .preemptions = 4},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
