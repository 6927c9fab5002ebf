/* SPDX-License-Identifier: MIT */
/*
 * test/stress/greenlet_test.c - greenlets that switch, throw, begin and end at
 * random, each in several threads at once; other threads drop some.
 *
 * Each keeps a number of its own on its stack, which must be there whenever it
 * goes on; what was passed must arrive, and all that began must end.
 */
#include <errno.h>
#include <string.h>

#include "stress.h"

enum {
    MOST = 1000
};

struct party {
    thrum_greenlet *members[MOST];
    unsigned count;
    uint64_t random;
    unsigned left; /* switches */
    unsigned begun;
    unsigned ended;
    void *passed; /* what the last one has passed, to be found again */
};

static void *member(void *arg);

/* A new one in this place; whoever was there goes. */
static void party_renew(struct party *party, unsigned i)
{
    thrum_greenlet *old = party->members[i];
    thrum_greenlet *home = thrum_greenlet_current();

    while (thrum_greenlet_parent(home) != NULL)
        home = thrum_greenlet_parent(home);
    party->members[i] = NULL;
    thrum_greenlet_unref(old);
    if (thrum_greenlet_new(member, home, NULL, &party->members[i]) != 0)
        abort();
}

/* Goes to somebody else, by one of several ways. */
static int party_move(struct party *party, void **ret)
{
    unsigned i = stress_random(&party->random, party->count);
    thrum_greenlet *to = party->members[i];

    *ret = NULL;
    party->passed = party;
    if (to == thrum_greenlet_current())
        return thrum_greenlet_switch(to, party, ret);
    switch (stress_random(&party->random, 16)) {
    case 0:
        party_renew(party, i);
        *ret = party;
        return 0;
    case 1:
        return thrum_greenlet_throw(to, -EIO, ret);
    default:
        return thrum_greenlet_switch(to, party, ret);
    }
}

static bool party_is_over(struct party *party)
{
    if (party->left == 0)
        return true;
    party->left--;
    return false;
}

/* Moves about until it has had enough, or is told to end. */
static void *member(void *arg)
{
    struct party *party = arg;
    uint64_t mine[16];
    int rc = 0;

    party->begun++;
    for (int i = 0; i < 16; i++)
        mine[i] = party->random + (uint64_t)i;
    while (rc == 0 && !party_is_over(party) &&
           stress_random(&party->random, 64) != 0) {
        void *got = NULL;

        rc = party_move(party, &got);
        CHECK(rc != 0 || got == party || got == NULL);
        for (int i = 0; i < 16; i++)
            CHECK(mine[i] == mine[0] + (uint64_t)i);
    }
    CHECK(rc == 0 || rc == -EIO || rc == -ECANCELED);
    party->ended++;
    return party;
}

static void *party_run(void *arg)
{
    struct party *party = arg;
    void *got;

    for (unsigned i = 0; i < party->count; i++)
        party_renew(party, i);
    while (!party_is_over(party)) {
        int rc = party_move(party, &got);

        CHECK(rc == 0 || rc == -EIO);
    }
    for (unsigned i = 0; i < party->count; i++) {
        thrum_greenlet_unref(party->members[i]);
        party->members[i] = NULL;
    }
    CHECK_INT(party->begun, party->ended);
    return NULL;
}

static void party_begin(struct party *party, unsigned count, unsigned left,
                        uint64_t seed)
{
    memset(party, 0, sizeof(*party));
    party->count = count;
    party->left = left;
    party->random = seed | 1;
}

TEST(greenlets_move_about_at_random)
{
    static struct party party;
    unsigned count = 100 + test_scale(900);

    party_begin(&party, count, test_scale(2000000), stress_seed());
    party_run(&party);
    assert_true(party.begun > 0);
}

TEST(greenlets_of_many_threads)
{
    enum {
        THREADS = 4
    };
    static struct party parties[THREADS];
    struct test_thread *threads[THREADS];
    uint64_t seed = stress_seed();

    for (unsigned i = 0; i < THREADS; i++) {
        party_begin(&parties[i], 100, test_scale(400000), seed + i * 2);
        threads[i] = spawn_thread(party_run, &parties[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

/* ---- dropped elsewhere ---- */

enum {
    BOX = 64
};

struct box {
    _Atomic(thrum_greenlet *) places[BOX];
    atomic_bool over;
};

static void *drop_from_box(void *arg)
{
    struct box *box = arg;

    while (!atomic_load(&box->over)) {
        for (int i = 0; i < BOX; i++)
            thrum_greenlet_unref(atomic_exchange(&box->places[i], NULL));
        sched_yield();
    }
    return NULL;
}

/* What stands still, counted by its own thread when it ends. */
struct counted {
    unsigned begun;
    unsigned ended;
};

static void *stand_still(void *arg)
{
    struct counted *counted = arg;
    thrum_greenlet *main = thrum_greenlet_parent(thrum_greenlet_current());

    counted->begun++;
    CHECK_INT(thrum_greenlet_switch(main, NULL, NULL), -ECANCELED);
    counted->ended++;
    return NULL;
}

struct maker {
    struct box *box;
    struct counted counted;
};

/* Makes them, and leaves them to the droppers or, with the thread, to itself. */
static void *fill_box(void *arg)
{
    struct maker *maker = arg;
    struct box *box = maker->box;
    unsigned count = test_scale(20000);

    for (unsigned i = 0; i < count; i++) {
        thrum_greenlet *greenlet = NULL;

        if (!CHECK_INT(thrum_greenlet_new(stand_still, NULL, NULL, &greenlet),
                       0))
            return NULL;
        CHECK_INT(thrum_greenlet_switch(greenlet, &maker->counted, NULL), 0);
        thrum_greenlet_unref(atomic_exchange(&box->places[i % BOX], greenlet));
    }
    CHECK_INT(maker->counted.begun, count);
    for (int i = 0; i < BOX; i++) /* those of others are left to them */
        thrum_greenlet_unref(atomic_exchange(&box->places[i], NULL));
    return NULL;
}

TEST(greenlets_are_dropped_by_other_threads)
{
    static struct box box;
    struct maker makers[2] = {{&box, {0, 0}}, {&box, {0, 0}}};
    struct test_thread *threads[2];
    struct test_thread *dropper;

    memset(&box, 0, sizeof(box));
    dropper = spawn_thread(drop_from_box, &box);
    for (int i = 0; i < 2; i++)
        threads[i] = spawn_thread(fill_box, &makers[i]);
    for (int i = 0; i < 2; i++)
        join_thread(threads[i]);
    atomic_store(&box.over, true);
    join_thread(dropper);
    for (int i = 0; i < BOX; i++)
        thrum_greenlet_unref(atomic_load(&box.places[i]));
    for (int i = 0; i < 2; i++)
        assert_int_equal(makers[i].counted.begun, makers[i].counted.ended);
}

TEST_MAIN("stress-greenlet")
