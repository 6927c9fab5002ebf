/* SPDX-License-Identifier: MIT */
/*
 * test/stress/mixed_test.c - submit, cancel, wait, callbacks and shutdown, from
 * many threads at once.
 *
 * A round is a pool and a few threads that do as the dice say until somebody
 * shuts the pool down. At its end the books must balance: of every accepted
 * task, one settlement, one callback, its argument freed once, its result freed
 * once if it had one.
 */
#include <errno.h>
#include <string.h>

#include "stress.h"

#define ACTORS 4
#define HELD   8 /* futures that an actor keeps at a time */

struct books {
    atomic_uint accepted;
    atomic_uint args_freed;
    atomic_uint began;
    atomic_uint results_made;
    atomic_uint results_freed;
    atomic_uint callbacks_added;
    atomic_uint callbacks_ran;
    atomic_uint settled_twice;
};

struct round {
    struct books books;
    thrum_executor *pool;
    uint64_t seed;
};

struct actor {
    struct round *round;
    uint64_t random;
    thrum_future *held[HELD];
};

/* One task's argument; counted into the round's books. */
struct job {
    struct round *round;
    atomic_uint callbacks;
    unsigned kind;
    uint64_t random;
    bool detached;
};

static void job_free(void *arg)
{
    struct job *job = arg;

    atomic_fetch_add(&job->round->books.args_freed, 1);
    free(job);
}

static void result_free(void *result)
{
    struct round *round = *(struct round **)result;

    atomic_fetch_add(&round->books.results_freed, 1);
    free(result);
}

static void *result_new(struct round *round)
{
    struct round **result = malloc(sizeof(struct round *));

    if (result == NULL)
        abort();
    *result = round;
    atomic_fetch_add(&round->books.results_made, 1);
    return thrum_return_owned(result, result_free);
}

static int job_submit(struct round *round, uint64_t *random, unsigned depth,
                      thrum_future **ret);

/* A task that submits another and waits for it, cancels it or lets it go. */
static void job_nest(struct job *job)
{
    thrum_future *future = NULL;

    if (job_submit(job->round, &job->random, 1, &future) != 0)
        return;
    switch (stress_random(&job->random, 4)) {
    case 0:
        thrum_future_cancel(future);
        break;
    case 1:
        break;
    default:
        CHECK(thrum_future_result(future, THRUM_FOREVER, NULL) != -EDEADLK);
        CHECK(thrum_future_done(future));
        break;
    }
    thrum_future_unref(future);
}

static void *job_run(void *arg)
{
    struct job *job = arg;

    atomic_fetch_add(&job->round->books.began, 1);
    switch (job->kind) {
    case 0:
    case 1:
        return result_new(job->round);
    case 2:
        return thrum_raise(-EIO, "job");
    case 3:
        sched_yield();
        return thrum_return("value", 6);
    case 4:
        while (!thrum_cancelled() && stress_random(&job->random, 16) != 0)
            sched_yield();
        return NULL;
    case 5:
    case 6:
        job_nest(job);
        return NULL;
    default:
        return NULL;
    }
}

static void note_callback(thrum_future *future, void *arg)
{
    struct round *round = arg;

    CHECK(thrum_future_done(future));
    CHECK(!thrum_future_running(future));
    atomic_fetch_add(&round->books.callbacks_ran, 1);
}

/* At most one level deep, so that it ends. */
static int job_submit(struct round *round, uint64_t *random, unsigned depth,
                      thrum_future **ret)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;
    struct job *job = malloc(sizeof(*job));
    int rc;

    if (job == NULL)
        abort();
    memset(job, 0, sizeof(*job));
    job->round = round;
    job->kind = stress_random(random, depth == 0 ? 8 : 5);
    job->random = *random | 1;
    options.free_arg = job_free;
    options.priority = (int)stress_random(random, 9) / 4 - 1;
    if (stress_random(random, 10) == 0)
        options.start_ns = 1 + stress_random(random, 100000);
    rc =
        thrum_executor_submit_with(round->pool, job_run, job, 0, &options, ret);
    if (rc == 0)
        atomic_fetch_add(&round->books.accepted, 1);
    else
        free(job); /* it is still ours */
    CHECK(rc == 0 || rc == THRUM_ESHUTDOWN || rc == THRUM_EFULL ||
          rc == -ETIMEDOUT);
    return rc;
}

static void actor_let_go(struct actor *actor, unsigned i)
{
    if (actor->held[i] != NULL)
        thrum_future_unref(actor->held[i]);
    actor->held[i] = NULL;
}

static void actor_wait(struct actor *actor)
{
    thrum_future *some[HELD];
    size_t n = 0;

    for (unsigned i = 0; i < HELD; i++)
        if (actor->held[i] != NULL)
            some[n++] = actor->held[i];
    CHECK(thrum_wait(some, n, 1 + stress_random(&actor->random, 3),
                     thrum_in_us(stress_random(&actor->random, 200))) >= 0);
}

