/* SPDX-License-Identifier: MIT */
/*
 * mutex_test.c - the locks of sys/mutex.c and sys/spinlock.c exclude, and nobody
 * sleeps for ever.
 *
 * Their own slow paths are linked here, with their spinning.
 */
#include "model.h"

#include <stdatomic.h>

#include "sys/mutex.h"
#include "sys/spinlock.h"

static struct thrumi_mutex mutex;
static struct thrumi_global_mutex global;
static struct thrumi_spinlock spinlock;
static atomic_uint inside;
static unsigned entered;

static void enter(void)
{
    model_assert(atomic_exchange_explicit(&inside, 1, memory_order_relaxed) ==
                 0);
    entered++;
    atomic_store_explicit(&inside, 0, memory_order_relaxed);
}

static void lock_once(void)
{
    thrumi_mutex_lock(&mutex);
    enter();
    thrumi_mutex_unlock(&mutex);
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static void spin_once(void)
{
    thrumi_spinlock_lock(&spinlock);
    enter();
    thrumi_spinlock_unlock(&spinlock);
}

static void spin_twice(void)
{
    spin_once();
    spin_once();
}

static void lock_global(void)
{
    model_assert(!thrumi_global_mutex_lock(&global));
    enter();
    thrumi_global_mutex_unlock(&global);
}

static void check_three(void)
{
    model_assert(entered == 3);
    model_assert(atomic_load_explicit(&mutex.word, memory_order_relaxed) == 0);
}

static void check_four(void)
{
    model_assert(entered == 4);
    model_assert(atomic_load_explicit(&mutex.word, memory_order_relaxed) == 0);
}

static const struct model_program programs[] = {
    {.name = "mutex: two threads, twice",
     .threads = {lock_twice, lock_twice},
     .check = check_four,
     .preemptions = 4,
     .spurious = 1},
    {.name = "mutex: three threads",
     .threads = {lock_once, lock_once, lock_once},
     .check = check_three,
     .preemptions = 3,
     .spurious = 1},
    {.name = "mutex: three threads, one store delayed",
     .threads = {lock_once, lock_once, lock_once},
     .check = check_three,
     .preemptions = 2,
     .delays = 1},
    {.name = "mutex: the lock of the process",
     .threads = {lock_global, lock_global, lock_global},
     .check = check_three,
     .preemptions = 3},
    {.name = "spinlock: two threads, twice, stores delayed",
     .threads = {spin_twice, spin_twice},
     .check = check_four,
     .preemptions = 3,
     .delays = 2,
     .timeouts = 1},
    {.name = "spinlock: three threads",
     .threads = {spin_once, spin_once, spin_once},
     .check = check_three,
     .preemptions = 3,
     .delays = 1,
     .timeouts = 1},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
