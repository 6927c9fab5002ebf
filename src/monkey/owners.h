/* SPDX-License-Identifier: MIT */
/*
 * monkey/owners.h - which greenlet has locked a mutex that asks who it is.
 *
 * A recursive or error-checking mutex knows its owner by the number of the
 * thread, which all greenlets of a thread share: it would let a second one in.
 * So for those, and for no others, it is remembered which greenlet has it.
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

/* How many mutexes are remembered. */
extern atomic_uint thrumi_owners_known;

/* Does it ask who locks it? */
bool thrumi_owners_matter(const pthread_mutex_t *mutex);

enum thrumi_owner thrumi_owners_ask(const pthread_mutex_t *mutex);
/* The calling greenlet has locked it, once more perhaps. False: no memory. */
bool thrumi_owners_add(const pthread_mutex_t *mutex);
/* It was unlocked once. */
void thrumi_owners_drop(const pthread_mutex_t *mutex);

#endif /* THRUMI_MONKEY_OWNERS_H */
