/* SPDX-License-Identifier: MIT */
/*
 * inbox_test.c - what is sent to a hub arrives once, in order, and a hub that
 * sleeps is rung for when it must be.
 *
 * The hub sleeps on a word, as one without an engine does; a lost ring is a
 * thread that is parked at the end.
 */
#include "model.h"

#include "hub/inbox.h"

#define ERRANDS 4

static struct thrumi_inbox inbox;
static struct thrumi_ready_queue queue;
static struct thrumi_errand errands[ERRANDS];
static atomic_uint alarm;
static unsigned arrived; /* how many */
static unsigned last[2]; /* the newest of each sender, from 1 */
static unsigned rings;   /* rung by senders */
static unsigned marks;   /* taken away from the hub */
static unsigned refused;

static void setup(void)
{
    thrumi_inbox_init(&inbox);
}

static void ring(void)
{
    rings++;
    atomic_store_explicit(&alarm, 1, memory_order_release);
    thrumi_wake_word(&alarm, 1);
}

static void send(unsigned i)
{
    switch (thrumi_inbox_send(&inbox, thrumi_ready_errand(&errands[i]))) {
    case THRUMI_SENT_RING:
        ring();
        break;
    case THRUMI_NOT_SENT:
        refused++;
        break;
    case THRUMI_SENT:
    default:
        break;
    }
}

static void send_two(void)
{
    send(0);
    send(1);
}

static void send_other_two(void)
{
    send(2);
    send(3);
}

static void send_one(void)
{
    send(2);
}

/* Each sender's come in the order sent. */
static void receive(void)
{
    uintptr_t ready;

    while ((ready = thrumi_ready_pop(&queue)) != 0) {
        struct thrumi_errand *errand = thrumi_ready_of(ready);
        unsigned i = (unsigned)(errand - errands);

        model_assert(thrumi_ready_kind(ready) == THRUMI_READY_ERRAND);
        model_assert(last[i / 2] < i % 2 + 1);
        last[i / 2] = i % 2 + 1;
        arrived++;
    }
}

static void doze(void)
{
    if (!thrumi_inbox_doze(&inbox)) {
        (void)thrumi_inbox_take(&inbox, &queue);
        return;
    }
    thrumi_park_word(&alarm, 0, THRUM_FOREVER);
    marks += thrumi_inbox_take(&inbox, &queue);
    atomic_store_explicit(&alarm, 0, memory_order_relaxed);
}

static void hub_for(unsigned count)
{
    while (arrived < count) {
        doze();
        receive();
    }
}

static void hub_for_three(void)
{
    hub_for(3);
}

static void hub_for_four(void)
{
    hub_for(4);
}

/* Sleeps once, and closes. */
static void hub_that_closes(void)
{
    hub_for(1);
    thrumi_inbox_close(&inbox, &queue);
    receive();
}

static void check_all(void)
{
    model_assert(refused == 0);
    model_assert(rings == marks);
}

/* Nothing is lost and nothing comes after the end. */
static void check_closed(void)
{
    model_assert(arrived + refused == 3);
}

static const struct model_program programs[] = {
    {"one sender and a hub that sleeps",
     setup,
     {hub_for_three, send_two, send_one},
     check_all,
     .preemptions = 3,
     .delays = 1,
     .spurious = 1},
    {"two senders",
     setup,
     {hub_for_four, send_two, send_other_two},
     check_all,
     .preemptions = 2,
     .delays = 1},
    {"a hub that ends",
     setup,
     {hub_that_closes, send_two, send_one},
     check_closed,
     .preemptions = 3,
     .delays = 1},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
