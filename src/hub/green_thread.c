/* SPDX-License-Identifier: MIT */
/*
 * hub/green_thread.c - the hubs of a green pool's places, and their threads.
 *
 * A place has a hub from its opening until that ends, with its thread: a thread
 * of the pool, or the one that made it. The hub's thread sees to both. It may
 * end at any time, since a task can end it (pthread_exit): what was queued is
 * another's then. The pool that lives in the hub of its maker ends with that.
 *
 * A thread of the pool only opens its place, and waits until all is done: its
 * hub runs meanwhile.
 *
 * Locking: listing.lock guards which places a hub has.
 */
#include <errno.h>

#include "hub/green_pool.h"
#include "sys/mutex.h"

static struct thrumi_global_mutex listing;

/* ---- opening ---- */

void thrumi_green_place_open(struct thrumi_green_place *place,
                             struct thrumi_hub *hub)
{
    struct thrumi_green_pool *pool = place->pool;

    thrumi_executor_hold(&pool->executor);
    (void)thrumi_global_mutex_lock(&listing);
    thrumi_list_append(&hub->places, &place->link);
    thrumi_mutex_lock(&pool->lock);
    place->listed = true;
    /* release: pairs with the acquire in green_pool_hub_of() */
    atomic_store_explicit(&place->hub, hub, memory_order_release);
    thrumi_green_pool_feed(pool);
    thrumi_mutex_unlock(&pool->lock);
    thrumi_global_mutex_unlock(&listing);
}

void thrumi_green_place_unlist(struct thrumi_green_place *place)
{
    (void)thrumi_global_mutex_lock(&listing);
    if (thrumi_link_listed(&place->link))
        thrumi_list_remove(&place->link);
    thrumi_global_mutex_unlock(&listing);
    thrumi_executor_release(&place->pool->executor);
}

/* ---- threads ---- */

/* Waits until there is nothing left to be done. */
static void green_thread_wait(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;
    struct thrumi_parking parking;

    thrumi_mutex_lock(&pool->lock);
    while (!thrumi_green_pool_drained(pool)) {
        thrumi_parking_init(&parking);
        thrumi_parking_for(&parking, "the end of green pool", pool);
        place->sleeper = &parking;
        thrumi_mutex_unlock(&pool->lock);
        thrumi_parking_finish(&parking);
        thrumi_mutex_lock(&pool->lock);
    }
    thrumi_mutex_unlock(&pool->lock);
}

/* The thread has no place any more. The lock is held. */
static void green_thread_leave(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;

    pool->alive--;
    place->state = THRUMI_GREEN_ENDED;
    if (!pool->orphaned)
        return;
    place->state = THRUMI_GREEN_NONE;
    pthread_detach(place->thread);
}

/* There is no memory for its hub: whatever waits for one fails, unless there
 * are others. */
static void green_thread_fail(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;
    bool last;

    thrumi_mutex_lock(&pool->lock);
    green_thread_leave(place);
    last = pool->alive == 0;
    thrumi_mutex_unlock(&pool->lock);
    if (last)
        thrumi_green_pool_drain(pool, -ENOMEM);
    thrumi_mutex_lock(&pool->lock);
    thrumi_green_pool_unlock(pool);
    thrumi_executor_release(&pool->executor);
}

static void *green_thread_main(void *arg)
{
    struct thrumi_green_place *place = arg;
    struct thrumi_green_pool *pool = place->pool;
    struct thrumi_hub *hub = thrumi_hub_get();

    thrumi_thread_set_name(pool->name_prefix, place->index);
    if (hub == NULL) {
        green_thread_fail(place);
        return NULL;
    }
    thrumi_green_place_open(place, hub);
    thrumi_executor_release(&pool->executor); /* the hub has it now */
    green_thread_wait(place);
    return NULL;
}

/* A thread that was here has ended; the next cannot wait for it long. */
static void green_thread_clear(struct thrumi_green_place *place)
{
    if (place->state == THRUMI_GREEN_ENDED &&
        pthread_tryjoin_np(place->thread, NULL) != 0)
        pthread_detach(place->thread);
    place->state = THRUMI_GREEN_NONE;
}

int thrumi_green_thread_start(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;
    const struct thrumi_thread_options options = {0, NULL, 0, &pool->mask};
    int rc;

    green_thread_clear(place);
    thrumi_executor_hold(&pool->executor);
    pool->alive++;
    place->state = THRUMI_GREEN_RUNS;
    rc =
        thrumi_thread_start(&place->thread, &options, green_thread_main, place);
    if (rc == 0)
        return 0;
    place->state = THRUMI_GREEN_NONE;
    pool->alive--;
    thrumi_executor_release(&pool->executor);
    return rc == -ENOMEM ? -ENOMEM : -EAGAIN;
}

/* ---- the end of a hub ---- */

/* True: the pool ends with the hub, and that has its memory. */
static bool green_place_close(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;
    bool listed;

    thrumi_mutex_lock(&pool->lock);
    atomic_store_explicit(&place->hub, NULL, memory_order_release);
    listed = place->listed;
    place->listed = false;
    thrumi_green_pool_feed(pool);
    thrumi_mutex_unlock(&pool->lock);
    return listed;
}

void thrumi_green_places_close(struct thrumi_hub *hub)
{
    struct thrumi_link *link;
    struct thrumi_link lost;

    thrumi_list_init(&lost);
    (void)thrumi_global_mutex_lock(&listing);
    while ((link = thrumi_list_pop(&hub->places)) != NULL)
        if (green_place_close(
                thrumi_container_of(link, struct thrumi_green_place, link)))
            thrumi_list_append(&lost, link);
    thrumi_global_mutex_unlock(&listing);
    while ((link = thrumi_list_pop(&lost)) != NULL) {
        struct thrumi_green_place *place =
            thrumi_container_of(link, struct thrumi_green_place, link);

        thrumi_list_append(&hub->lost, link);
        if (place->pool->options.threads > 0)
            continue;
        thrumi_green_pool_close(place->pool, THRUM_ESHUTDOWN);
        thrumi_green_pool_drain(place->pool, THRUM_ECANCELLED);
    }
}

/* Somebody must run what is queued. The lock is held. False: nobody will. */
static bool green_place_replace(struct thrumi_green_pool *pool)
{
    if (thrumi_green_pool_empty(pool) || pool->alive > 0)
        return true;
    return thrumi_green_thread_start(&pool->places[0]) == 0;
}

static void green_place_end(struct thrumi_green_place *place)
{
    struct thrumi_green_pool *pool = place->pool;
    bool stuck = false;

    thrumi_mutex_lock(&pool->lock);
    pool->live -= place->live; /* what would not end */
    place->live = 0;
    if (pool->options.threads > 0) {
        green_thread_leave(place);
        stuck = !green_place_replace(pool);
    }
    thrumi_mutex_unlock(&pool->lock);
    if (stuck)
        thrumi_green_pool_drain(pool, THRUM_EBROKEN);
    thrumi_mutex_lock(&pool->lock);
    thrumi_green_pool_unlock(pool);
    thrumi_executor_release(&pool->executor);
}

void thrumi_green_places_end(struct thrumi_hub *hub)
{
    struct thrumi_link *link;

    while ((link = thrumi_list_pop(&hub->lost)) != NULL)
        green_place_end(
            thrumi_container_of(link, struct thrumi_green_place, link));
}
