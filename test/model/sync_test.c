/* SPDX-License-Identifier: MIT */
/*
 * sync_test.c - the word and the list of hub/sync.c, and all that is made of
 * them: nobody sleeps for ever, what is handed over arrives once.
 *
 * Objects that somebody destroys as soon as he may are on the heap, so that an
 * access which comes later shows as a use after free.
 */
#include "model.h"

#include <errno.h>
#include <stdatomic.h>

#include <thrum/sync.h>

#include "base/alloc.h"
#include "sys/clock.h"
#include "task/context.h"

/* A deadline that passes when the schedule says so. */
#define SOON thrum_in_ms(1)

static atomic_uint inside;
static unsigned entered;
static unsigned gave_up;

static void enter(void)
{
    model_assert(atomic_exchange_explicit(&inside, 1, memory_order_relaxed) ==
                 0);
    entered++;
    atomic_store_explicit(&inside, 0, memory_order_relaxed);
}

static void idle(const struct thrum_sync_ *object)
{
    model_assert(object->word == 0 && object->waiters == NULL);
}

/* ---- lock ---- */

static thrum_lock lock;

static void lock_once(void)
{
    model_assert(thrum_lock_acquire(&lock, THRUM_FOREVER) == 0);
    enter();
    thrum_lock_release(&lock);
}

static void lock_twice(void)
{
    lock_once();
    lock_once();
}

static void lock_soon(void)
{
    if (thrum_lock_acquire(&lock, SOON) != 0) {
        gave_up++;
        return;
    }
    enter();
    thrum_lock_release(&lock);
}

static void lock_now(void)
{
    if (thrum_lock_acquire(&lock, THRUM_NOW) != 0) {
        gave_up++;
        return;
    }
    enter();
    thrum_lock_release(&lock);
}

static void check_three(void)
{
    model_assert(entered + gave_up == 3);
    idle(&lock.sync);
}

static void check_four(void)
{
    model_assert(entered == 4);
    idle(&lock.sync);
}

/* The last one to leave frees it. */
static struct shared {
    thrum_lock lock;
    unsigned users;
} * shared;

static void setup_shared(void)
{
    shared = thrumi_alloc(sizeof(*shared));
    thrum_lock_init(&shared->lock);
    shared->users = 3;
}

static void leave_shared(thrum_time deadline)
{
    struct shared *mine = shared;
    bool last;

    while (thrum_lock_acquire(&mine->lock, deadline) != 0)
        deadline = THRUM_FOREVER;
    last = --mine->users == 0;
    thrum_lock_release(&mine->lock);
    if (last)
        thrumi_free(mine);
}

static void leave(void)
{
    leave_shared(THRUM_FOREVER);
}

static void leave_soon(void)
{
    leave_shared(SOON);
}

static void check_freed(void)
{
    model_assert(model_live_blocks() == 0);
}

/* ---- event ---- */

static thrum_event *event;
static thrum_event flag;

static void setup_event(void)
{
    event = thrumi_alloc(sizeof(*event));
    thrum_event_init(event);
}

static void set_event(void)
{
    thrum_event_set(event);
}

static void await_and_free(void)
{
    model_assert(thrum_event_wait(event, THRUM_FOREVER) == 0);
    thrumi_free(event);
}

static void await_soon_and_free(void)
{
    while (thrum_event_wait(event, SOON) != 0)
        ;
    thrumi_free(event);
}

static void set_flag(void)
{
    thrum_event_set(&flag);
}

static void await_flag(void)
{
    model_assert(thrum_event_wait(&flag, THRUM_FOREVER) == 0);
    entered++;
}

/* Nobody sets it again. */
static void clear_and_await(void)
{
    if (!thrum_event_is_set(&flag))
        return;
    thrum_event_clear(&flag);
    model_assert(thrum_event_wait(&flag, SOON) == -ETIMEDOUT);
}

static atomic_uint data;
static unsigned seen;

static void publish_and_set(void)
{
    atomic_store_explicit(&data, 1, memory_order_relaxed);
    thrum_event_set(&flag);
}

/* Either he sees what was published, or the event is set for the next time. */
static void clear_and_look(void)
{
    thrum_event_clear(&flag);
    seen = atomic_load_explicit(&data, memory_order_relaxed);
}

static void check_published(void)
{
    model_assert(seen == 1 || thrum_event_is_set(&flag));
}

static void setup_set(void)
{
    thrum_event_set(&flag);
}

static void check_two_entered(void)
{
    model_assert(entered == 2);
}

/* ---- semaphore ---- */

static thrum_semaphore units;

static void setup_units(void)
{
    model_assert(thrum_semaphore_init(&units, 1, 1) == 0);
}

