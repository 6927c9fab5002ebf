/* SPDX-License-Identifier: MIT */
/*
 * thrum/sync.h - locks, events, semaphores and the like, for all who wait.
 *
 * Whoever waits is parked: a thread sleeps, a greenlet gives its thread away.
 * Both may use the same object at the same time. All of them are fair: who came
 * first is served first, and what is handed to him nobody can snatch.
 *
 * The objects are the caller's storage, as those of pthreads are, and hold no
 * memory of their own: what is static or part of a struct needs only its
 * initialiser, and there is no failure to handle.
 *
 *     static thrum_lock lock = THRUM_LOCK_INIT;
 *
 *     rc = thrum_lock_acquire(&lock, thrum_in_ms(100));
 *     if (rc != 0)
 *         return rc;
 *     ...
 *     thrum_lock_release(&lock);
 *
 * Waits take a deadline; with THRUM_NOW they only try. All return
 *
 *     0             it has what it waited for
 *     -ETIMEDOUT    not by the deadline
 *     -ECANCELED    the caller is being cancelled
 *     -EDEADLK      nobody is left who could end the wait
 *     THRUM_ECONTEXT  it would have to wait, in a callback
 *
 * and after a code other than 0 the caller has nothing: a wait that is given
 * something in the moment in which it fails returns 0. What need not wait is
 * 0 whatever the deadline, and also for a greenlet that is being cancelled.
 * To release, set, notify and be done is never refused for such a reason.
 * A greenlet whose waits never have to wait gives its turn away in one of them
 * now and then, but not with THRUM_NOW.
 *
 * An object may be destroyed as soon as nobody will use it any more: what the
 * last one does to it is over when others can know of it, so an event may lie
 * on the stack of the one that waits for it. Its fini is needed for nothing but
 * to find a mistake: it ends the program if somebody still waits. After a
 * fork() the child may use what nobody else was using at that moment.
 */
#ifndef THRUM_SYNC_H
#define THRUM_SYNC_H

#include <thrum/base.h>

THRUM_BEGIN_DECLS

/* The library's own; public for its size alone. */
struct thrum_sync_ {
    unsigned word;
    void *waiters;
};

/* What an object is at first. A semaphore has so many units that are free, and
 * never more than its limit; 0 is none of the program's own, and the library's
 * is 2^29 - 1. */
/* clang-format off */
#define THRUM_EVENT_INIT                   { { 0, NULL } }
#define THRUM_LOCK_INIT                    { { 0, NULL } }
#define THRUM_RLOCK_INIT                   { THRUM_LOCK_INIT, NULL, 0 }
#define THRUM_SEMAPHORE_INIT(units, limit) { { (units) * 8u, NULL }, (limit) }
#define THRUM_CONDITION_INIT               { { 0, NULL } }
#define THRUM_RWLOCK_INIT                  { { 0, NULL } }
#define THRUM_BARRIER_INIT(parties)        { { 0, NULL }, (parties) }
#define THRUM_ONCE_INIT                    { { 0, NULL }, NULL }
#define THRUM_WAITGROUP_INIT               { { 0, NULL } }
/* clang-format on */

/* ---- event ---- */

/* Something that has happened, or not yet. */
typedef struct thrum_event {
    struct thrum_sync_ sync;
} thrum_event;

/* An event that is not set; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_event_init(thrum_event *event);
THRUM_API void thrum_event_fini(thrum_event *event);

/* Sets it, and all who wait have been waiting for this, in their order, also
 * if it is cleared before they run (S13). Clears it. Is it set?
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    whether it is set. */
THRUM_API void thrum_event_set(thrum_event *event);
THRUM_API void thrum_event_clear(thrum_event *event);
THRUM_API bool thrum_event_is_set(const thrum_event *event);

/* Waits until it is set.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until it is set, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    0, or a code of the wait. */
THRUM_API THRUM_MUST_USE int thrum_event_wait(thrum_event *event,
                                              thrum_time deadline);

/* ---- lock ---- */

/* For one at a time. It does not remember who has it: another one may release
 * it, and who has it waits for himself if he acquires it again. */
typedef struct thrum_lock {
    struct thrum_sync_ sync;
} thrum_lock;

/* A free lock; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_lock_init(thrum_lock *lock);
THRUM_API void thrum_lock_fini(thrum_lock *lock);

/* Acquires the lock.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until it is the caller's turn, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    0, or a code of the wait. */
THRUM_API THRUM_MUST_USE int thrum_lock_acquire(thrum_lock *lock,
                                                thrum_time deadline);

