/* SPDX-License-Identifier: MIT */
/*
 * handles.c - libcurl's easy handles, lent to one transfer at a time.
 *
 * A handle keeps connections, sessions and names for the next transfer. So the
 * one that was given back last is taken first, whichever thread or greenlet asks
 * for it: there are never more handles than there were transfers at once.
 *
 * Connections are not shared between handles. libcurl can do that, but not when
 * handles are used by several threads, and among greenlets of one thread it
 * would have them wait for each other: one transfer that is parked in the
 * middle of a shared cache is one too many.
 *
 * A handle with a connection to one server would keep it open while it makes
 * another one to the next. Where each descriptor counts, a handle is used for
 * one server alone, and replaced when there is none.
 *
 * The state is of the whole process because libcurl's is.
 */
#include "handles.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES_LOOKS 32 /* at the newest, for one of the same server */

static struct {
    pthread_mutex_t lock;
    /* guarded by lock: */
    struct handle *free; /* the newest last */
    size_t n;
    size_t room; /* for all there are: to give one back cannot fail */
    size_t all;
} handles = {PTHREAD_MUTEX_INITIALIZER, NULL, 0, 0, 0};

/* FNV-1a of what stands before the path: scheme, name and port. */
static unsigned long handles_server(const char *url)
{
    unsigned long hash = 14695981039346656037u;
    int slashes = 0;

    for (; *url != '\0'; url++) {
        slashes += *url == '/';
        if (slashes == 3)
            break;
        hash = (hash ^ (unsigned char)*url) * 1099511628211u;
    }
    return hash;
}

/* Room for one more. */
static bool handles_grow(void)
{
    size_t room = handles.room > 0 ? 2 * handles.room : 16;
    struct handle *more = handles.free;

    if (handles.all < handles.room)
        return true;
    more = reallocarray(more, room, sizeof(*more));
    if (more == NULL)
        return false;
    handles.free = more;
    handles.room = room;
    return true;
}

/* The newest of this server, if it is among the newest; else the newest. Under
 * the lock; there is one. */
static struct handle handles_pick(unsigned long server)
{
    size_t last = handles.n - 1;
    size_t at = last;
    struct handle picked;

    while (at > 0 && last - at < HANDLES_LOOKS &&
           handles.free[at].server != server)
        at--;
    if (handles.free[at].server != server)
        at = last;
    picked = handles.free[at];
    memmove(&handles.free[at], &handles.free[at + 1],
            (last - at) * sizeof(picked));
    handles.n--;
    return picked;
}

/* One that is free, or no handle, for which there is room in the list. */
static bool handles_find(struct handle *ret, unsigned long server)
{
    bool found = true;

    pthread_mutex_lock(&handles.lock);
    ret->curl = NULL;
    if (handles.n > 0)
        *ret = handles_pick(server);
    else if (handles_grow())
        handles.all++;
    else
        found = false;
    pthread_mutex_unlock(&handles.lock);
    return found;
}

static void handles_forget(void)
{
    pthread_mutex_lock(&handles.lock);
    handles.all--;
    pthread_mutex_unlock(&handles.lock);
}

bool handles_take(const char *url, bool same_server, struct handle *ret)
{
    unsigned long server = handles_server(url);

    if (!handles_find(ret, server))
        return false;
    if (same_server && ret->server != server) {
        curl_easy_cleanup(ret->curl);
        ret->curl = NULL;
    }
    ret->server = server;
    if (ret->curl != NULL) {
        curl_easy_reset(ret->curl);
        return true;
    }
    ret->curl = curl_easy_init();
    if (ret->curl == NULL)
        handles_forget();
    return ret->curl != NULL;
}

void handles_put(const struct handle *handle)
{
    pthread_mutex_lock(&handles.lock);
    handles.free[handles.n++] = *handle;
    pthread_mutex_unlock(&handles.lock);
}

void handles_free(void)
{
    pthread_mutex_lock(&handles.lock);
    for (size_t i = 0; i < handles.n; i++)
        curl_easy_cleanup(handles.free[i].curl);
    handles.all -= handles.n;
    handles.n = 0;
    if (handles.all == 0) {
        free(handles.free);
        handles.free = NULL;
        handles.room = 0;
    }
    pthread_mutex_unlock(&handles.lock);
}