static void actor_add_callback(struct actor *actor, thrum_future *future)
{
    struct round *round = actor->round;

    CHECK_INT(thrum_future_add_done_callback(future, note_callback, round), 0);
    atomic_fetch_add(&round->books.callbacks_added, 1);
    if (stress_random(&actor->random, 4) == 0 &&
        thrum_future_remove_done_callback(future, note_callback, round))
        atomic_fetch_sub(&round->books.callbacks_added, 1);
}

/* One act; false when the pool takes no more. */
static bool actor_act(struct actor *actor)
{
    struct round *round = actor->round;
    unsigned i = stress_random(&actor->random, HELD);
    unsigned act = stress_random(&actor->random, 100);
    thrum_future *future = actor->held[i];

    if (act < 2)
        return job_submit(round, &actor->random, 0, NULL) != THRUM_ESHUTDOWN;
    if (future == NULL)
        return job_submit(round, &actor->random, 0, &actor->held[i]) !=
               THRUM_ESHUTDOWN;
    if (act < 15)
        thrum_future_cancel(future);
    else if (act < 20)
        thrum_future_request_cancel(future);
    else if (act < 40)
        actor_add_callback(actor, future);
    else if (act < 60)
        CHECK(thrum_future_result(future, THRUM_FOREVER, NULL) != -EDEADLK);
    else if (act < 65)
        actor_wait(actor);
    else if (act < 68)
        CHECK_INT(thrum_future_quiesce(future, THRUM_FOREVER), 0);
    else
        actor_let_go(actor, i);
    return true;
}

static void *actor_main(void *arg)
{
    struct actor *actor = arg;
    unsigned acts = 200 + stress_random(&actor->random, 2000);

    while (acts-- > 0)
        if (!actor_act(actor))
            break;
    if (stress_random(&actor->random, 3) == 0) {
        unsigned flags =
            stress_random(&actor->random, 2) == 0 ? 0 : THRUM_CANCEL_FUTURES;

        CHECK_INT(thrum_executor_shutdown(actor->round->pool, flags, THRUM_NOW),
                  0);
    }
    for (unsigned i = 0; i < HELD; i++) {
        if (actor->held[i] != NULL && stress_random(&actor->random, 2) == 0)
            CHECK_INT(thrum_future_quiesce(actor->held[i], THRUM_FOREVER), 0);
        actor_let_go(actor, i);
    }
    return NULL;
}

static thrum_executor *round_pool(uint64_t *random)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;
    thrum_executor *pool = NULL;

    options.max_workers = 1 + (int)stress_random(random, 4);
    options.stats_every = 1 + (int)stress_random(random, 64);
    if (stress_random(random, 3) == 0) {
        options.queue_limit = 1 + stress_random(random, 32);
        options.queue_policy = stress_random(random, 3);
        options.block_ns = stress_random(random, 2) * 100000;
    }
    assert_int_equal(thrum_thread_pool_new(&options, &pool), 0);
    return pool;
}

static void assert_balanced(struct round *round)
{
    struct books *books = &round->books;
    thrum_stats stats = THRUM_STATS;

    assert_int_equal(thrum_executor_stats(round->pool, &stats), 0);
    assert_int_equal(stats.done + stats.failed + stats.cancelled,
                     atomic_load(&books->accepted));
    assert_int_equal(stats.queued + stats.running, 0);
    assert_int_equal(atomic_load(&books->args_freed),
                     atomic_load(&books->accepted));
    assert_int_equal(atomic_load(&books->callbacks_ran),
                     atomic_load(&books->callbacks_added));
    assert_int_equal(atomic_load(&books->results_freed),
                     atomic_load(&books->results_made));
    assert_true(atomic_load(&books->began) <= atomic_load(&books->accepted));
}

static void play_round(uint64_t seed)
{
    struct round round = {.seed = seed | 1};
    struct actor actors[ACTORS];
    struct test_thread *threads[ACTORS];

    round.pool = round_pool(&round.seed);
    memset(actors, 0, sizeof(actors));
    for (unsigned i = 0; i < ACTORS; i++) {
        actors[i].round = &round;
        actors[i].random = seed * 31 + i + 1;
        stress_random(&actors[i].random, 2);
        threads[i] = spawn_thread(actor_main, &actors[i]);
    }
    for (unsigned i = 0; i < ACTORS; i++)
        join_thread(threads[i]);
    assert_int_equal(
        thrum_executor_shutdown(round.pool, THRUM_WAIT, THRUM_FOREVER), 0);
    assert_balanced(&round);
    thrum_executor_unref(round.pool);
}

/* Detached errors are expected here. */
static void ignore_error(const thrum_error *error, void *arg)
{
    (void)arg;
    CHECK_INT(error->code == -EIO || error->code == THRUM_EEXPIRED, 1);
}

TEST(every_future_settles_once_and_all_is_freed_once)
{
    thrum_time end = stress_end(3);
    uint64_t seed = stress_seed();
    unsigned rounds = 0;

    thrum_set_error_handler(ignore_error, NULL);
    do {
        play_round(seed + rounds);
        rounds++;
    } while (!stress_is_over(end));
    thrum_set_error_handler(NULL, NULL);
    fprintf(stderr, "# %u rounds\n", rounds);
}

TEST_MAIN("stress-mixed")
