/* SPDX-License-Identifier: MIT */
/*
 * task/map.c - a function over many items, in parallel, as an iterator.
 *
 *     items --pull--> [ unit unit unit ... ] --next--> results
 *                       submitted, not given back yet
 *
 * A unit is a task: one item, or a chunk of them. Units are kept in a window of
 * limited size: next first submits as many as the window has room for, then
 * waits for the oldest unit (or, unordered, for any) and gives its items out
 * one by one. What was given out is let go by the next next.
 *
 * Everything happens in the thread that calls next; only the tasks run
 * elsewhere.
 */
#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "sys/clock.h"
#include "task/executor.h"
#include "task/future.h"
#include "task/future_set.h"
#include "task/map_chunk.h"
#include "task/map_packed.h"

struct map_unit {
    struct thrumi_link link;
    thrum_future *future;
    struct thrumi_map_chunk *chunk; /* NULL: one item, the future's */
    size_t first;                   /* index of its first item */
    size_t length;
    size_t given; /* how many of its items next has given out */
};

struct map {
    thrum_executor *executor;
    thrum_fn *fn;
    thrum_iter *items;
    thrum_map_options options; /* defaults filled in */
    size_t window;             /* units */
    struct thrumi_link units;  /* of map_unit.link, oldest first */
    size_t unit_count;
    thrum_future_set *set;    /* of the units, if unordered */
    struct map_unit *current; /* taken out of the window, being given out */
    size_t pulled;            /* items */
    bool input_ended;
    int input_rc; /* why, if not for its end: told once all is given out */
    bool ended;   /* no more results */
};

/* ---- units ---- */

static void map_unit_free(struct map_unit *unit)
{
    if (unit == NULL)
        return;
    thrum_future_unref(unit->future);
    if (unit->chunk != NULL)
        thrumi_map_chunk_unref(unit->chunk);
    thrumi_free(unit);
}

/* Puts a unit that has its future into the window; takes it, even failing. */
static int map_add_unit(struct map *map, struct map_unit *unit)
{
    int rc = 0;

    if (map->set != NULL)
        rc = thrumi_future_set_add(map->set, unit->future, unit);
    if (rc != 0) {
        thrum_future_cancel(unit->future);
        map_unit_free(unit);
        return rc;
    }
    thrumi_list_append(&map->units, &unit->link);
    map->unit_count++;
    return 0;
}

static struct map_unit *map_new_unit(struct map *map, size_t length)
{
    struct map_unit *unit = thrumi_alloc_zero(sizeof(*unit));

    if (unit != NULL) {
        unit->first = map->pulled - length;
        unit->length = length;
    }
    return unit;
}

/* An item that its source failed to make: a unit that has failed already. */
static int map_add_failed(struct map *map)
{
    const thrum_error *error = thrum_iter_error(map->items);
    struct map_unit *unit = map_new_unit(map, 1);
    thrum_error *copy = error == NULL ? thrumi_error_new(THRUM_EFAILED, NULL)
                                      : thrumi_error_copy(error);

    if (unit != NULL)
        unit->future = thrumi_future_new(1);
    if (unit == NULL || unit->future == NULL) {
        thrumi_free(unit);
        thrumi_error_free(copy);
        return -ENOMEM;
    }
    thrumi_future_fail(unit->future, copy);
    return map_add_unit(map, unit);
}

static int map_submit_single(struct map *map, void *item)
{
    struct map_unit *unit = map_new_unit(map, 1);
    int rc;

    if (unit == NULL)
        return -ENOMEM;
    rc = thrum_executor_submit(map->executor, map->fn, item,
                               thrum_iter_item_size(map->items), &unit->future);
    if (rc != 0) {
        thrumi_free(unit);
        return rc;
    }
    return map_add_unit(map, unit);
}

/* Submits it as it is: the task drops it. */
static int map_submit_shared(struct map *map, struct thrumi_map_chunk *chunk,
                             thrum_future **ret)
{
    thrum_submit_options options = THRUM_SUBMIT_OPTIONS;

    options.free_arg = thrumi_map_chunk_unref;
    return thrum_executor_submit_with(map->executor, thrumi_map_chunk_run,
                                      chunk, 0, &options, ret);
}

/* Submits what is in it, to where our memory is not. */
static int map_submit_packed(struct map *map, struct thrumi_map_chunk *chunk,
                             thrum_future **ret)
{
    size_t size;
    void *packed = thrumi_map_packed_new(chunk, &size);
    int rc = -ENOMEM;

    if (packed != NULL)
        rc = thrum_executor_submit(map->executor, thrumi_map_packed_entry,
                                   packed, size, ret);
    thrumi_free(packed);
    if (rc == 0)
        thrumi_map_chunk_unref(chunk); /* there is no task that would */
    return rc;
}

