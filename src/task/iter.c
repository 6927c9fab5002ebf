/* SPDX-License-Identifier: MIT */
/*
 * task/iter.c - one item after the other.
 *
 * An iterator is its source's two functions and the item that it gave last. An
 * end is remembered: a source is never asked again after it.
 */
#include <thrum/iter.h>

#include <errno.h>

#include "base/alloc.h"

struct thrum_iter {
    thrum_iter_ops ops;
    void *self;
    thrum_item item;
    size_t given; /* items asked for */
    bool ended;
};

int thrum_iter_new(const thrum_iter_ops *ops, void *self, thrum_iter **ret)
{
    thrum_iter *iter;

    if (ops == NULL || ops->size < sizeof(*ops) || ops->next == NULL)
        return -EINVAL;
    iter = thrumi_alloc_zero(sizeof(*iter));
    if (iter == NULL)
        return -ENOMEM;
    iter->ops = *ops;
    iter->self = self;
    *ret = iter;
    return 0;
}

int thrum_iter_next(thrum_iter *iter, void **ret)
{
    int rc;

    if (iter->ended)
        return THRUM_ESTOP;
    iter->item = (thrum_item){NULL, 0, iter->given, NULL};
    rc = iter->ops.next(iter->self, &iter->item);
    if (rc == THRUM_ESTOP)
        iter->ended = true;
    else if (rc == 0 || rc == THRUM_EFAILED || rc == THRUM_ECANCELLED)
        iter->given++;
    if (rc == 0)
        *ret = iter->item.value;
    return rc;
}

size_t thrum_iter_item_size(const thrum_iter *iter)
{
    return iter->item.size;
}

size_t thrum_iter_index(const thrum_iter *iter)
{
    return iter->item.index;
}

const thrum_error *thrum_iter_error(const thrum_iter *iter)
{
    return iter->item.error;
}

void thrum_iter_free(thrum_iter *iter)
{
    if (iter == NULL)
        return;
    if (iter->ops.free != NULL)
        iter->ops.free(iter->self);
    thrumi_free(iter);
}
