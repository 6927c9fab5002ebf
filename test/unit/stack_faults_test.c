/* SPDX-License-Identifier: MIT */
/*
 * test/unit/stack_faults_test.c - stacks when the system has none to give.
 *
 * A guard stays with its slot, and which slots were used depends on the tests
 * before: so each case has a process of its own, and stacks of a size that
 * nobody has used up to there.
 */
#include <errno.h>
#include <unistd.h>

#include "stacks.h"

#define NEVER_USED (4 * MIB)

static struct thrumi_stack_cache cache;

/* Inside of a child, where nothing may be asserted. */
static int get(size_t size, bool unguarded, struct thrumi_stack *ret)
{
    return thrumi_stack_get(&cache, size, unguarded, ret);
}

static struct thrumi_stack get_guarded(size_t size)
{
    struct thrumi_stack stack = {NULL, 0, false};

    if (!CHECK_INT(get(size, false, &stack), 0))
        _exit(1);
    CHECK(stack.guarded);
    return stack;
}

static void write_ends(const struct thrumi_stack *stack)
{
    *thrumi_stack_low(stack) = 1;
    thrumi_stack_top(stack)[-1] = 1;
}

/* ---- what the log says ---- */

struct said {
    unsigned count;
    char message[200];
};

static void said_take(thrum_log_level level, const char *message, void *arg)
{
    struct said *said = arg;

    CHECK_INT(level, THRUM_LOG_ERROR);
    said->count++;
    snprintf(said->message, sizeof(said->message), "%s", message);
}

static void said_begin(struct said *said)
{
    memset(said, 0, sizeof(*said));
    thrum_set_log(said_take, said);
}

/* ---- no memory ---- */

static int without_mmap(void *arg)
{
    struct thrumi_stack stack;
    struct said said;

    said_begin(&said);
    fail_calls(" mmap ");
    CHECK_INT(get(NEVER_USED, false, &stack), -ENOMEM);
    CHECK_INT(get(NEVER_USED, true, &stack), -ENOMEM);
    CHECK_INT(said.count, 2);
    CHECK(strstr(said.message, "no memory for ") != NULL);
    CHECK_INT(slabs_of(NEVER_USED), 0);
    fail_calls(NULL);
    stack = get_guarded(NEVER_USED);
    write_ends(&stack);
    thrumi_stack_put(&cache, &stack);
    return 0;
}

TEST(without_address_space_there_is_no_stack)
{
    assert_int_equal(in_child(without_mmap, NULL), 0);
}

static int without_blocks(void *arg)
{
    size_t before = test_live_blocks();
    struct thrumi_stack stack;

    faulty_alloc_fail_nth(1);
    CHECK_INT(get(NEVER_USED, false, &stack), -ENOMEM);
    CHECK(faulty_alloc_fired());
    CHECK_INT(test_live_blocks(), before);
    CHECK_INT(get(NEVER_USED, false, &stack), 0);
    thrumi_stack_put(&cache, &stack);
    return 0;
}

TEST(without_memory_there_is_no_stack)
{
    assert_int_equal(in_child(without_blocks, NULL), 0);
}

/* More stacks of 64 MiB than there is address space: one slab each, whose
 * number is bounded as well. Those that are there are guarded. */