/* Releases it: the one that waits longest has it then. Releasing one that
 * nobody has ends the program.
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    nothing. */
THRUM_API void thrum_lock_release(thrum_lock *lock);

/* ---- rlock ---- */

/* A lock that its owner, a greenlet or a thread, may acquire again; it is free
 * when he has released it as often. A generator is whoever pulls it. */
typedef struct thrum_rlock {
    thrum_lock lock;
    void *owner;
    unsigned depth;
} thrum_rlock;

/* A free one; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_rlock_init(thrum_rlock *lock);
THRUM_API void thrum_rlock_fini(thrum_rlock *lock);

/* Acquires it, once more if the caller is its owner.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until it is the caller's turn, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    0, or a code of the wait. */
THRUM_API THRUM_MUST_USE int thrum_rlock_acquire(thrum_rlock *lock,
                                                 thrum_time deadline);

/* Releases it once.
 *
 * Call from:  its owner.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    0; -EPERM, and nothing is done, if the caller is not its owner
 *             (S14). */
THRUM_API int thrum_rlock_release(thrum_rlock *lock);

/* ---- semaphore ---- */

/* So many units, each for one at a time. */
typedef struct thrum_semaphore {
    struct thrum_sync_ sync;
    unsigned limit;
} thrum_semaphore;

/* The same at run time; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    0; -EINVAL for more units than the limit, or too high a one. */
THRUM_API int thrum_semaphore_init(thrum_semaphore *semaphore, unsigned units,
                                   unsigned limit);
THRUM_API void thrum_semaphore_fini(thrum_semaphore *semaphore);

/* Acquires a unit.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until there is one, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    0, or a code of the wait. */
THRUM_API THRUM_MUST_USE int thrum_semaphore_acquire(thrum_semaphore *semaphore,
                                                     thrum_time deadline);

/* Releases a unit, which need not have been acquired: the one that waits
 * longest has it then.
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    0; -EOVERFLOW, and nothing is done, at its limit (S14). */
THRUM_API int thrum_semaphore_release(thrum_semaphore *semaphore);

/* How many units are free at this moment.
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    the number. */
THRUM_API unsigned thrum_semaphore_units(const thrum_semaphore *semaphore);

/* ---- condition ---- */

/* To wait, without the lock, until it is worth looking again:
 *
 *     rc = thrum_lock_acquire(&lock, deadline);
 *     while (rc == 0 && !ready)
 *         rc = thrum_condition_wait(&condition, &lock, deadline);
 */
typedef struct thrum_condition {
    struct thrum_sync_ sync;
} thrum_condition;

/* One that nobody waits for; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_condition_init(thrum_condition *condition);
THRUM_API void thrum_condition_fini(thrum_condition *condition);

/* Releases the lock and waits for a notify, as one step; has the lock again
 * when it returns, whatever it returns.
 *
 * Call from:  who has the lock, which is the same for all who wait.
 * Blocks:     until it is notified, to the deadline, cancellable; and then
 *             until it has the lock, which nothing cuts short.
 * Ownership:  borrows.
 * Returns:    0 when it was notified, never for no reason; or a code of the
 *             wait. */
THRUM_API THRUM_MUST_USE int thrum_condition_wait(thrum_condition *condition,
                                                  thrum_lock *lock,
                                                  thrum_time deadline);

/* The same with an rlock, however often its owner has acquired it.
 *
 * Call from:  the owner of the lock, which is the same for all who wait.
 * Blocks:     as thrum_condition_wait().
 * Ownership:  borrows.
 * Returns:    as thrum_condition_wait(); -EPERM, and nothing is done, if the
 *             caller is not its owner. */
THRUM_API THRUM_MUST_USE int
thrum_condition_wait_rlock(thrum_condition *condition, thrum_rlock *lock,
                           thrum_time deadline);

/* Has the one that waits longest go on, or all of them, in their order; each
 * when it has the lock.
 *
 * Call from:  anywhere but signal handlers; with the lock or without.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    nothing. */
THRUM_API void thrum_condition_notify(thrum_condition *condition);
THRUM_API void thrum_condition_notify_all(thrum_condition *condition);

/* ---- rwlock ---- */

/* For many who read or one who writes. Who comes later passes nobody, so
 * readers do not keep a writer out; hence who reads must not acquire it to read
 * again: a writer may stand between. */
typedef struct thrum_rwlock {
    struct thrum_sync_ sync;
} thrum_rwlock;

