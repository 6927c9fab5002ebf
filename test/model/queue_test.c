/* SPDX-License-Identifier: MIT */
/*
 * queue_test.c - queues and selects: an item is moved once or not at all, and
 * both sides agree about it.
 */
#include "model.h"

#include <errno.h>

#include <thrum/promise.h>
#include <thrum/select.h>

#include "base/alloc.h"
#include "hub/hub.h"
#include "hub/poller.h"
#include "hub/queue.h"
#include "sys/clock.h"
#include "task/future.h"

#define ITEMS 4

static int cells[ITEMS];
static thrum_queue *one, *two;
static unsigned put[ITEMS]; /* how often that item was put, and got */
static unsigned got[ITEMS];
static unsigned closed; /* calls that were told so */
static thrum_promise *promise;
static thrum_future *future;
static unsigned saw_future; /* or event */
static thrum_event event;

/* ---- what is left out: descriptors ---- */

struct thrumi_hub *thrumi_hub_get(void)
{
    return NULL;
}

int thrumi_poller_look(const struct thrumi_poller *poller)
{
    return -EBADF;
}

int thrumi_poller_begin(struct thrumi_poller *poller)
{
    return -ENOMEM;
}

int thrumi_poller_result(const struct thrumi_poller *poller)
{
    return poller->result;
}

void thrumi_poller_end(struct thrumi_poller *poller)
{
}

/* ---- what threads do ---- */

/* Writes over the stack that a wait has used, so that what was left on a list
 * there does not go unnoticed. */
static __attribute__((noinline)) void scribble(void)
{
    volatile unsigned char place[4096];

    for (size_t i = 0; i < sizeof(place); i++)
        place[i] = 0xee;
    model_step("has written over its old frames");
    for (size_t i = 0; i < sizeof(place); i++)
        model_assert(place[i] == 0xee);
}

static thrum_time a_while(void)
{
    return thrum_at_ns(thrumi_clock_ns() + 100);
}

static void count_got(void *item)
{
    size_t index = (size_t)((int *)item - cells);

    model_assert(index < ITEMS);
    got[index]++;
}

static void do_put(thrum_queue *queue, thrum_time deadline)
{
    unsigned index = model_thread();
    int rc = thrum_queue_put(queue, &cells[index], deadline);

    model_assert(rc == 0 || rc == THRUM_ECLOSED ||
                 (rc == -ETIMEDOUT && deadline.ns != INT64_MAX));
    put[index] += rc == 0;
    closed += rc == THRUM_ECLOSED;
    scribble();
}

static void do_get(thrum_queue *queue, thrum_time deadline)
{
    void *item = NULL;
    int rc = thrum_queue_get(queue, deadline, &item);

    model_assert(rc == 0 || rc == THRUM_ECLOSED ||
                 (rc == -ETIMEDOUT && deadline.ns != INT64_MAX));
    if (rc == 0)
        count_got(item);
    closed += rc == THRUM_ECLOSED;
    scribble();
}

static void put_one(void)
{
    do_put(one, THRUM_FOREVER);
}

static void put_two(void)
{
    do_put(two, THRUM_FOREVER);
}

static void put_one_a_while(void)
{
    do_put(one, a_while());
}

static void get_one(void)
{
    do_get(one, THRUM_FOREVER);
}

static void get_one_a_while(void)
{
    do_get(one, a_while());
}

static void close_one(void)
{
    thrum_queue_close(one);
}

static void settle(void)
{
    model_assert(thrum_promise_set_result(promise, NULL) == 0);
}

static int do_select(thrum_select_case *cases, size_t n, thrum_time deadline)
{
    int index = thrum_select(cases, n, deadline);

    model_assert(index >= 0 ||
                 (index == -ETIMEDOUT && deadline.ns != INT64_MAX));
    if (index < 0)
        return index;
    if (cases[index].rc != 0)
        closed++;
    else if (cases[index].kind == THRUM_SELECT_GET)
        count_got(cases[index].item);
    else if (cases[index].kind == THRUM_SELECT_PUT)
        put[(int *)cases[index].item - cells]++;
    else
        saw_future++;
    return index;
}

