/* SPDX-License-Identifier: MIT */
/*
 * monkey/owners.h - which greenlet has locked what asks who it is.
 *
 * A recursive or error-checking mutex and a stream of stdio know their owner by
 * the number of the thread, which all greenlets of a thread share: they would let
 * a second one in. So of those it is remembered which greenlet has them.
 */
#ifndef THRUMI_MONKEY_OWNERS_H
#define THRUMI_MONKEY_OWNERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum thrumi_owner {
    THRUMI_OWNER_NONE, /* none that is known: a thread may have it */
    THRUMI_OWNER_SELF,
    THRUMI_OWNER_OTHER,
};

/* How many objects are remembered. */
extern atomic_uint thrumi_owners_known;

/* Is it a mutex that asks who locks it? */
bool thrumi_owners_matter(const pthread_mutex_t *mutex);

enum thrumi_owner thrumi_owners_ask(const void *object);
/* The same of a mutex. One that nobody has was destroyed, or its memory given
 * back, while it was locked: then it is remembered no more. */
enum thrumi_owner thrumi_owners_ask_mutex(const pthread_mutex_t *mutex);
/* The calling greenlet has locked it, once more perhaps. False: another has, or
 * there is no memory. */
bool thrumi_owners_add(const void *object);
/* It was unlocked once. */
void thrumi_owners_drop(const void *object);
/* It is no more, locked or not. */
void thrumi_owners_forget(const void *object);

/* Whoever forks has the table, so that the child finds it whole and free. */
void thrumi_owners_before_fork(void);
void thrumi_owners_after_fork(void);

#endif /* THRUMI_MONKEY_OWNERS_H */
