/* SPDX-License-Identifier: MIT */
/*
 * task/scope.c - tasks that do not outlive the block that started them.
 *
 * A member is on one of two lists until its task has settled: live, or asked,
 * once it was told to stop. The waiter that takes it off also notes the first
 * error and then asks all the others. Whoever waits takes any member and waits
 * for it and its callbacks, of which that waiter is one; when both lists are
 * empty it is over.
 *
 * Locking: scope.lock, a leaf: nothing is cancelled or waited for under it.
 */
#include <thrum/scope.h>

#include <errno.h>

#include "base/alloc.h"
#include "sys/mutex.h"
#include "task/future.h"

struct thrum_scope {
    struct thrumi_mutex lock;
    atomic_uint refs; /* the owner and the members */
    thrum_time deadline;
    /* guarded by lock: */
    struct thrumi_link live;  /* of scope_member.link */
    struct thrumi_link asked; /* likewise */
    thrum_future *failed;     /* the first that did; referenced */
    bool cancelled;           /* takes no more tasks */
    bool expired;             /* it was the deadline that cancelled */
};

struct scope_member {
    struct thrumi_waiter waiter; /* on the future's list */
    struct thrumi_link link;     /* on the scope's */
    thrum_scope *scope;
    thrum_future *future;
};

int thrum_scope_new(thrum_time deadline, thrum_scope **ret)
{
    thrum_scope *scope = thrumi_alloc_zero(sizeof(*scope));

    if (scope == NULL)
        return -ENOMEM;
    atomic_init(&scope->refs, 1);
    scope->deadline = deadline;
    thrumi_list_init(&scope->live);
    thrumi_list_init(&scope->asked);
    *ret = scope;
    return 0;
}