static void select_get_either(void)
{
    thrum_select_case cases[] = {thrum_select_get(one), thrum_select_get(two)};

    do_select(cases, 2, THRUM_FOREVER);
    scribble();
}

static void select_get_either_a_while(void)
{
    thrum_select_case cases[] = {thrum_select_get(one), thrum_select_get(two)};

    do_select(cases, 2, a_while());
    scribble();
}

static void select_get_or_future(void)
{
    thrum_select_case cases[] = {thrum_select_get(one),
                                 thrum_select_future(future)};

    do_select(cases, 2, THRUM_FOREVER);
    scribble();
}

static void select_get_or_future_a_while(void)
{
    thrum_select_case cases[] = {thrum_select_future(future),
                                 thrum_select_get(one),
                                 thrum_select_future(future)};

    do_select(cases, 3, a_while());
    scribble();
}

static void select_get_or_event_a_while(void)
{
    thrum_select_case cases[] = {thrum_select_get(one),
                                 thrum_select_event(&event)};

    do_select(cases, 2, a_while());
    scribble();
}

static void set_and_clear(void)
{
    thrum_event_set(&event);
    thrum_event_clear(&event);
}

/* Two that could serve each other in two ways. */
static void select_put_one_get_two(void)
{
    thrum_select_case cases[] = {thrum_select_put(one, &cells[model_thread()]),
                                 thrum_select_get(two)};

    do_select(cases, 2, THRUM_FOREVER);
    scribble();
}

static void select_put_one_get_two_a_while(void)
{
    thrum_select_case cases[] = {thrum_select_put(one, &cells[model_thread()]),
                                 thrum_select_get(two)};

    do_select(cases, 2, a_while());
    scribble();
}

static void select_put_two_get_one(void)
{
    thrum_select_case cases[] = {thrum_select_put(two, &cells[model_thread()]),
                                 thrum_select_get(one)};

    do_select(cases, 2, THRUM_FOREVER);
    scribble();
}

static void select_put_two_get_one_a_while(void)
{
    thrum_select_case cases[] = {thrum_select_put(two, &cells[model_thread()]),
                                 thrum_select_get(one)};

    do_select(cases, 2, a_while());
    scribble();
}

static void select_put_and_get_one_a_while(void)
{
    thrum_select_case cases[] = {thrum_select_put(one, &cells[model_thread()]),
                                 thrum_select_get(one)};

    do_select(cases, 2, a_while());
    scribble();
}

/* ---- setups and checks ---- */

static thrum_queue *make(thrum_queue_kind kind, size_t limit)
{
    thrum_queue_options options = THRUM_QUEUE_OPTIONS;
    thrum_queue *queue = NULL;

    options.kind = kind;
    options.limit = limit;
    model_assert(thrum_queue_new(&options, &queue) == 0);
    return queue;
}

static void setup_fifos(void)
{
    one = make(THRUM_QUEUE_FIFO, 0);
    two = make(THRUM_QUEUE_FIFO, 0);
}

static void setup_limited(void)
{
    one = make(THRUM_QUEUE_FIFO, 1);
    two = make(THRUM_QUEUE_FIFO, 1);
}

static void setup_channels(void)
{
    one = make(THRUM_QUEUE_CHANNEL, 0);
    two = make(THRUM_QUEUE_CHANNEL, 0);
}

static void setup_future(void)
{
    setup_channels();
    model_assert(thrum_promise_new(&promise, &future) == 0);
}

static void setup_future_fifo(void)
{
    setup_fifos();
    model_assert(thrum_promise_new(&promise, &future) == 0);
}

/* Nobody waits any more; what is left is got; then each item that was put was
 * got, once. */
static void drain(thrum_queue *queue)
{
    void *item = NULL;

    model_assert(thrumi_waitlist_empty(&queue->getters));
    model_assert(thrumi_waitlist_empty(&queue->putters));
    while (thrum_queue_get(queue, THRUM_NOW, &item) == 0)
        count_got(item);
    thrum_queue_free(queue);
}

static void check(void)
{
    drain(one);
    drain(two);
    thrum_event_fini(&event);
    for (unsigned i = 0; i < ITEMS; i++)
        model_assert(put[i] == got[i] && put[i] <= 1);
}