static void use_unit(void)
{
    model_assert(thrum_semaphore_acquire(&units, THRUM_FOREVER) == 0);
    enter();
    model_assert(thrum_semaphore_release(&units) == 0);
}

static void use_unit_soon(void)
{
    if (thrum_semaphore_acquire(&units, SOON) != 0) {
        gave_up++;
        return;
    }
    enter();
    model_assert(thrum_semaphore_release(&units) == 0);
}

static void check_units(void)
{
    model_assert(entered + gave_up == 3);
    model_assert(thrum_semaphore_units(&units) == 1);
    model_assert(units.sync.waiters == NULL);
}

static thrum_semaphore none;

static void release_unit(void)
{
    model_assert(thrum_semaphore_release(&none) == 0);
}

static void acquire_unit(void)
{
    model_assert(thrum_semaphore_acquire(&none, THRUM_FOREVER) == 0);
    entered++;
}

/* ---- condition ---- */

static thrum_condition condition;
static unsigned items;

static void wait_for_item(thrum_time deadline)
{
    int rc = thrum_lock_acquire(&lock, THRUM_FOREVER);

    while (rc == 0 && items == 0)
        rc = thrum_condition_wait(&condition, &lock, deadline);
    enter();
    if (rc == 0)
        items--;
    else
        gave_up++;
    thrum_lock_release(&lock);
}

static void get_item(void)
{
    wait_for_item(THRUM_FOREVER);
}

static void get_item_soon(void)
{
    wait_for_item(SOON);
}

static void put_item(void)
{
    model_assert(thrum_lock_acquire(&lock, THRUM_FOREVER) == 0);
    enter();
    items++;
    thrum_condition_notify(&condition);
    thrum_lock_release(&lock);
}

static void put_two_items(void)
{
    model_assert(thrum_lock_acquire(&lock, THRUM_FOREVER) == 0);
    enter();
    items = 2;
    thrum_lock_release(&lock);
    thrum_condition_notify_all(&condition);
}

static void check_items(void)
{
    model_assert(items == gave_up);
    idle(&lock.sync);
    idle(&condition.sync);
}

/* ---- rwlock ---- */

static thrum_rwlock rwlock;
static atomic_uint reading;

static void read_it(void)
{
    model_assert(thrum_rwlock_acquire_read(&rwlock, THRUM_FOREVER) == 0);
    atomic_fetch_add_explicit(&reading, 1, memory_order_relaxed);
    model_assert(atomic_load_explicit(&inside, memory_order_relaxed) == 0);
    atomic_fetch_sub_explicit(&reading, 1, memory_order_relaxed);
    thrum_rwlock_release(&rwlock);
}

static void write_with(thrum_time deadline)
{
    if (thrum_rwlock_acquire_write(&rwlock, deadline) != 0) {
        gave_up++;
        return;
    }
    model_assert(atomic_load_explicit(&reading, memory_order_relaxed) == 0);
    enter();
    thrum_rwlock_release(&rwlock);
}

static void write_it(void)
{
    write_with(THRUM_FOREVER);
}

static void write_soon(void)
{
    write_with(SOON);
}

/* Two that can only be there together. */
static void read_until_met(void)
{
    model_assert(thrum_rwlock_acquire_read(&rwlock, THRUM_FOREVER) == 0);
    await_flag();
    thrum_rwlock_release(&rwlock);
}

static void meet_and_read(void)
{
    model_assert(thrum_rwlock_acquire_read(&rwlock, THRUM_FOREVER) == 0);
    set_flag();
    thrum_rwlock_release(&rwlock);
}

static void check_rwlock(void)
{
    idle(&rwlock.sync);
}

/* ---- barrier ---- */

static thrum_barrier barrier = THRUM_BARRIER_INIT(2);
static int places[3];
static unsigned came;

static void come_with(thrum_time deadline)
{
    places[came++] = thrum_barrier_wait(&barrier, deadline);
}

static void come(void)
{
    come_with(THRUM_FOREVER);
}

static void come_soon(void)
{
    come_with(SOON);
}

/* Both have passed, or it was broken for both. */
static void check_barrier(void)
{
    if (places[0] >= 0)
        model_assert(places[0] + places[1] == 1);
    else
        model_assert(places[1] < 0);
    model_assert(barrier.sync.waiters == NULL);
}

/* ---- once ---- */

static thrum_once once;

/* The threads of a model have their variables at the same addresses, so each
 * gets a context of its own to be known by. */
static struct thrumi_context contexts[MODEL_THREADS];

static int fail_first(void *arg)
{
    enter();
    return entered == 1 ? -EIO : 0;
}

static void call_once_with(thrum_time deadline)
{
    struct thrumi_context *self = &contexts[model_thread()];
    int rc;

    thrumi_context_init(self);
    thrumi_self()->running = self;
    rc = thrum_once_call(&once, fail_first, NULL, deadline);
    model_assert(rc == 0 || rc == -EIO || rc == -ETIMEDOUT);
    if (rc == 0)
        model_assert(entered == 2);
}

