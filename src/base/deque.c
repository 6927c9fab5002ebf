/* SPDX-License-Identifier: MIT */
/*
 * base/deque.c - a work-stealing deque of pointers.
 *
 * Owner and thieves meet only at the last item. The owner takes an index away
 * first (bottom) and looks at the top then; a thief looks at the bottom first
 * and takes the top away then. Both write-then-read pairs are sequentially
 * consistent, so at least one of the two sees the other, and the compare-and-
 * swap of top decides who has it. That needs no fence: the owner's store of
 * bottom is an exchange.
 *
 * An array that was outgrown is kept until the end, since a thief may still
 * read it: all of them together are no longer than the last one.
 */
#include "base/deque.h"

#include "base/alloc.h"

#define DEQUE_SMALL 64 /* slots of the first array */

struct thrumi_deque_array {
    struct thrumi_deque_array *older; /* outgrown, freed at the end */
    int64_t capacity;                 /* a power of two */
    _Atomic(void *) slots[];
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

static _Atomic(void *) *deque_slot(struct thrumi_deque_array *array,
                                   int64_t index)
{
    return &array->slots[index & (array->capacity - 1)];
}

/* Copies what lies between top and bottom into an array of twice the size. */
static struct thrumi_deque_array *deque_grow(struct thrumi_deque *deque,
                                             struct thrumi_deque_array *old,
                                             int64_t top, int64_t bottom)
{
    struct thrumi_deque_array *array = deque_array_new(old->capacity * 2);

    if (array == NULL)
        return NULL;
    for (int64_t i = top; i < bottom; i++) {
        void *item =
            atomic_load_explicit(deque_slot(old, i), memory_order_relaxed);

        atomic_store_explicit(deque_slot(array, i), item, memory_order_relaxed);
    }
    array->older = old;
    /* release: pairs with the acquire in thrumi_deque_steal() */
    atomic_store_explicit(&deque->array, array, memory_order_release);
    return array;
}

bool thrumi_deque_push(struct thrumi_deque *deque, void *item)
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
    atomic_store_explicit(deque_slot(array, bottom), item,
                          memory_order_relaxed);
    /* release: pairs with the load of bottom in thrumi_deque_steal() */
    atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
    return true;
}

void *thrumi_deque_peek(struct thrumi_deque *deque, int64_t floor)
{
    int64_t index =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;
    struct thrumi_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);

    if (index < floor ||
        index < atomic_load_explicit(&deque->top, memory_order_relaxed))
        return NULL;
    return atomic_load_explicit(deque_slot(array, index), memory_order_relaxed);
}

void *thrumi_deque_pop(struct thrumi_deque *deque, int64_t floor)
{
    struct thrumi_deque_array *array =
        atomic_load_explicit(&deque->array, memory_order_relaxed);
    int64_t index =
        atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;
    int64_t top;
    void *item;

    if (thrumi_deque_peek(deque, floor) == NULL)
        return NULL;
    /* seq_cst, both: the write-then-read half of the story above */
    atomic_exchange_explicit(&deque->bottom, index, memory_order_seq_cst);
    top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    item = atomic_load_explicit(deque_slot(array, index), memory_order_relaxed);
    if (thrumi_likely(top < index))
        return item;
    /* the last one: whoever moves the top has it */
    if (top > index || !atomic_compare_exchange_strong_explicit(
                           &deque->top, &top, top + 1, memory_order_seq_cst,
                           memory_order_relaxed))
        item = NULL;
    /* release: a thief that reads this value still sees what was pushed */
    atomic_store_explicit(&deque->bottom, index + 1, memory_order_release);
    return item;
}

void *thrumi_deque_steal(struct thrumi_deque *deque, bool *ret_retry)
{
    /* seq_cst, both: the read half; bottom also pairs with the release of
     * thrumi_deque_push() */
    int64_t top = atomic_load_explicit(&deque->top, memory_order_seq_cst);
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_seq_cst);
    struct thrumi_deque_array *array;
    void *item;

    *ret_retry = false;
    if (top >= bottom)
        return NULL;
    /* acquire: pairs with the release in deque_grow() */
    array = atomic_load_explicit(&deque->array, memory_order_acquire);
    item = atomic_load_explicit(deque_slot(array, top), memory_order_relaxed);
    if (atomic_compare_exchange_strong_explicit(&deque->top, &top, top + 1,
                                                memory_order_seq_cst,
                                                memory_order_relaxed))
        return item;
    *ret_retry = true;
    return NULL;
}
