/* SPDX-License-Identifier: MIT */
/*
 * test/api/yield_from_chain_test.c - chains of generators that yield from each
 * other, and who may: Y7, G15 and G20.
 */
#include "generators.h"

/* ---- Y7, G20: chains ---- */

#define CHAIN_MOST 200

struct chain {
    thrum_generator *links[CHAIN_MOST]; /* the innermost first */
    int depth;          /* of the one that begins next; 0: the innermost */
    unsigned outer_ran; /* how often another's body has been going */
};

/* The first that runs is the outermost; each begins the one inside of it. */
static void *chain_link_body(void *arg)
{
    struct chain *chain = arg;

    if (chain->depth > 0) {
        chain->depth--;
        chain->outer_ran++;
        (void)thrum_yield_from(chain->links[chain->depth], NULL);
        chain->outer_ran++;
        return NULL;
    }
    for (int i = 0; i <= 3; i++)
        if (thrum_yield(&i, NULL) != 0)
            break;
    return NULL;
}

/* The outermost of a chain of so many, begun. */
static thrum_generator *chain_begun(struct chain *chain, int depth)
{
    memset(chain, 0, sizeof(*chain));
    for (int i = 0; i < depth; i++)
        chain->links[i] = generator_of(chain_link_body, chain);
    chain->depth = depth - 1;
    assert_next_number(chain->links[depth - 1], 0);
    assert_int_equal(chain->outer_ran, depth - 1);
    return chain->links[depth - 1];
}

static void chain_end(struct chain *chain, int depth)
{
    for (int i = depth - 1; i >= 0; i--)
        thrum_generator_unref(chain->links[i]);
}

TEST(Y7_values_arrive_from_any_depth)
{
    static struct chain chain;
    int most = (int)test_scale(CHAIN_MOST);

    if (most > CHAIN_MOST)
        most = CHAIN_MOST;
    for (int depth = 1; depth <= most; depth++) {
        thrum_generator *generator = chain_begun(&chain, depth);

        for (int i = 1; i <= 3; i++)
            assert_next_number(generator, i);
        assert_exhausted(generator);
        assert_int_equal(chain.outer_ran, 2 * (depth - 1));
        for (int i = 0; i < depth; i++)
            assert_state(chain.links[i], CLOSED);
        chain_end(&chain, depth);
    }
}

TEST(Y7_none_in_between_runs_for_a_value)
{
    static struct chain chain;
    int depth = 100;
    thrum_generator *generator = chain_begun(&chain, depth);
    unsigned ran = chain.outer_ran;

    for (int i = 1; i <= 3; i++) {
        assert_next_number(generator, i);
        assert_int_equal(chain.outer_ran, ran);
    }
    chain_end(&chain, depth);
}

TEST(G20_each_delegate_is_the_next_one_inside)
{
    static struct chain chain;
    int depth = 20;
    thrum_generator *generator = chain_begun(&chain, depth);

    assert_null(thrum_generator_delegate(chain.links[0]));
    for (int i = 1; i < depth; i++)
        assert_ptr_equal(thrum_generator_delegate(chain.links[i]),
                         chain.links[i - 1]);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    for (int i = 0; i < depth; i++)
        assert_null(thrum_generator_delegate(chain.links[i]));
    chain_end(&chain, depth);
}

TEST(G20_a_chain_has_the_state_of_its_outermost)
{
    static struct chain chain;
    int depth = 5;
    thrum_generator *generator = chain_begun(&chain, depth);

    for (int i = 0; i < depth; i++)
        assert_state(chain.links[i], SUSPENDED);
    assert_int_equal(thrum_generator_close(generator, NULL), 0);
    for (int i = 0; i < depth; i++)
        assert_state(chain.links[i], CLOSED);
    chain_end(&chain, depth);
}

/* ---- who may yield from whom ---- */

TEST(G15_one_that_is_yielded_from_is_busy)
{
    struct seen seen = {0};
    struct outer outer = {0};
    struct outer other = {0};
    thrum_generator *inner = generator_of(echo_body, &seen);
    thrum_generator *generator =
        outer_begun(&outer, thrum_generator_ref(inner));
    thrum_generator *late = outer_of(&other, thrum_generator_ref(inner));

    assert_int_equal(thrum_generator_next(inner, NULL), -EBUSY);
    assert_int_equal(thrum_generator_send(inner, &seen, NULL), -EBUSY);
    assert_int_equal(thrum_generator_throw(inner, -EIO, NULL), -EBUSY);
    assert_int_equal(thrum_generator_close(inner, NULL), -EBUSY);
    assert_int_equal(thrum_generator_next(late, NULL), THRUM_ESTOP);
    assert_int_equal(other.code, -EBUSY);
    assert_int_equal(seen.went_on, 0);
    assert_int_equal(thrum_generator_next(generator, NULL), 0);
    thrum_generator_unref(late);
    thrum_generator_unref(generator);
    thrum_generator_unref(inner);
}

static void *cyclic_body(void *arg)
{
    thrum_generator **root = arg;

    CHECK_INT(thrum_yield_from(*root, NULL), -EBUSY);
    CHECK_INT(thrum_yield(root, NULL), 0);
    return NULL;
}

TEST(G15_a_chain_cannot_be_a_ring)
{
    struct outer outer = {0};
    thrum_generator *generator = NULL;
    void *value = NULL;

    generator = outer_of(&outer, generator_of(cyclic_body, &generator));
    assert_int_equal(thrum_generator_next(generator, &value), 0);
    assert_ptr_equal(value, &generator);
    assert_exhausted(generator);
    assert_int_equal(outer.code, 0);
    thrum_generator_unref(generator);
}

TEST(an_inner_one_lives_as_long_as_it_is_yielded_from)
{
    static struct chain chain;
    thrum_generator *generator = chain_begun(&chain, 3);

    thrum_generator_unref(chain.links[0]);
    thrum_generator_unref(chain.links[1]);
    for (int i = 1; i <= 3; i++)
        assert_next_number(generator, i);
    assert_exhausted(generator);
    thrum_generator_unref(generator);
}

TEST_MAIN("yield_from_chain")
