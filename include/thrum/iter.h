/* SPDX-License-Identifier: MIT */
/*
 * thrum/iter.h - one item after the other.
 *
 * What map takes and what it gives. Items are pulled in the thread that calls
 * next, never anywhere else.
 *
 *     while ((rc = thrum_iter_next(it, &item)) == 0)
 *         use(item);
 *     if (rc != THRUM_ESTOP)
 *         complain(rc);
 *     thrum_iter_free(it);
 */
#ifndef THRUM_ITER_H
#define THRUM_ITER_H

#include <stdio.h>

#include <thrum/base.h>
#include <thrum/error.h>

THRUM_BEGIN_DECLS

typedef struct thrum_iter thrum_iter; /* opaque, one owner */

/* Gets the next item.
 *
 * Call from:  one thread or greenlet at a time.
 * Blocks:     as the source does.
 * Ownership:  the item is borrowed until the next next, or free; pointers
 *             (item size 0) point to what their owner owns.
 * Returns:    0 and the item; THRUM_ESTOP at the end, and ever after;
 *             THRUM_EFAILED: this item failed, thrum_iter_error() tells why,
 *             and the next next goes on; any other code is the source's own. */
THRUM_API THRUM_MUST_USE int thrum_iter_next(thrum_iter *iter, void **ret);

/* Of the item that next returned last: its size in bytes (0: a plain pointer),
 * its index among the source's items, from 0, and, after THRUM_EFAILED, why.
 *
 * Call from:  the thread that called next.
 * Blocks:     no.
 * Ownership:  the error is borrowed until the next next, or free.
 * Returns:    bytes; the index; the error or NULL. */
THRUM_API size_t thrum_iter_item_size(const thrum_iter *iter);
THRUM_API size_t thrum_iter_index(const thrum_iter *iter);
THRUM_API const thrum_error *thrum_iter_error(const thrum_iter *iter);

/* Ends an iterator, at its end or before.
 *
 * Call from:  its owner.
 * Blocks:     no.
 * Ownership:  takes the iterator; NULL is allowed.
 * Returns:    nothing. */
THRUM_API void thrum_iter_free(thrum_iter *iter);

/* Iterators over what a program has:
 *   array     pointers to the `count` elements of `size` bytes at `base`
 *   pointers  the pointers themselves, items of size 0
 *   range     int64_t from `begin` up to, not including, `end`
 *   lines     the lines of a stream as strings, without their newline
 *   zip       arrays of n pointers, one of each; ends with the shortest (F56)
 * array, pointers and lines borrow what they walk over, which must outlive
 * them. An item of range or lines is overwritten by the next one: map copies
 * it, but zip's item has only its address, so do not map over a zip of those.
 *
 * Call from:  any thread.
 * Blocks:     no; next of lines as stdio does.
 * Ownership:  the caller owns `*ret`; zip takes its n iterators, also when it
 *             fails.
 * Returns:    0; -EINVAL for a size of 0 or an end before its begin; -ENOMEM.
 *             Of next of lines: -errno when reading failed. */
THRUM_API THRUM_MUST_USE int thrum_iter_array(const void *base, size_t count,
                                              size_t size, thrum_iter **ret);
THRUM_API THRUM_MUST_USE int
thrum_iter_pointers(void *const *pointers, size_t count, thrum_iter **ret);
THRUM_API THRUM_MUST_USE int thrum_iter_range(int64_t begin, int64_t end,
                                              thrum_iter **ret);
THRUM_API THRUM_MUST_USE int thrum_iter_lines(FILE *stream, thrum_iter **ret);
THRUM_API THRUM_MUST_USE int thrum_iter_zip(thrum_iter *const *iters, size_t n,
                                            thrum_iter **ret);

/* What next of an iterator of your own returns beside its code. */
typedef struct thrum_item {
    void *value;
    size_t size;              /* 0: a plain pointer */
    size_t index;             /* set to the count of items before */
    const thrum_error *error; /* with THRUM_EFAILED */
} thrum_item;

typedef struct thrum_iter_ops {
    size_t size; /* sizeof(thrum_iter_ops) */
    /* 0, THRUM_ESTOP, THRUM_EFAILED or a code. Compulsory. */
    int (*next)(void *self, thrum_item *item);
    void (*free)(void *self); /* NULL: nothing to free */
} thrum_iter_ops;

/* An iterator of your own.
 *
 * Call from:  any thread.
 * Blocks:     no.
 * Ownership:  `ops` is copied; `self` is passed as it is until ops.free.
 * Returns:    0; -EINVAL without next or size; -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_iter_new(const thrum_iter_ops *ops,
                                            void *self, thrum_iter **ret);

THRUM_AUTO_TYPE(thrum_iter, thrum_iter_free)

THRUM_END_DECLS

#endif /* THRUM_ITER_H */
