/* SPDX-License-Identifier: MIT */
/*
 * test/unit/heap_test.c - the heap with a way back from what is in it.
 */
#include "base/heap.h"

#include <stdlib.h>

#include "thrum_test.h"

struct item {
    struct thrumi_heap_node node;
    int64_t key;
};

static void push(struct thrumi_heap *heap, struct item *item, int64_t key)
{
    item->key = key;
    assert_true(thrumi_heap_push(heap, &item->node, key));
    assert_true(thrumi_heap_node_listed(&item->node));
    assert_int_equal(thrumi_heap_key(heap, &item->node), key);
}

TEST(an_empty_one_has_no_first)
{
    struct thrumi_heap heap;

    thrumi_heap_init(&heap);
    assert_null(thrumi_heap_first(&heap));
    assert_null(thrumi_heap_pop(&heap));
    assert_true(thrumi_heap_first_key(&heap) == INT64_MAX);
    thrumi_heap_fini(&heap);
}

/* Pops all: by key, equal ones by their place in the array. */
static void assert_leave_in_order(struct thrumi_heap *heap, struct item *item,
                                  unsigned n)
{
    for (int64_t key = -1; key <= 31; key++)
        for (unsigned i = 0; i < n; i++)
            if (item[i].key == key && thrumi_heap_node_listed(&item[i].node))
                assert_ptr_equal(thrumi_heap_pop(heap), &item[i].node);
    assert_null(thrumi_heap_pop(heap));
}

/* Every order in which six keys of three values can come. */
TEST(each_small_order_leaves_sorted_and_stable)
{
    for (unsigned code = 0; code < 729; code++) {
        struct item item[6] = {{{0, 0}, 0}};
        struct thrumi_heap heap;
        unsigned rest = code;

        thrumi_heap_init(&heap);
        for (unsigned i = 0; i < 6; i++, rest /= 3)
            push(&heap, &item[i], (int64_t)(rest % 3) - 1);
        assert_leave_in_order(&heap, item, 6);
        thrumi_heap_fini(&heap);
    }
}

/* Out of heaps of every size from 1 to 30, each of its nodes. */
TEST(each_node_can_be_taken_out)
{
    for (unsigned code = 0; code < 30 * 30; code++) {
        unsigned size = code / 30 + 1;
        unsigned gone = code % size;
        struct item item[30] = {{{0, 0}, 0}};
        struct thrumi_heap heap;

        thrumi_heap_init(&heap);
        for (unsigned i = 0; i < size; i++)
            push(&heap, &item[i], i * 7 % 31);
        thrumi_heap_remove(&heap, &item[gone].node);
        assert_false(thrumi_heap_node_listed(&item[gone].node));
        thrumi_heap_remove(&heap, &item[gone].node); /* nothing */
        assert_int_equal(thrumi_heap_length(&heap), size - 1);
        assert_leave_in_order(&heap, item, size);
        thrumi_heap_fini(&heap);
    }
}

/* ---- against a model that looks at all ---- */

enum {
    items = 100
};

static struct item *model_first(struct item *item)
{
    struct item *first = NULL;

    for (unsigned i = 0; i < items; i++) {
        if (!thrumi_heap_node_listed(&item[i].node))
            continue;
        if (first == NULL || item[i].key < first->key ||
            (item[i].key == first->key && item[i].node.came < first->node.came))
            first = &item[i];
    }
    return first;
}

TEST(random_ones_leave_as_in_the_model)
{
    for (unsigned run = 1; run <= test_scale(100); run++) {
        struct item item[items] = {{{0, 0}, 0}};
        struct thrumi_heap heap;
        unsigned seed = run;

        thrumi_heap_init(&heap);
        for (unsigned step = 0; step < 3000; step++) {
            struct item *any = &item[rand_r(&seed) % items];
            struct item *first;

            if (thrumi_heap_node_listed(&any->node))
                thrumi_heap_remove(&heap, &any->node);
            else
                push(&heap, any, rand_r(&seed) % (1 << run % 20));
            first = model_first(item);
            assert_ptr_equal(thrumi_heap_first(&heap),
                             first == NULL ? NULL : &first->node);
            if (rand_r(&seed) % 8 == 0)
                assert_ptr_equal(thrumi_heap_pop(&heap),
                                 first == NULL ? NULL : &first->node);
        }
        thrumi_heap_fini(&heap);
    }
}

/* ---- memory ---- */

TEST(a_large_one_that_ran_empty_gives_its_memory_back)
{
    enum {
        many = 20000
    };
    struct item *item = calloc(many, sizeof(*item));
    struct thrumi_heap heap;

    assert_non_null(item);
    thrumi_heap_init(&heap);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < many; i++)
            push(&heap, &item[i], many - i);
        for (unsigned i = 0; i < many; i++)
            assert_ptr_equal(thrumi_heap_pop(&heap), &item[many - 1 - i].node);
        assert_int_equal(heap.capacity, 0);
    }
    thrumi_heap_fini(&heap);
    free(item);
}

TEST(without_memory_push_is_false_and_nothing_is_lost)
{
    FOR_EACH_FAILURE(n)
    {
        struct item item[items] = {{{0, 0}, 0}};
        struct thrumi_heap heap;
        size_t pushed = 0;

        thrumi_heap_init(&heap);
        for (unsigned i = 0; i < items; i++) {
            bool done = thrumi_heap_push(&heap, &item[i].node, -(int64_t)i);

            assert_true(done == thrumi_heap_node_listed(&item[i].node));
            pushed += done;
        }
        assert_int_equal(thrumi_heap_length(&heap), pushed);
        for (unsigned i = items; i-- > 0;)
            if (thrumi_heap_node_listed(&item[i].node))
                assert_ptr_equal(thrumi_heap_pop(&heap), &item[i].node);
        assert_null(thrumi_heap_first(&heap));
        thrumi_heap_fini(&heap);
    }
}

TEST_MAIN("heap")
