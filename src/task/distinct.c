/* SPDX-License-Identifier: MIT */
/*
 * task/distinct.c - the same futures, each of them once.
 *
 * An open-addressed hash table of twice the size finds the ones seen before,
 * so a million futures are no problem.
 */
#include "task/distinct.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

static size_t distinct_table_size(size_t n)
{
    size_t size = 8;

    while (size < 2 * n)
        size *= 2;
    return size;
}

/* Puts it into the table; false if it was there. */
static bool distinct_insert(thrum_future **table, size_t size,
                            thrum_future *future)
{
    size_t mask = size - 1;
    size_t at = (size_t)((uintptr_t)future / 64 * 0x9e3779b97f4a7c15u >> 20);

    for (;; at++) {
        if (table[at & mask] == future)
            return false;
        if (table[at & mask] == NULL)
            break;
    }
    table[at & mask] = future;
    return true;
}

static int distinct_fill(thrum_future *const *futures, size_t n,
                         thrum_future **table, size_t size,
                         thrum_future **distinct)
{
    int count = 0;

    memset(table, 0, size * sizeof(table[0]));
    for (size_t i = 0; i < n; i++) {
        if (futures[i] == NULL)
            return -EINVAL;
        if (distinct_insert(table, size, futures[i]))
            distinct[count++] = futures[i];
    }
    return count;
}

int thrumi_distinct(thrum_future *const *futures, size_t n, thrum_future ***ret)
{
    size_t size;
    thrum_future **table;
    thrum_future **distinct;
    int count = -ENOMEM;

    if (n > INT_MAX || (n > 0 && futures == NULL))
        return -EINVAL;
    size = distinct_table_size(n); /* no end for a size near the largest */
    table = thrumi_alloc_array(size, sizeof(table[0]));
    distinct = thrumi_alloc_array(n + 1, sizeof(distinct[0]));
    if (table != NULL && distinct != NULL)
        count = distinct_fill(futures, n, table, size, distinct);
    thrumi_free(table);
    if (count >= 0)
        *ret = distinct;
    else
        thrumi_free(distinct);
    return count;
}