static void scope_unref(thrum_scope *scope)
{
    if (atomic_fetch_sub_explicit(&scope->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (scope->failed != NULL)
        thrum_future_unref(scope->failed);
    thrumi_free(scope);
}

/* The next one to ask, moved to the other list and referenced; or NULL. The
 * newest first: what has not begun is cancelled before those that run are asked
 * to stop, which would make room for it. */
static thrum_future *scope_take_live(thrum_scope *scope)
{
    thrum_future *future = NULL;
    struct thrumi_link *link;

    thrumi_mutex_lock(&scope->lock);
    scope->cancelled = true;
    link = scope->live.prev;
    if (link != &scope->live) {
        thrumi_list_remove(link);
        thrumi_list_append(&scope->asked, link);
        future = thrum_future_ref(
            thrumi_container_of(link, struct scope_member, link)->future);
    }
    thrumi_mutex_unlock(&scope->lock);
    return future;
}

void thrum_scope_cancel(thrum_scope *scope)
{
    thrum_future *future;

    while ((future = scope_take_live(scope)) != NULL) {
        thrum_future_request_cancel(future);
        thrum_future_unref(future);
    }
}

/* Notes that a task failed; true if it was the first. */
static bool scope_note_failure(thrum_scope *scope, thrum_future *future)
{
    bool first;

    if (thrumi_future_phase(future) != THRUMI_ERROR)
        return false;
    thrumi_mutex_lock(&scope->lock);
    first = scope->failed == NULL && !scope->expired;
    if (first)
        scope->failed = thrum_future_ref(future);
    thrumi_mutex_unlock(&scope->lock);
    return first;
}

static void scope_member_wake(struct thrumi_waiter *waiter)
{
    struct scope_member *member =
        thrumi_container_of(waiter, struct scope_member, waiter);
    thrum_scope *scope = member->scope;

    if (scope_note_failure(scope, member->future))
        thrum_scope_cancel(scope);
    thrumi_mutex_lock(&scope->lock);
    thrumi_list_remove(&member->link);
    thrumi_mutex_unlock(&scope->lock);
    thrum_future_unref(member->future);
    thrumi_free(member);
    scope_unref(scope);
}

/* Lists a task that was just submitted. If the scope was cancelled in between
 * it is told to stop, as the others were. */
static void scope_add(thrum_scope *scope, struct scope_member *member,
                      thrum_future *future)
{
    bool late;

    member->waiter.wake = scope_member_wake;
    member->scope = scope;
    member->future = thrum_future_ref(future);
    atomic_fetch_add_explicit(&scope->refs, 1, memory_order_relaxed);
    thrumi_mutex_lock(&scope->lock);
    late = scope->cancelled;
    thrumi_list_append(late ? &scope->asked : &scope->live, &member->link);
    thrumi_mutex_unlock(&scope->lock);
    if (!thrumi_future_listen(future, &member->waiter, THRUMI_CALLBACK))
        scope_member_wake(&member->waiter);
    if (late)
        thrum_future_request_cancel(future);
}

static bool scope_is_closed(thrum_scope *scope)
{
    bool closed;

    thrumi_mutex_lock(&scope->lock);
    closed = scope->cancelled;
    thrumi_mutex_unlock(&scope->lock);
    return closed;
}

int thrum_scope_submit(thrum_scope *scope, thrum_executor *executor,
                       thrum_fn *fn, const void *arg, size_t size,
                       thrum_future **ret)
{
    struct scope_member *member;
    thrum_future *future;
    int rc;

    if (scope == NULL)
        return -EINVAL;
    if (scope_is_closed(scope))
        return THRUM_ECLOSED;
    member = thrumi_alloc_zero(sizeof(*member));
    if (member == NULL)
        return -ENOMEM;
    rc = thrum_executor_submit(executor, fn, arg, size, &future);
    if (rc != 0) {
        thrumi_free(member);
        return rc;
    }
    scope_add(scope, member, future);
    if (ret != NULL)
        *ret = future;
    else
        thrum_future_unref(future);
    return 0;
}

/* A member that has not settled, or whose callbacks run; referenced. */
static thrum_future *scope_any_member(thrum_scope *scope)
{
    thrum_future *future = NULL;
    struct thrumi_link *link;

    thrumi_mutex_lock(&scope->lock);
    link =
        scope->live.next != &scope->live ? scope->live.next : scope->asked.next;
    if (link != &scope->asked)
        future = thrum_future_ref(
            thrumi_container_of(link, struct scope_member, link)->future);
    thrumi_mutex_unlock(&scope->lock);
    return future;
}

static void scope_expire(thrum_scope *scope)
{
    thrumi_mutex_lock(&scope->lock);
    scope->expired = scope->failed == NULL;
    thrumi_mutex_unlock(&scope->lock);
    thrum_scope_cancel(scope);
}

/* What came of it all. */
static int scope_verdict(thrum_scope *scope)
{
    const thrum_error *error = thrum_scope_error(scope);
    int rc = 0;

    if (error != NULL)
        return error->code;
    thrumi_mutex_lock(&scope->lock);
    if (scope->expired)
        rc = -ETIMEDOUT;
    else if (scope->cancelled)
        rc = THRUM_ECANCELLED;
    thrumi_mutex_unlock(&scope->lock);
    return rc;
}

int thrum_scope_wait(thrum_scope *scope)
{
    thrum_time deadline = scope->deadline;
    thrum_future *future;

    while ((future = scope_any_member(scope)) != NULL) {
        int rc = thrum_future_quiesce(future, deadline);

        thrum_future_unref(future);
        if (rc == -ETIMEDOUT && deadline.ns != INT64_MAX) {
            scope_expire(scope);
            deadline = THRUM_FOREVER;
        } else if (rc != 0) {
            return rc;
        }
    }
    return scope_verdict(scope);
}

const thrum_error *thrum_scope_error(thrum_scope *scope)
{
    thrum_future *failed;

    thrumi_mutex_lock(&scope->lock);
    failed = scope->failed;
    thrumi_mutex_unlock(&scope->lock);
    return failed == NULL ? NULL : failed->value;
}

int thrum_scope_close(thrum_scope *scope)
{
    int rc;

    if (scope == NULL)
        return 0;
    rc = thrum_scope_wait(scope);
    if (rc != 0)
        thrum_scope_cancel(scope);
    scope_unref(scope);
    return rc;
}