/* A free one; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_rwlock_init(thrum_rwlock *lock);
THRUM_API void thrum_rwlock_fini(thrum_rwlock *lock);

/* Acquires it, to read together with others, or to write alone.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until it is the caller's turn, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    0, or a code of the wait. */
THRUM_API THRUM_MUST_USE int thrum_rwlock_acquire_read(thrum_rwlock *lock,
                                                       thrum_time deadline);
THRUM_API THRUM_MUST_USE int thrum_rwlock_acquire_write(thrum_rwlock *lock,
                                                        thrum_time deadline);

/* Releases it, as it was acquired. Releasing one that nobody has ends the
 * program.
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    nothing. */
THRUM_API void thrum_rwlock_release(thrum_rwlock *lock);

/* ---- barrier ---- */

/* So many go on together, again and again. */
typedef struct thrum_barrier {
    struct thrum_sync_ sync;
    unsigned parties;
} thrum_barrier;

/* The same at run time; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    0; -EINVAL for no parties, or for more than 2^28 - 1. */
THRUM_API int thrum_barrier_init(thrum_barrier *barrier, unsigned parties);
THRUM_API void thrum_barrier_fini(thrum_barrier *barrier);

/* Waits until all parties have come. Who leaves before, past his deadline or
 * cancelled, breaks it: the others would wait in vain.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until the last one comes, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    how many of this round came before, 0 to parties - 1; a code of
 *             the wait; THRUM_EBROKEN when another has left, or the barrier was
 *             aborted or reset. */
THRUM_API THRUM_MUST_USE int thrum_barrier_wait(thrum_barrier *barrier,
                                                thrum_time deadline);

/* Breaks it: who waits, and who comes, gets THRUM_EBROKEN. Makes it whole and
 * empty: who waits gets THRUM_EBROKEN.
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    nothing. */
THRUM_API void thrum_barrier_abort(thrum_barrier *barrier);
THRUM_API void thrum_barrier_reset(thrum_barrier *barrier);

/* ---- once ---- */

/* A function that is to succeed once. */
typedef struct thrum_once {
    struct thrum_sync_ sync;
    void *owner;
} thrum_once;

/* One that was not called yet; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_once_init(thrum_once *once);
THRUM_API void thrum_once_fini(thrum_once *once);

/* Calls fn(arg), unless it has succeeded, that is returned 0, before. While it
 * runs elsewhere, waits; if it fails there, or its thread ends in it, it is
 * called by the one that waits longest.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     while it runs elsewhere, to the deadline, cancellable; and as
 *             `fn` does, which may wait.
 * Ownership:  `arg` is passed as it is.
 * Returns:    0 when it has succeeded, here or elsewhere; what it returned
 *             here; a code of the wait; -EDEADLK when the caller is called by
 *             it. */
THRUM_API THRUM_MUST_USE int thrum_once_call(thrum_once *once,
                                             int (*fn)(void *arg), void *arg,
                                             thrum_time deadline);

/* Has it succeeded?
 *
 * Call from:  anywhere.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    so. */
THRUM_API bool thrum_once_is_done(const thrum_once *once);

/* ---- waitgroup ---- */

/* Until all of them are done. */
typedef struct thrum_waitgroup {
    struct thrum_sync_ sync;
} thrum_waitgroup;

/* One of none; the end of one.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  the storage is the caller's.
 * Returns:    nothing. */
THRUM_API void thrum_waitgroup_init(thrum_waitgroup *group);
THRUM_API void thrum_waitgroup_fini(thrum_waitgroup *group);

/* There are n more to wait for: before they begin, and before the wait. One is
 * done; more than were added end the program. How many are not done.
 *
 * Call from:  anywhere but signal handlers.
 * Blocks:     no.
 * Ownership:  borrows.
 * Returns:    the number. */
THRUM_API void thrum_waitgroup_add(thrum_waitgroup *group, unsigned n);
THRUM_API void thrum_waitgroup_done(thrum_waitgroup *group);
THRUM_API unsigned thrum_waitgroup_count(const thrum_waitgroup *group);

/* Waits until none is left.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     until all are done, to the deadline; cancellable.
 * Ownership:  borrows.
 * Returns:    0, or a code of the wait. */
THRUM_API THRUM_MUST_USE int thrum_waitgroup_wait(thrum_waitgroup *group,
                                                  thrum_time deadline);

THRUM_END_DECLS

#endif /* THRUM_SYNC_H */
