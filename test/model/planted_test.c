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
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