/* Submits a chunk of one item or more; takes it. */
static int map_submit_chunk(struct map *map, struct thrumi_map_chunk *chunk)
{
    struct map_unit *unit = map_new_unit(map, thrumi_map_chunk_length(chunk));
    int rc = unit == NULL ? -ENOMEM : 0;

    if (rc == 0 && map->executor->ops.shares_memory)
        rc = map_submit_shared(map, chunk, &unit->future);
    else if (rc == 0)
        rc = map_submit_packed(map, chunk, &unit->future);
    if (rc != 0) {
        thrumi_map_chunk_unref(chunk);
        thrumi_map_chunk_unref(chunk);
        thrumi_free(unit);
        return rc;
    }
    unit->chunk = chunk;
    return map_add_unit(map, unit);
}

/* ---- pulling ---- */

/* Pulls one item; counts it when there is one, failed or not. */
static int map_pull(struct map *map, void **ret)
{
    int rc = thrum_iter_next(map->items, ret);

    if (rc == 0 || rc == THRUM_EFAILED)
        map->pulled++;
    return rc;
}

static int map_fill_single(struct map *map)
{
    void *item;
    int rc = map_pull(map, &item);

    if (rc == THRUM_EFAILED)
        return map_add_failed(map);
    return rc != 0 ? rc : map_submit_single(map, item);
}

/* Fills a chunk until it is full, or something else than an item came, which
 * is the return value. */
