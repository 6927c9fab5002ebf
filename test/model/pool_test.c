/* SPDX-License-Identifier: MIT */
/*
 * pool_test.c - no task is lost between submitters and workers that sleep.
 *
 * The real pool, with threads of the model in place of the system's. Whatever
 * the schedule, each task has run once when nobody can go on; the workers are
 * parked then, and no token is left.
 */
#include "model.h"

#include <stdatomic.h>

#include "pool/thread_pool.h"

static thrum_executor *executor;
static unsigned ran;
static unsigned ran_at_shutdown;
static unsigned submitted;

static struct thrumi_pool *the_pool(void)
{
    return thrumi_container_of(executor, struct thrumi_pool, executor);
}

static void make_pool(int workers)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_workers = workers;
    options.max_spares = 1;
    options.stats_every = 1000;
    options.name_prefix = "w";
    model_assert(thrum_thread_pool_new(&options, &executor) == 0);
}

static void *task(void *arg)
{
    ran++;
    return arg;
}

static void submit_one(void)
{
    int rc = thrum_executor_submit(executor, task, NULL, 0, NULL);

    model_assert(rc == 0);
    submitted++;
}

static void submit_two(void)
{
    submit_one();
    submit_one();
}

static void setup_one(void)
{
    make_pool(1);
}

static void setup_two(void)
{
    make_pool(2);
}

/* The worker has been started, and has a task to begin with. */
static void setup_started(void)
{
    make_pool(1);
    submit_one();
}

static void check(void)
{
    struct thrumi_pool *pool = the_pool();

    model_assert(ran == submitted);
    model_assert(!thrumi_pool_has_work(pool));
    model_assert(
        atomic_load_explicit(&pool->idle.searching, memory_order_relaxed) == 0);
}

/* A task that submits another to its own pool, and waits for what that does in
 * a way of its own, which the pool knows nothing of. */
static atomic_uint child_ran;

static void *child(void *arg)
{
    ran++;
    atomic_store_explicit(&child_ran, 1, memory_order_seq_cst);
    thrumi_wake_word(&child_ran, 1);
    return arg;
}

static void *parent(void *arg)
{
    submitted++;
    model_assert(thrum_executor_submit(executor, child, NULL, 0, NULL) == 0);
    while (atomic_load_explicit(&child_ran, memory_order_acquire) == 0)
        thrumi_park_word(&child_ran, 0, THRUM_FOREVER);
    ran++;
    return arg;
}

static void submit_parent(void)
{
    submitted++;
    model_assert(thrum_executor_submit(executor, parent, NULL, 0, NULL) == 0);
}

/* Both workers run, so the second one may be about to sleep. */
static void submit_one_and_parent(void)
{
    submit_one();
    submit_parent();
}

/* The first task needs the second one, and a worker each: whoever is woken for
 * the first has to pass the wake on. */
static void *wait_for_other(void *arg)
{
    while (atomic_load_explicit(&child_ran, memory_order_acquire) == 0)
        thrumi_park_word(&child_ran, 0, THRUM_FOREVER);
    ran++;
    return arg;
}

static void submit_dependent(void)
{
    int rc = thrum_executor_submit(executor, wait_for_other, NULL, 0, NULL);

    model_assert(rc == 0);
    rc = thrum_executor_submit(executor, child, NULL, 0, NULL);
    model_assert(rc == 0);
    submitted += 2;
}

static void setup_two_started(void)
{
    make_pool(2);
    submit_one();
    submit_one();
}

static void shut_down(void)
{
    submit_one();
    model_assert(thrum_executor_shutdown(executor, THRUM_WAIT, THRUM_FOREVER) ==
                 0);
    ran_at_shutdown = ran;
}

static void submit_or_not(void)
{
    if (thrum_executor_submit(executor, task, NULL, 0, NULL) == 0)
        submitted++;
}

static void check_shut_down(void)
{
    size_t records;

    check();
    model_assert(ran == ran_at_shutdown);
    model_assert(
        atomic_load_explicit(&the_pool()->alive, memory_order_relaxed) == 0);
    records = model_live_blocks();
    thrum_executor_unref(executor);
    model_assert(model_live_blocks() < records);
}

static const struct model_program programs[] = {
    {.name = "pool: one submitter, one worker",
     .setup = setup_one,
     .threads = {submit_two, model_host},
     .check = check,
     .preemptions = 4,
     .delays = 1,
     .daemons = 2},
    {.name = "pool: one submitter, one worker that polls",
     .setup = setup_one,
     .threads = {submit_two, model_host},
     .check = check,
     .preemptions = 3,
     .delays = 1,
     .spurious = 1,
     .cpus = 1,
     .daemons = 2},
    {.name = "pool: two submitters, one worker",
     .setup = setup_started,
     .threads = {submit_one, submit_one, model_host},
     .check = check,
     .preemptions = 3,
     .timeouts = 1,
     .daemons = 4},
    {.name = "pool: one submitter, two workers",
     .setup = setup_two,
     .threads = {submit_two, model_host, model_host},
     .check = check,
     .preemptions = 3,
     .daemons = 6},
    {.name = "pool: the wake is passed on",
     .setup = setup_two_started,
     .threads = {submit_dependent, model_host, model_host},
     .check = check,
     .preemptions = 2,
     .daemons = 6},
    {.name = "pool: a task waits for its child in its own way",
     .setup = setup_two,
     .threads = {submit_parent, model_host, model_host},
     .check = check,
     .preemptions = 3,
     .daemons = 6},
    {.name = "pool: a task waits for its child, stores delayed",
     .setup = setup_two_started,
     .threads = {submit_one_and_parent, model_host, model_host},
     .check = check,
     .preemptions = 1,
     .delays = 1,
     .daemons = 6},
    {.name = "pool: shutdown",
     .setup = setup_one,
     .threads = {shut_down, model_host},
     .check = check_shut_down,
     .preemptions = 3},
    {.name = "pool: submit during shutdown",
     .setup = setup_one,
     .threads = {shut_down, submit_or_not, model_host, model_host},
     .check = check_shut_down,
     .preemptions = 2},
};

int main(void)
{
    return model_main(programs, sizeof(programs) / sizeof(programs[0]));
}