static void call_it(void)
{
    call_once_with(THRUM_FOREVER);
}

static void call_soon(void)
{
    call_once_with(SOON);
}

static void check_once(void)
{
    model_assert(entered <= 2);
    model_assert(thrum_once_is_done(&once) == (entered == 2));
    model_assert(once.sync.waiters == NULL);
}

/* ---- waitgroup ---- */

static thrum_waitgroup *group;

static void setup_group(void)
{
    group = thrumi_alloc(sizeof(*group));
    thrum_waitgroup_init(group);
    thrum_waitgroup_add(group, 2);
}

static void be_done(void)
{
    thrum_waitgroup_done(group);
}

static void await_group(void)
{
    model_assert(thrum_waitgroup_wait(group, THRUM_FOREVER) == 0);
    thrumi_free(group);
}

static void await_group_soon(void)
{
    while (thrum_waitgroup_wait(group, SOON) != 0)
        ;
    thrumi_free(group);
}

static const struct model_program programs[] = {
    {.name = "lock: two threads, twice",
     .threads = {lock_twice, lock_twice},
     .check = check_four,
     .preemptions = 4,
     .spurious = 1},
    {.name = "lock: three threads",
     .threads = {lock_once, lock_once, lock_once},
     .check = check_three,
     .preemptions = 3},
    {.name = "lock: a hand-over and a deadline",
     .threads = {lock_once, lock_soon, lock_now},
     .check = check_three,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "lock: the last to leave frees it",
     .setup = setup_shared,
     .threads = {leave, leave_soon, leave},
     .check = check_freed,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "event: it is gone after the wait",
     .setup = setup_event,
     .threads = {set_event, await_and_free},
     .check = check_freed,
     .preemptions = 5,
     .spurious = 1},
    {.name = "event: a set and a deadline",
     .setup = setup_event,
     .threads = {set_event, await_soon_and_free},
     .check = check_freed,
     .preemptions = 4,
     .timeouts = 2},
    {.name = "event: two sets, two who wait",
     .threads = {set_flag, await_flag, await_flag, set_flag},
     .check = check_two_entered,
     .preemptions = 2},
    {.name = "event: who waits after a clear is not woken by the set before",
     .threads = {set_flag, await_flag, clear_and_await},
     .preemptions = 4,
     .timeouts = 1,
     .daemons = 1u << 1 /* it may come after the clear itself */},
    {.name = "event: who clears sees what was published",
     .setup = setup_set,
     .threads = {publish_and_set, clear_and_look},
     .check = check_published,
     .preemptions = 4,
     .delays = 2},
    {.name = "semaphore: three threads, a deadline",
     .setup = setup_units,
     .threads = {use_unit, use_unit_soon, use_unit},
     .check = check_units,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "semaphore: two releases, two who wait",
     .threads = {release_unit, acquire_unit, acquire_unit, release_unit},
     .check = check_two_entered,
     .preemptions = 2},
    {.name = "condition: one waits, one notifies",
     .threads = {get_item, put_item},
     .check = check_items,
     .preemptions = 4,
     .spurious = 1},
    {.name = "condition: a notify and a deadline",
     .threads = {get_item_soon, put_item, lock_once},
     .check = check_items,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "condition: two wait, all are notified without the lock",
     .threads = {get_item, put_two_items, get_item},
     .check = check_items,
     .preemptions = 3},
    {.name = "rwlock: two readers, a writer",
     .threads = {read_it, write_it, read_it},
     .check = check_rwlock,
     .preemptions = 3},
    {.name = "rwlock: a writer that gives up",
     .threads = {read_it, write_soon, read_it},
     .check = check_rwlock,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "rwlock: who stood behind a writer that gives up",
     .threads = {read_until_met, write_soon, meet_and_read},
     .check = check_rwlock,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "rwlock: two writers and a reader",
     .threads = {write_it, write_soon, read_it},
     .check = check_rwlock,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "barrier: two come, one not for long",
     .threads = {come, come_soon},
     .check = check_barrier,
     .preemptions = 4,
     .timeouts = 1},
    {.name = "once: the first call fails",
     .threads = {call_it, call_soon, call_it},
     .check = check_once,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "waitgroup: it is gone after the wait",
     .setup = setup_group,
     .threads = {be_done, await_group, be_done},
     .check = check_freed,
     .preemptions = 4},
    {.name = "waitgroup: the last and a deadline",
     .setup = setup_group,
     .threads = {be_done, await_group_soon, be_done},
     .check = check_freed,
     .preemptions = 3,
     .timeouts = 1},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
