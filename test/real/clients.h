/* SPDX-License-Identifier: MIT */
/*
 * test/real/clients.h - the same work on threads and on greenlets.
 *
 * The work is a task that uses a blocking library as anybody would. A crew runs
 * it, once for each item, and which kind of crew that is shows in the one line
 * that makes it. What the task finds out it writes into its item, so that what
 * threads have found can be compared with what greenlets have.
 *
 * That the work goes on concurrently is seen at the server: it has all of them
 * waiting at the same time, and answers none before.
 */
#ifndef TEST_CLIENTS_H
#define TEST_CLIENTS_H

#include <stdlib.h>
#include <string.h>

#include <thrum.h>
#include <thrum/monkey.h>

#include "thrum_test.h"

/* The files are shared objects, see test/monkey/meson.build. */
#define CLIENT_MAIN(file)                \
 int client_main(int argc, char **argv); \
 int client_main(int argc, char **argv)  \
 {                                       \
  return test_main(file, argc, argv);    \
 }

#define CREW_MOST 256
/* C libraries have large frames. */
#define CREW_STACK ((size_t)256 * 1024)

struct crew {
    const char *name;
    thrum_executor *executor;
    thrum_future *futures[CREW_MOST];
    size_t n;
};

/* As many threads as there are items, which know of no greenlets. */
static inline void crew_threads(struct crew *crew, size_t n)
{
    thrum_thread_pool_options options = THRUM_THREAD_POOL_OPTIONS;

    options.max_workers = (int)n;
    *crew = (struct crew){.name = "threads", .n = n};
    assert_int_equal(thrum_thread_pool_new(&options, &crew->executor), 0);
}

/* Greenlets of this thread, with every blocking call patched. */
static inline void crew_greenlets(struct crew *crew, size_t n)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;

    options.stack_size = CREW_STACK;
    *crew = (struct crew){.name = "greenlets", .n = n};
    assert_int_equal(thrum_monkey_patch_all(), 0);
    assert_int_equal(thrum_green_pool_new(&options, &crew->executor), 0);
}

/* The n items are beside each other. */
static inline void crew_begin(struct crew *crew, thrum_fn *fn, void *items,
                              size_t size)
{
    assert_true(crew->n <= CREW_MOST);
    for (size_t i = 0; i < crew->n; i++)
        assert_int_equal(thrum_executor_submit(crew->executor, fn,
                                               (char *)items + i * size, 0,
                                               &crew->futures[i]),
                         0);
}

/* Lets them begin, and waits until there is what the caller looks for; the
 * watchdog bounds it. */
#define CREW_AWAIT(condition)                 \
 do {                                         \
  while (!(condition))                        \
   CHECK_INT(thrum_sleep(thrum_in_ms(2)), 0); \
 } while (0)

static inline void crew_end(struct crew *crew)
{
    CHECK_INT(thrum_join_all(crew->futures, crew->n, THRUM_FOREVER), 0);
    for (size_t i = 0; i < crew->n; i++)
        thrum_future_unref(crew->futures[i]);
    CHECK_INT(
        thrum_executor_shutdown(crew->executor, THRUM_WAIT, THRUM_FOREVER), 0);
    thrum_executor_unref(crew->executor);
}

/* Who looks on while the crew works: called when the work has begun. */
typedef void crew_watch(void *items, size_t n);

static inline void crew_work(struct crew *crew, thrum_fn *fn, void *items,
                             size_t size, crew_watch *watch)
{
    crew_begin(crew, fn, items, size);
    if (watch != NULL)
        watch(items, crew->n);
    crew_end(crew);
}

struct work {
    thrum_fn *fn;
    crew_watch *watch; /* or NULL */
    size_t size;       /* of an item */
    size_t n;
};

/* Does the work on threads and on greenlets, from copies of the same items, and
 * compares what they find; `items` are then the greenlets'. */
static inline void crew_compare(const struct work *work, void *items)
{
    size_t bytes = work->size * work->n;
    char *others = malloc(bytes);
    struct crew crew;

    assert_non_null(others);
    memcpy(others, items, bytes);
    crew_threads(&crew, work->n);
    crew_work(&crew, work->fn, others, work->size, work->watch);
    crew_greenlets(&crew, work->n);
    crew_work(&crew, work->fn, items, work->size, work->watch);
    for (size_t i = 0; i < work->n; i++)
        if (!CHECK(memcmp(others + i * work->size,
                          (char *)items + i * work->size, work->size) == 0))
            fprintf(stderr, "# item %zu is not the same\n", i);
    free(others);
}

/* How many are in the midst of something, and were at most. */
struct crowd {
    atomic_int inside;
    atomic_int most;
};

static inline void crowd_enter(struct crowd *crowd)
{
    int inside =
        1 + atomic_fetch_add_explicit(&crowd->inside, 1, memory_order_relaxed);
    int most = atomic_load_explicit(&crowd->most, memory_order_relaxed);

    while (inside > most && !atomic_compare_exchange_weak_explicit(
                                &crowd->most, &most, inside,
                                memory_order_relaxed, memory_order_relaxed))
        ;
}

static inline void crowd_leave(struct crowd *crowd)
{
    atomic_fetch_sub_explicit(&crowd->inside, 1, memory_order_relaxed);
}

/* A greenlet of its own, for one that is to be killed or has a deadline. */
static inline thrum_future *spawn_large(thrum_fn *fn, void *arg)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future = NULL;

    options.stack_size = CREW_STACK;
    assert_int_equal(thrum_monkey_patch_all(), 0);
    assert_int_equal(thrum_spawn_with(fn, arg, 0, &options, &future), 0);
    return future;
}

static inline void spawn_kill(thrum_future *future)
{
    CHECK_INT(thrum_future_kill(future, THRUM_FOREVER), 0);
    CHECK(thrum_future_cancelled(future));
    thrum_future_unref(future);
}

/* Its function returns something when all went well. */
static inline void spawn_join(thrum_future *future)
{
    void *result = NULL;

    CHECK_INT(thrum_future_result(future, THRUM_FOREVER, &result), 0);
    CHECK(result != NULL);
    thrum_future_unref(future);
}

#endif /* TEST_CLIENTS_H */
