/* SPDX-License-Identifier: MIT */
/*
 * monkey/once.c - pthread_once, and call_once of C11, which is the same object.
 *
 * Whoever comes while it is under way waits in the kernel for whoever does it;
 * were both greenlets of one thread, that would be for ever. So it is known which
 * are under way in greenlets, and greenlets wait for those in the lot.
 *
 * Locking: once.lock is held to look at the list; the lot's locks are taken under
 * it.
 */
#include <threads.h>

#include <thrum/greenlet.h>

#include "monkey/hooks.h"
#include "monkey/locks.h"
#include "monkey/lot.h"

#define ONCE_DONE 2 /* of a pthread_once_t */

struct once_call {
    struct thrumi_link link;
    const void *control;
    const thrum_greenlet *caller;
};

static struct {
    pthread_mutex_t lock;
    struct thrumi_link calls; /* guarded by lock; next NULL: none yet */
} once = {PTHREAD_MUTEX_INITIALIZER, {NULL, NULL}};

/* The call for the object that is under way, or NULL. The lock is held. */
static struct once_call *once_find(const void *control)
{
    if (once.calls.next == NULL)
        thrumi_list_init(&once.calls);
    for (struct thrumi_link *link = once.calls.next; link != &once.calls;
         link = link->next) {
        struct once_call *call =
            thrumi_container_of(link, struct once_call, link);

        if (call->control == control)
            return call;
    }
    return NULL;
}

/* Puts the call on the list; waits while another is there. An object that is
 * done within itself is for libc to hang on. */
static void once_begin(struct once_call *call)
{
    for (;;) {
        const struct once_call *other;
        struct thrumi_lot_wait wait;

        pthread_mutex_lock(&once.lock);
        other = once_find(call->control);
        if (other == NULL || other->caller == call->caller)
            break;
        thrumi_lot_enter(&wait, call->control);
        pthread_mutex_unlock(&once.lock);
        (void)thrumi_lot_wait(&wait, THRUM_FOREVER);
        (void)thrumi_lot_leave(&wait);
    }
    thrumi_list_append(&once.calls, &call->link);
    pthread_mutex_unlock(&once.lock);
}

/* Also when the function has thrown an exception, after which another may try. */
static void once_end(struct once_call *call)
{
    pthread_mutex_lock(&once.lock);
    thrumi_list_remove(&call->link);
    pthread_mutex_unlock(&once.lock);
    thrumi_lot_wake(call->control, THRUMI_LOT_ALL);
}

/* Once it is done that is all there is to know. It is what glibc has in it. */
static bool once_is_done(const pthread_once_t *control)
{
    return (__atomic_load_n(control, __ATOMIC_ACQUIRE) & ONCE_DONE) != 0;
}

int thrumi_hook_pthread_once(pthread_once_t *control, void (*fn)(void))
{
    if (thrumi_monkey_outside() || once_is_done(control))
        return thrumi_original.pthread_once(control, fn);
    {
        struct once_call call __attribute__((cleanup(once_end))) = {
            {NULL, NULL}, control, thrum_greenlet_current()};

        once_begin(&call);
        return thrumi_original.pthread_once(control, fn);
    }
}

void thrumi_hook_call_once(once_flag *flag, void (*fn)(void))
{
    if (thrumi_monkey_outside())
        thrumi_original.call_once(flag, fn);
    else
        (void)thrumi_hook_pthread_once((pthread_once_t *)(void *)flag, fn);
}

/* ---- fork ---- */

void thrumi_once_before_fork(void)
{
    pthread_mutex_lock(&once.lock);
}

/* In the child whoever was under way elsewhere never ends, and libc has another
 * do it. */
static void once_keep_own(void)
{
    const thrum_greenlet *self;
    struct thrumi_link *next;

    if (once.calls.next == NULL || once.calls.next == &once.calls)
        return;
    self = thrum_greenlet_current();
    for (struct thrumi_link *link = once.calls.next; link != &once.calls;
         link = next) {
        next = link->next;
        if (thrumi_container_of(link, struct once_call, link)->caller != self)
            thrumi_list_remove(link);
    }
}

void thrumi_once_after_fork(bool child)
{
    if (child)
        once_keep_own();
    pthread_mutex_unlock(&once.lock);
}