static int map_pull_chunk(struct map *map, struct thrumi_map_chunk *chunk)
{
    for (size_t i = 0; i < map->options.chunksize; i++) {
        void *item;
        int rc = map_pull(map, &item);
        size_t size;

        if (rc != 0)
            return rc;
        size = thrum_iter_item_size(map->items);
        if (size == 0 && !map->executor->ops.shares_memory)
            return THRUM_ENOTSHARED;
        rc = thrumi_map_chunk_add(chunk, item, size);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int map_fill_chunk(struct map *map)
{
    struct thrumi_map_chunk *chunk =
        thrumi_map_chunk_new(map->fn, map->options.chunksize);
    bool failed_item;
    int rc;
    int submit_rc = 0;

    if (chunk == NULL)
        return -ENOMEM;
    rc = map_pull_chunk(map, chunk);
    failed_item = rc == THRUM_EFAILED;
    map->pulled -= failed_item; /* it comes after those in the chunk */
    if (thrumi_map_chunk_length(chunk) > 0) {
        submit_rc = map_submit_chunk(map, chunk);
    } else {
        thrumi_map_chunk_unref(chunk);
        thrumi_map_chunk_unref(chunk);
    }
    map->pulled += failed_item;
    if (submit_rc != 0)
        return submit_rc;
    return failed_item ? map_add_failed(map) : rc;
}

/* Submits as many units as there is room for. Whatever stops that is told
 * after the results of what was submitted before. */
static void map_refill(struct map *map)
{
    while (!map->input_ended && map->unit_count < map->window) {
        int rc = map->options.chunksize > 1 ? map_fill_chunk(map)
                                            : map_fill_single(map);

        map->input_ended = rc != 0;
        if (rc != THRUM_ESTOP)
            map->input_rc = rc;
    }
}

/* ---- giving out ---- */

/* The items of a chunk that was elsewhere have come back as bytes. */
static void map_unpack(struct map_unit *unit)
{
    thrum_future *future = unit->future;

    if (thrumi_future_phase(future) == THRUMI_VALUE &&
        future->extra.payload != NULL)
        thrumi_map_packed_read(unit->chunk, future->value,
                               future->extra.payload->size);
}

static void map_take_out(struct map *map, struct map_unit *unit)
{
    thrumi_list_remove(&unit->link);
    map->unit_count--;
    map->current = unit;
    if (unit->chunk != NULL && !map->executor->ops.shares_memory)
        map_unpack(unit);
}

static int map_wait_ordered(struct map *map)
{
    struct map_unit *unit =
        thrumi_container_of(map->units.next, struct map_unit, link);
    int rc = thrumi_future_wait(unit->future, map->options.deadline);

    if (rc == 0)
        map_take_out(map, unit);
    return rc;
}

static int map_wait_unordered(struct map *map)
{
    thrum_future *future;
    void *unit;
    int rc =
        thrumi_future_set_next(map->set, map->options.deadline, &future, &unit);

    if (rc != 0)
        return rc;
    thrum_future_unref(future); /* the unit has its own reference */
    map_take_out(map, unit);
    return 0;
}

static void map_cancel_rest(struct map *map)
{
    for (struct thrumi_link *link = map->units.next; link != &map->units;
         link = link->next)
        thrum_future_request_cancel(
            thrumi_container_of(link, struct map_unit, link)->future);
    map->ended = true;
}

/* Puts what a unit's next item came to into `item`. */
static int map_give(struct map *map, thrum_item *item)
{
    struct map_unit *unit = map->current;
    unsigned phase = thrumi_future_phase(unit->future);
    struct thrumi_outcome outcome = {phase, NULL, NULL, NULL};

    if (phase == THRUMI_ERROR) {
        outcome.error = unit->future->value;
    } else if (phase == THRUMI_VALUE && unit->chunk != NULL) {
        outcome = *thrumi_map_chunk_outcome(unit->chunk, unit->given);
    } else if (phase == THRUMI_VALUE) {
        outcome.value = unit->future->value;
        outcome.payload = unit->future->extra.payload;
    }
    item->index = unit->first + unit->given++;
    item->error = outcome.error;
    item->value = outcome.value;
    item->size = outcome.payload == NULL ? 0 : outcome.payload->size;
    if (outcome.phase == THRUMI_VALUE)
        return 0;
    if (map->options.stop_on_error && outcome.phase == THRUMI_ERROR) {
        unit->given = unit->length;
        map_cancel_rest(map);
    }
    return outcome.phase == THRUMI_ERROR ? THRUM_EFAILED : THRUM_ECANCELLED;
}

/* All that was submitted is given out: says once why there is no more. */
static int map_end(struct map *map)
{
    map->ended = true;
    return map->input_rc != 0 ? map->input_rc : THRUM_ESTOP;
}

static int map_next(void *self, thrum_item *item)
{
    struct map *map = self;
    int rc;

    if (map->current != NULL && map->current->given < map->current->length)
        return map_give(map, item);
    map_unit_free(map->current);
    map->current = NULL;
    if (map->ended)
        return THRUM_ESTOP;
    map_refill(map);
    if (map->unit_count == 0)
        return map_end(map);
    rc = map->set == NULL ? map_wait_ordered(map) : map_wait_unordered(map);
    if (rc == 0)
        return map_give(map, item);
    if (rc == -ETIMEDOUT) {
        map->ended = true;
        if (!map->options.detach)
            map_cancel_rest(map);
    }
    return rc;
}

static void map_free(void *self)
{
    struct map *map = self;
    struct thrumi_link *link;

    if (!map->options.detach)
        map_cancel_rest(map);
    thrum_future_set_free(map->set);
    while ((link = thrumi_list_pop(&map->units)) != NULL)
        map_unit_free(thrumi_container_of(link, struct map_unit, link));
    map_unit_free(map->current);
    thrum_iter_free(map->items);
    thrum_executor_unref(map->executor);
    thrumi_free(map);
}

/* ---- making ---- */

static void map_set_options(struct map *map, const thrum_map_options *options)
{
    static const thrum_map_options none = THRUM_MAP_OPTIONS;
    unsigned workers = map->executor->ops.workers;
    size_t buffersize;

    map->options = options == NULL ? none : *options;
    if (map->options.deadline.ns == 0)
        map->options.deadline = THRUM_FOREVER;
    if (map->options.chunksize == 0)
        map->options.chunksize = 1;
    buffersize = map->options.buffersize;
    if (buffersize == 0)
        map->window = 4 * (size_t)(workers == 0 ? 1 : workers);
    else
        map->window = (buffersize - 1) / map->options.chunksize + 1;
}

static int map_new(thrum_executor *executor, thrum_fn *fn, thrum_iter *items,
                   const thrum_map_options *options, struct map **ret)
{
    struct map *map = thrumi_alloc_zero(sizeof(*map));

    if (map == NULL)
        return -ENOMEM;
    map->executor = thrum_executor_ref(executor);
    map->fn = fn;
    thrumi_list_init(&map->units);
    map_set_options(map, options);
    if (map->options.unordered && thrum_future_set_new(&map->set) != 0) {
        thrum_executor_unref(executor);
        thrumi_free(map);
        return -ENOMEM;
    }
    map->items = items;
    *ret = map;
    return 0;
}

/* The first units are submitted at once; if not even the first one can be, the
 * map says so itself. */
static int map_begin(struct map *map, thrum_iter **ret)
{
    thrum_iter_ops ops = {sizeof(ops), map_next, map_free};
    int rc = thrum_iter_new(&ops, map, ret);

    if (rc != 0) {
        map_free(map);
        return rc;
    }
    map_refill(map);
    if (map->unit_count > 0 || map->input_rc == 0)
        return 0;
    rc = map->input_rc;
    thrum_iter_free(*ret);
    return rc;
}

int thrum_executor_map(thrum_executor *executor, thrum_fn *fn,
                       thrum_iter *items, const thrum_map_options *options,
                       thrum_iter **ret_results)
{
    thrum_iter *results;
    struct map *map = NULL;
    int rc = -EINVAL;

    if (executor != NULL && fn != NULL && items != NULL &&
        (options == NULL || options->size >= sizeof(*options)))
        rc = map_new(executor, fn, items, options, &map);
    if (rc != 0) {
        thrum_iter_free(items);
        return rc;
    }
    rc = map_begin(map, &results);
    if (rc == 0)
        *ret_results = results;
    return rc;
}
