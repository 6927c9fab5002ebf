/* SPDX-License-Identifier: MIT */
/*
 * coro/generator_iter.c - an iterator over what a generator yields.
 */
#include <errno.h>

#include <thrum/generator.h>

#include "base/alloc.h"

struct generator_iter {
    thrum_generator *generator;
    size_t item_size;
};

static int generator_iter_next(void *self, thrum_item *item)
{
    struct generator_iter *iter = self;
    int rc = thrum_generator_next(iter->generator, &item->value);

    if (rc == 0)
        item->size = iter->item_size;
    else if (rc == THRUM_EFAILED)
        item->error = thrum_generator_error(iter->generator);
    return rc;
}

static void generator_iter_free(void *self)
{
    struct generator_iter *iter = self;

    thrum_generator_unref(iter->generator);
    thrumi_free(iter);
}

int thrum_generator_iter(thrum_generator *generator, size_t item_size,
                         thrum_iter **ret)
{
    static const thrum_iter_ops ops = {sizeof(ops), generator_iter_next,
                                       generator_iter_free};
    struct generator_iter *iter = thrumi_alloc(sizeof(*iter));
    int rc;

    if (iter == NULL)
        return -ENOMEM;
    iter->generator = generator;
    iter->item_size = item_size;
    rc = thrum_iter_new(&ops, iter, ret);
    if (rc == 0)
        thrum_generator_ref(generator);
    else
        thrumi_free(iter);
    return rc;
}