static int all_there_are(void *arg)
{
    struct thrumi_stack *stacks =
        calloc(THRUMI_STACK_SLABS + 1, sizeof(*stacks));
    unsigned count = 0;
    struct said said;

    said_begin(&said);
    while (CHECK(count <= THRUMI_STACK_SLABS) &&
           get(64 * MIB, false, &stacks[count]) == 0)
        count++;
    CHECK_INT(get(64 * MIB, false, &stacks[count]), -ENOMEM);
    for (unsigned i = 0; i < count; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    CHECK_INT(slabs_of(64 * MIB), 1);
    CHECK_INT(get(64 * MIB, false, &stacks[0]), 0);
    thrumi_stack_put(&cache, &stacks[0]);
    free(stacks);
    return 0;
}

TEST(more_slabs_than_there_may_be_are_refused)
{
    if (TEST_ASAN || TEST_TSAN || TEST_VALGRIND)
        TEST_SKIP("256 GiB of address space have shadows here");
    assert_int_equal(in_child(all_there_are, NULL), 0);
}

/* ---- no guards ---- */

#define NO_GUARDS " guard_install mprotect "

static int without_guards(void *arg)
{
    struct thrumi_stack stack;
    struct said said;

    said_begin(&said);
    fail_calls(NO_GUARDS);
    for (int i = 0; i < 100; i++) /* no slot is lost */
        CHECK_INT(get(NEVER_USED, false, &stack), THRUM_ESTACK);
    CHECK_INT(said.count, 100);
    CHECK(strstr(said.message, "vm.max_map_count") != NULL);
    CHECK_INT(slabs_of(NEVER_USED), 1);
    CHECK_INT(live_of(NEVER_USED), 0);
    fail_calls(NULL);
    stack = get_guarded(NEVER_USED);
    CHECK_INT(stack.slot, 0);
    CHECK(traps(thrumi_stack_low(&stack) - 1));
    thrumi_stack_put(&cache, &stack);
    return 0;
}

TEST(without_a_guard_there_is_no_stack)
{
    assert_int_equal(in_child(without_guards, NULL), 0);
}

static int unguarded(void *arg)
{
    struct thrumi_stack bare;
    struct thrumi_stack stack;

    fail_calls(NO_GUARDS);
    CHECK_INT(get(16 * KIB, true, &bare), 0);
    CHECK(!bare.guarded);
    write_ends(&bare);
    CHECK_INT(write_there(thrumi_stack_low(&bare) - 1), 0);
    thrumi_stack_put(&cache, &bare);
    CHECK_INT(cache.classes[0].count, 0); /* not kept: who is next? */
    CHECK_INT(live_of(16 * KIB), 0);
    CHECK_INT(get(16 * KIB, false, &stack), THRUM_ESTACK);
    fail_calls(NULL);
    stack = get_guarded(16 * KIB);
    CHECK(same_stack(&stack, &bare));
    CHECK(traps(thrumi_stack_low(&stack) - 1));
    thrumi_stack_put(&cache, &stack);
    return 0;
}

TEST(an_unguarded_stack_is_to_be_had_and_the_next_user_gets_a_guard)
{
    assert_int_equal(in_child(unguarded, NULL), 0);
}

static int unguarded_with_guards(void *arg)
{
    struct thrumi_stack stack;

    CHECK_INT(get(NEVER_USED, true, &stack), 0);
    CHECK(stack.guarded);
    CHECK(traps(thrumi_stack_low(&stack) - 1));
    thrumi_stack_put(&cache, &stack);
    return 0;
}

TEST(where_there_are_guards_unguarded_has_one_too)
{
    assert_int_equal(in_child(unguarded_with_guards, NULL), 0);
}

/* ---- the other kind of guard ---- */

static int by_mprotect(void *arg)
{
    struct thrumi_stack stacks[100];

    fail_calls(" guard_install ");
    for (int i = 0; i < 100; i++) {
        bool forbidden = false;

        stacks[i] = get_guarded(16 * KIB);
        write_ends(&stacks[i]);
        mappings(thrumi_stack_low(&stacks[i]) - 1, &forbidden);
        CHECK(forbidden);
    }
    CHECK(traps(thrumi_stack_low(&stacks[99]) - 1));
    CHECK(traps(thrumi_stack_low(&stacks[99]) - 40 * KIB));
    for (int i = 0; i < 100; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    thrumi_stack_trim(&cache);
    for (int i = 0; i < 100; i++) {
        stacks[i] = get_guarded(16 * KIB);
        write_ends(&stacks[i]);
        CHECK(i % 10 != 0 || traps(thrumi_stack_low(&stacks[i]) - 1));
    }
    for (int i = 0; i < 100; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    thrumi_stack_flush(&cache);
    return 0;
}

TEST(mprotect_guards_where_light_ones_are_not_to_be_had)
{
    assert_int_equal(in_child(by_mprotect, NULL), 0);
}

/* ---- greenlets ---- */

static void *touch_stack(void *arg)
{
    volatile char room[8000];

    room[0] = room[sizeof(room) - 1] = 1;
    return arg;
}

static int new_greenlet(bool bare, thrum_greenlet **ret)
{
    thrum_stack_options options = THRUM_STACK_OPTIONS;

    options.stack_size = NEVER_USED;
    options.unguarded = bare;
    return thrum_greenlet_new(touch_stack, NULL, &options, ret);
}

/* Runs it to its end. How large its guard was. */
static size_t run_greenlet(thrum_greenlet *greenlet)
{
    thrum_stack_info info = THRUM_STACK_INFO;
    void *back = NULL;

    CHECK_INT(thrum_greenlet_stack(greenlet, &info), 0);
    CHECK_INT(thrum_greenlet_switch(greenlet, &info, &back), 0);
    CHECK(back == &info);
    thrum_greenlet_unref(greenlet);
    return info.guard_size;
}

static int greenlets_fail(void *arg)
{
    thrum_greenlet *greenlet = NULL;
    size_t blocks;

    CHECK_INT(thrum_greenlet_new(touch_stack, NULL, NULL, &greenlet), 0);
    thrum_greenlet_unref(greenlet);
    blocks = test_live_blocks();
    greenlet = NULL;
    fail_calls(" mmap ");
    CHECK_INT(new_greenlet(true, &greenlet), -ENOMEM);
    CHECK_INT(test_live_blocks(), blocks);
    fail_calls(NO_GUARDS);
    CHECK_INT(new_greenlet(false, &greenlet), THRUM_ESTACK);
    CHECK(greenlet == NULL);
    CHECK_INT(new_greenlet(true, &greenlet), 0);
    CHECK_INT(run_greenlet(greenlet), 0);
    fail_calls(" guard_install ");
    CHECK_INT(new_greenlet(true, &greenlet), 0);
    CHECK_INT(run_greenlet(greenlet), thrumi_stack_guard());
    fail_calls(NULL);
    CHECK_INT(new_greenlet(false, &greenlet), 0);
    CHECK_INT(run_greenlet(greenlet), thrumi_stack_guard());
    return 0;
}

TEST(greenlets_tell_what_stack_they_have)
{
    assert_int_equal(in_child(greenlets_fail, NULL), 0);
}

/* ---- as many mappings as a process may have ---- */

#define MOST_MAPPINGS 262144u

static unsigned max_map_count(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    unsigned count = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%u", &count) != 1)
        count = 0;
    fclose(file);
    return count;
}

/* Gets stacks until there are no more guards; how many. */
static unsigned get_all(struct thrumi_stack *stacks, unsigned most)
{
    unsigned count = 0;
    int rc = 0;

    while (count < most && rc == 0) {
        rc = get(16 * KIB, false, &stacks[count]);
        if (rc == 0)
            write_ends(&stacks[count++]);
    }
    CHECK_INT(rc, THRUM_ESTACK);
    return count;
}

static void put_all(const struct thrumi_stack *stacks, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        thrumi_stack_put(&cache, &stacks[i]);
    thrumi_stack_flush(&cache);
    CHECK_INT(live_of(16 * KIB), 0);
    CHECK_INT(slabs_of(16 * KIB), 1);
}

/* At the limit: what is told, and what works nevertheless. */
static void look_at_limit(const struct said *said)
{
    struct thrumi_stack bare;

    CHECK(said->count > 0 && strstr(said->message, "no guard") != NULL);
    if (!CHECK_INT(get(16 * KIB, true, &bare), 0))
        return;
    CHECK(!bare.guarded);
    write_ends(&bare);
    thrumi_stack_put(&cache, &bare);
}

static int at_the_limit(void *arg)
{
    unsigned most = *(unsigned *)arg;
    struct thrumi_stack *stacks = calloc(most, sizeof(*stacks));
    unsigned before;
    struct said said;

    fail_calls(" guard_install ");
    said_begin(&said);
    before = mappings(NULL, NULL);
    for (int round = 0; round < 2; round++) {
        unsigned count = get_all(stacks, most);

        CHECK(count > most / 4);
        look_at_limit(&said);
        put_all(stacks, count);
        /* each of the slab that is left has two at most */
        CHECK(mappings(NULL, NULL) < before + 2 * 1024 + 100);
    }
    free(stacks);
    return 0;
}

TEST(at_the_limit_of_mappings_no_stack_is_lost)
{
    unsigned most = max_map_count();

    if (TEST_VALGRIND)
        TEST_SKIP("Valgrind itself has room for fewer mappings");
    if (most == 0 || most > MOST_MAPPINGS)
        TEST_SKIP("vm.max_map_count is more than this test would take");
    assert_int_equal(in_child(at_the_limit, &most), 0);
}

TEST_MAIN("stack_faults")
