/* SPDX-License-Identifier: MIT */
/*
 * spsc_test.c - what goes into a ring comes out once, in order, and nobody
 * sleeps while there is something for him; and a request of a process pool is
 * begun by its worker or taken back by its owner, not both.
 *
 * The slots are plain memory: whoever could see a slot that is not his would
 * find the wrong item in it.
 */
#include "model.h"

#include <stdint.h>

#include "base/bell.h"
#include "base/spsc.h"
#include "pool/process_wire.h"
#include "sys/park.h"

#define CAPACITY 2

static struct thrumi_spsc shared;
static struct thrumi_spsc_side producer;
static struct thrumi_spsc_side consumer;
static _Atomic unsigned slots[CAPACITY];
static atomic_uint bell;
static unsigned put_count;
static unsigned taken;

static void setup(void)
{
    thrumi_spsc_init(&producer, &shared, CAPACITY);
    thrumi_spsc_init(&consumer, &shared, CAPACITY);
}

static void put(void)
{
    unsigned at = (unsigned)(producer.mine % CAPACITY);

    /* relaxed: the ring's indexes have to order them */
    atomic_store_explicit(&slots[at], ++put_count, memory_order_relaxed);
    thrumi_spsc_put(&producer);
}

static bool take(void)
{
    unsigned item;

    if (!thrumi_spsc_has_item(&consumer))
        return false;
    item = atomic_load_explicit(&slots[consumer.mine % CAPACITY],
                                memory_order_relaxed);
    model_assert(item == taken + 1);
    taken = item;
    thrumi_spsc_take(&consumer);
    return true;
}

/* ---- indexes ---- */

static void put_three(void)
{
    for (unsigned i = 0; i < 3; i++)
        if (thrumi_spsc_has_room(&producer))
            put();
}

static void take_three(void)
{
    for (unsigned i = 0; i < 3; i++)
        take();
}

static void check_rest(void)
{
    while (take())
        ;
    model_assert(taken == put_count);
    model_assert(put_count >= CAPACITY);
    model_assert(!producer.broken && !consumer.broken);
}

/* ---- the bell ---- */

static void put_and_ring(void)
{
    for (unsigned i = 0; i < 2; i++) {
        put();
        if (thrumi_bell_rings(&bell))
            thrumi_wake_word(&bell, 1);
    }
}

/* Takes both, asleep whenever there is nothing. */
static void take_or_sleep(void)
{
    while (taken < 2) {
        if (take())
            continue;
        thrumi_bell_arm(&bell);
        if (!thrumi_spsc_has_news(&consumer))
            thrumi_park_word(&bell, 1, THRUM_FOREVER);
        thrumi_bell_disarm(&bell);
    }
}

/* ---- a side that writes nonsense ---- */

static void lie(void)
{
    atomic_store_explicit(&shared.tail, 1 + CAPACITY + 7, memory_order_release);
}

static void take_from_a_liar(void)
{
    take();
    take();
}

static void check_liar(void)
{
    take();
    model_assert(consumer.broken);
    model_assert(taken <= 1);
}

/* ---- requests that are taken back ---- */

static struct thrumi_request requests[2];
static unsigned begun[2];
static unsigned revoked[2];

static void put_requests(void)
{
    setup();
    for (unsigned i = 0; i < 2; i++)
        put();
}

static void revoke_both(void)
{
    for (unsigned i = 2; i-- > 0;)
        revoked[i] += thrumi_request_take(&requests[i], THRUMI_REQUEST_REVOKED);
}

static void begin_both(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (!thrumi_spsc_has_item(&consumer))
            continue;
        begun[i] += thrumi_request_take(&requests[i], THRUMI_REQUEST_BEGUN);
        thrumi_spsc_take(&consumer);
    }
}

/* Taken back from the last one on: what is before one that has begun has. */
static void check_requests(void)
{
    for (unsigned i = 0; i < 2; i++)
        model_assert(begun[i] + revoked[i] == 1);
    model_assert(begun[1] == 0 || begun[0] == 1);
}

static void setup_one(void)
{
    setup();
    put();
}

int main(void)
{
    static const struct model_program programs[] = {
        {.name = "what is put is taken in order",
         .setup = setup,
         .threads = {put_three, take_three},
         .check = check_rest,
         .preemptions = 4,
         .delays = 3},
        {.name = "nobody sleeps beside an item",
         .setup = setup,
         .threads = {put_and_ring, take_or_sleep},
         .check = check_rest,
         .preemptions = 4,
         .delays = 3,
         .spurious = 1},
        {.name = "an index that cannot be is not believed",
         .setup = setup_one,
         .threads = {lie, take_from_a_liar},
         .check = check_liar,
         .preemptions = 3,
         .delays = 2},
        {.name = "a request is begun or taken back",
         .setup = put_requests,
         .threads = {revoke_both, begin_both},
         .check = check_requests,
         .preemptions = 4,
         .delays = 3},
    };

    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
