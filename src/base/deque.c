/* SPDX-License-Identifier: MIT */
/*
 * base/deque.c - a work-stealing deque of calls.
 *
 * Owner and thieves meet only at the last item. The owner takes an index away
 * first (bottom) and looks at the top then; a thief looks at the bottom first
 * and takes the top away then. Both write-then-read pairs are sequentially
 * consistent, so at least one of the two sees the other, and the compare-and-
 * swap of top decides who has it. That needs no fence: the owner's store of
 * bottom is an exchange.
 *
 * A slot is two words, read one after the other. A thief may read a slot that
 * is being written anew, but only after the top has moved past it: then its
 * compare-and-swap fails and what it read is thrown away.
 *
 * An array that was outgrown is kept until the end, since a thief may still
 * read it: all of them together are no longer than the last one.
 */
#include "base/deque.h"

#include "base/alloc.h"

#define DEQUE_SMALL 64 /* slots of the first array */

struct deque_slot {
    _Atomic(thrum_fn *) fn;
    _Atomic(void *) arg;
};

struct thrumi_deque_array {
    struct thrumi_deque_array *older; /* outgrown, freed at the end */
    int64_t capacity;                 /* a power of two */
    struct deque_slot slots[];
};

static struct thrumi_deque_array *deque_array_new(int64_t capacity)
{
    struct thrumi_deque_array *array;
    size_t slots = (size_t)capacity * sizeof(array->slots[0]);

    array = thrumi_alloc(sizeof(*array) + slots);
    if (array == NULL)
        return NULL;
    array->older = NULL;
    array->capacity = capacity;
    return array;
}

bool thrumi_deque_init(struct thrumi_deque *deque)
{
    struct thrumi_deque_array *array = deque_array_new(DEQUE_SMALL);

    atomic_init(&deque->bottom, 0);
    atomic_init(&deque->top, 0);
    atomic_init(&deque->array, array);
    return array != NULL;
}

void thrumi_deque_fini(struct thrumi_deque *deque)
{
    struct thrumi_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);

    while (array != NULL) {
        struct thrumi_deque_array *older = array->older;

        thrumi_free(array);
        array = older;
    }
}

static struct deque_slot *deque_slot(struct thrumi_deque_array *array,
                                     int64_t index)
{
    return &array->slots[index & (array->capacity - 1)];
}

/* relaxed, both: bottom and top order what lies between them */
static struct thrumi_slot deque_read(struct thrumi_deque_array *array,
                                     int64_t index)
{
    struct deque_slot *slot = deque_slot(array, index);
    struct thrumi_slot copy;

    copy.fn = atomic_load_explicit(&slot->fn, memory_order_relaxed);
    copy.arg = atomic_load_explicit(&slot->arg, memory_order_relaxed);
    return copy;
}

static void deque_write(struct thrumi_deque_array *array, int64_t index,
                        struct thrumi_slot copy)
{
    struct deque_slot *slot = deque_slot(array, index);

    atomic_store_explicit(&slot->fn, copy.fn, memory_order_relaxed);
    atomic_store_explicit(&slot->arg, copy.arg, memory_order_relaxed);
}

/* Copies what lies between top and bottom into an array of twice the size. */
static struct thrumi_deque_array *deque_grow(struct thrumi_deque *deque,
                                             struct thrumi_deque_array *old,
                                             int64_t top, int64_t bottom)
{
    struct thrumi_deque_array *array = deque_array_new(old->capacity * 2);

    if (array == NULL)
        return NULL;
    for (int64_t i = top; i < bottom; i++)
        deque_write(array, i, deque_read(old, i));
    array->older = old;
    /* release: pairs with the acquire in thrumi_deque_steal() */
    atomic_store_explicit(&deque->array, array, memory_order_release);
    return array;
}

bool thrumi_deque_push(struct thrumi_deque *deque, struct thrumi_slot slot)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    /* acquire: pairs with the thieves' exchange of top; their reads of a slot
     * are over before it is written again */
    int64_t top = atomic_load_explicit(&deque->top, memory_order_acquire);
    struct thrumi_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);

    if (thrumi_unlikely(bottom - top >= array->capacity)) {
        array = deque_grow(deque, array, top, bottom);
        if (array == NULL)
            return false;
    }
    deque_write(array, bottom, slot);
    /* release: pairs with the load of bottom in thrumi_deque_steal() */
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
    return true;
}

/* The index of the newest slot, or -1 if that is below `floor` or gone. */
static int64_t deque_newest(struct thrumi_deque *deque, int64_t floor)
{
    int64_t index =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;

    if (index < floor ||
        index < atomic_load_explicit(&deque->top, memory_order_relaxed))
        return -1;
    return index;
}

bool thrumi_deque_is_top(struct thrumi_deque *deque, int64_t floor,
                         const void *task)
{
    int64_t index = deque_newest(deque, floor);
    struct thrumi_slot slot;

    if (index < 0)
        return false;
    slot = deque_read(atomic_load_explicit(&deque->array, memory_order_relaxed),
                      index);
    return slot.fn == NULL && slot.arg == task;
}

bool thrumi_deque_pop(struct thrumi_deque *deque, int64_t floor,
                      struct thrumi_slot *ret)
{
    int64_t index = deque_newest(deque, floor);
    bool mine = true;
    int64_t top;

    if (index < 0)
        return false;
    /* seq_cst, both: the write-then-read half of the story above */
    atomic_exchange_explicit(&deque->bottom, index, memory_order_seq_cst);
    top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    *ret = deque_read(atomic_load_explicit(&deque->array, memory_order_relaxed),
                      index);
    if (thrumi_likely(top < index))
        return true;
    /* the last one: whoever moves the top has it */
    if (top > index)
        mine = false;
    else
        mine = atomic_compare_exchange_strong_explicit(
            &deque->top, &top, top + 1, memory_order_seq_cst,
            memory_order_relaxed);
    /* release: a thief that reads this value still sees what was pushed */
    atomic_store_explicit(&deque->bottom, index + 1, memory_order_release);
    return mine;
}

bool thrumi_deque_steal(struct thrumi_deque *deque, struct thrumi_slot *ret,
                        bool *ret_retry)
{
    /* seq_cst, both: the read half; bottom also pairs with the release of
     * thrumi_deque_push() */
    int64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_seq_cst);

    *ret_retry = false;
    if (top >= bottom)
        return false;
    /* acquire: pairs with the release in deque_grow() */
    *ret = deque_read(atomic_load_explicit(&deque->array, memory_order_acquire),
                      top);
    *ret_retry = !atomic_compare_exchange_strong_explicit(
        &deque->top, &top, top + 1, memory_order_seq_cst, memory_order_relaxed);
    return !*ret_retry;
}
