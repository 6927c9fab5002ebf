/* SPDX-License-Identifier: MIT */
/*
 * pool/idle.c - who sleeps, and who is woken.
 *
 * A sleeper's word is
 *
 *     0 asleep, or about to be    set when it goes on the list
 *     1 woken                     by the one who took it off the list
 *     2 kicked                    still on the list, unless taken off since
 *
 * Locking: idle.lock, a leaf, taken only by those who park and wake.
 */
#include "pool/idle.h"

#include "base/fence.h"
#include "sys/park.h"

enum {
    IDLE_ASLEEP = 0,
    IDLE_WOKEN = 1,
    IDLE_KICKED = 2,
};

void thrumi_idle_init(struct thrumi_idle *idle)
{
    atomic_init(&idle->parked, 0);
    atomic_init(&idle->searching, 0);
    thrumi_mutex_init(&idle->lock);
    thrumi_list_init(&idle->sleepers);
}

void thrumi_sleeper_init(struct thrumi_sleeper *sleeper)
{
    sleeper->link.next = NULL;
    atomic_init(&sleeper->word, IDLE_WOKEN);
}

bool thrumi_idle_want_wake(struct thrumi_idle *idle, bool may_grow)
{
    unsigned nobody = 0;

    if (thrumi_likely(
            atomic_load_explicit(&idle->parked, memory_order_relaxed) == 0 &&
            !may_grow))
        return false;
    if (atomic_load_explicit(&idle->searching, memory_order_relaxed) != 0)
        return false;
    return atomic_compare_exchange_strong_explicit(&idle->searching, &nobody, 1,
                                                   memory_order_seq_cst,
                                                   memory_order_relaxed);
}

static void idle_remove(struct thrumi_idle *idle,
                        struct thrumi_sleeper *sleeper)
{
    thrumi_list_remove(&sleeper->link);
    atomic_fetch_sub_explicit(&idle->parked, 1, memory_order_relaxed);
}

bool thrumi_idle_wake_one(struct thrumi_idle *idle)
{
    struct thrumi_sleeper *sleeper = NULL;
    atomic_uint *word;

    thrumi_mutex_lock(&idle->lock);
    if (!thrumi_list_empty(&idle->sleepers)) {
        sleeper = thrumi_container_of(idle->sleepers.next,
                                      struct thrumi_sleeper, link);
        idle_remove(idle, sleeper);
    }
    thrumi_mutex_unlock(&idle->lock);
    if (sleeper == NULL)
        return false;
    word = &sleeper->word; /* it may be gone after the store */
    /* release: pairs with the acquire in idle_wait() */
    atomic_store_explicit(word, IDLE_WOKEN, memory_order_release);
    thrumi_wake_word(word, 1);
    return true;
}

bool thrumi_idle_start_search(struct thrumi_idle *idle, unsigned most)
{
    unsigned now = atomic_load_explicit(&idle->searching, memory_order_relaxed);

    while (now < most)
        if (atomic_compare_exchange_weak_explicit(&idle->searching, &now,
                                                  now + 1, memory_order_seq_cst,
                                                  memory_order_relaxed))
            return true;
    return false;
}

bool thrumi_idle_stop_search(struct thrumi_idle *idle)
{
    /* seq_cst: before the look at the queues that follows; a submitter that
     * still saw the token has its task in them */
    return atomic_fetch_sub_explicit(&idle->searching, 1,
                                     memory_order_seq_cst) == 1;
}

bool thrumi_idle_others_search(struct thrumi_idle *idle)
{
    /* relaxed: ordered by the lock, after a look for a sleeper */
    return atomic_load_explicit(&idle->searching, memory_order_relaxed) > 1;
}

void thrumi_idle_list(struct thrumi_idle *idle, struct thrumi_sleeper *sleeper,
                      bool searching)
{
    atomic_store_explicit(&sleeper->word, IDLE_ASLEEP, memory_order_relaxed);
    thrumi_mutex_lock(&idle->lock);
    thrumi_list_prepend(&idle->sleepers, &sleeper->link);
    atomic_fetch_add_explicit(&idle->parked, 1, memory_order_relaxed);
    thrumi_mutex_unlock(&idle->lock);
    if (searching)
        thrumi_idle_stop_search(idle);
    /* pairs with the fence of the submitter, in wake.c: either it sees us or we
     * see the task */
    thrumi_fence(&idle->parked);
}

bool thrumi_idle_unlist(struct thrumi_idle *idle,
                        struct thrumi_sleeper *sleeper)
{
    bool listed;

    thrumi_mutex_lock(&idle->lock);
    listed = thrumi_link_listed(&sleeper->link);
    if (listed)
        idle_remove(idle, sleeper);
    thrumi_mutex_unlock(&idle->lock);
    return listed;
}

/* Sleeps until the word is another than the two, or to the deadline; returns
 * it. */
static unsigned idle_wait(struct thrumi_sleeper *sleeper, unsigned also,
                          thrum_time deadline)
{
    int rc = 0;

    for (;;) {
        /* acquire: pairs with the release of who wakes */
        unsigned word =
            atomic_load_explicit(&sleeper->word, memory_order_acquire);

        if ((word != IDLE_ASLEEP && word != also) || rc != 0)
            return word;
        rc = thrumi_park_word(&sleeper->word, word, deadline);
    }
}

bool thrumi_idle_sleep(struct thrumi_idle *idle, struct thrumi_sleeper *sleeper,
                       thrum_time deadline, bool *ret_expired)
{
    unsigned word = idle_wait(sleeper, IDLE_ASLEEP, deadline);

    *ret_expired = false;
    if (word == IDLE_WOKEN)
        return true;
    if (thrumi_idle_unlist(idle, sleeper)) {
        *ret_expired = word == IDLE_ASLEEP;
        return false;
    }
    thrumi_idle_await_token(sleeper);
    return true;
}

void thrumi_idle_await_token(struct thrumi_sleeper *sleeper)
{
    idle_wait(sleeper, IDLE_KICKED, THRUM_FOREVER);
}

void thrumi_idle_kick(struct thrumi_sleeper *sleeper)
{
    unsigned asleep = IDLE_ASLEEP;

    if (atomic_compare_exchange_strong_explicit(
            &sleeper->word, &asleep, IDLE_KICKED, memory_order_release,
            memory_order_relaxed))
        thrumi_wake_word(&sleeper->word, 1);
}