static unsigned count_put(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ITEMS; i++)
        count += put[i];
    return count;
}

static void check_one(void)
{
    check();
    model_assert(count_put() == 1);
}

static void check_one_or_none(void)
{
    check();
    model_assert(count_put() <= 1);
}

static void check_two(void)
{
    check();
    model_assert(count_put() == 2);
}

static void check_closed(void)
{
    check();
    model_assert(closed <= 2);
}

static void check_future(void)
{
    check();
    model_assert(future->waiters == NULL);
    thrum_promise_free(promise);
    thrum_future_unref(future);
}

static const struct model_program programs[] = {
    {.name = "queue: two puts, a get and one that gives up",
     .setup = setup_fifos,
     .threads = {put_one, put_one, get_one, get_one_a_while},
     .check = check_two,
     .preemptions = 2,
     .timeouts = 1},
    {.name = "queue: two puts where there is room for one",
     .setup = setup_limited,
     .threads = {put_one, put_one, get_one, get_one},
     .check = check_two,
     .preemptions = 2,
     .spurious = 1},
    {.name = "queue: room that comes as a put gives up",
     .setup = setup_limited,
     .threads = {put_one, put_one_a_while, get_one},
     .check = check,
     .preemptions = 3,
     .timeouts = 1},
    {.name = "channel: both sides give up",
     .setup = setup_channels,
     .threads = {put_one_a_while, get_one_a_while},
     .check = check,
     .preemptions = 4,
     .delays = 1,
     .timeouts = 2},
    {.name = "channel: two on each side, of which any may give up",
     .setup = setup_channels,
     .threads = {put_one_a_while, put_one_a_while, get_one_a_while,
                 get_one_a_while},
     .check = check,
     .preemptions = 1,
     .timeouts = 2},
    {.name = "channel: closed as a put and a get meet",
     .setup = setup_channels,
     .threads = {put_one, get_one, close_one},
     .check = check_closed,
     .preemptions = 3},
    {.name = "select: two puts for one get of either",
     .setup = setup_fifos,
     .threads = {put_one, put_two, select_get_either},
     .check = check_two,
     .preemptions = 3},
    {.name = "select: of two channels, with one that gives up",
     .setup = setup_channels,
     .threads = {put_one_a_while, select_get_either_a_while},
     .check = check,
     .preemptions = 4,
     .delays = 1,
     .timeouts = 2},
    {.name = "select: two puts into channels, and two selects",
     .setup = setup_channels,
     .threads = {put_one, put_two, select_get_either, select_get_either},
     .check = check_two,
     .preemptions = 2},
    {.name = "select: two that can serve each other in two ways",
     .setup = setup_channels,
     .threads = {select_put_one_get_two, select_put_two_get_one},
     .check = check_one,
     .preemptions = 5,
     .delays = 1},
    {.name = "select: three, of which two meet or none",
     .setup = setup_channels,
     .threads = {select_put_one_get_two_a_while, select_put_two_get_one_a_while,
                 select_put_two_get_one_a_while},
     .check = check_one_or_none,
     .preemptions = 2,
     .timeouts = 2},
    {.name = "select: puts and gets in one channel",
     .setup = setup_channels,
     .threads = {select_put_and_get_one_a_while, select_put_and_get_one_a_while,
                 put_one_a_while},
     .check = check,
     .preemptions = 2,
     .timeouts = 3},
    {.name = "select: an item and a future at once",
     .setup = setup_future_fifo,
     .threads = {settle, put_one, select_get_or_future},
     .check = check_future,
     .preemptions = 3},
    {.name = "select: a future settles as it gives up",
     .setup = setup_future,
     .threads = {settle, put_one_a_while, select_get_or_future_a_while},
     .check = check_future,
     .preemptions = 2,
     .timeouts = 2},
    {.name = "select: an event is set and cleared as it gives up",
     .setup = setup_channels,
     .threads = {set_and_clear, put_one_a_while, select_get_or_event_a_while},
     .check = check,
     .preemptions = 2,
     .timeouts = 2},
    {.name = "select: closed",
     .setup = setup_channels,
     .threads = {close_one, select_get_either, put_one},
     .check = check_closed,
     .preemptions = 3},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
