/* SPDX-License-Identifier: MIT */
/*
 * test/unit/stack_size_test.c - sizes of stacks, asked for and by default.
 *
 * The default is found once in a process: each value of the environment has a
 * child of its own, and the tests up to there must not have asked.
 */
#include <errno.h>
#include <unistd.h>

#include "stacks.h"

struct setting {
    const char *text;
    size_t size;
};

static int default_with(void *arg)
{
    const struct setting *setting = arg;

    if (setting->text == NULL)
        unsetenv("THRUM_STACK_SIZE");
    else
        setenv("THRUM_STACK_SIZE", setting->text, 1);
    if (thrum_stack_default() == setting->size)
        return 0;
    fprintf(stderr, "# THRUM_STACK_SIZE=%s gives %zu\n", setting->text,
            thrum_stack_default());
    return 1;
}

TEST(the_environment_sets_the_default)
{
    static struct setting settings[] = {
        {NULL, 64 * KIB},      {"256K", 256 * KIB},   {"256k", 256 * KIB},
        {"1M", MIB},           {"4m", 4 * MIB},       {"262144", 256 * KIB},
        {"100000", 256 * KIB}, {"65536", 64 * KIB},   {"65537", 256 * KIB},
        {"64M", 64 * MIB},     {"67108864", 64 * MIB}};

    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        assert_int_equal(in_child(default_with, &settings[i]), 0);
}

TEST(what_is_no_size_in_the_environment_is_as_if_not_there)
{
    static const char *const texts[] = {
        "", "garbage", "K", "M", "-1", "-256K", "+256K", " 256K", "256KB",
        "256KK", "256G", "262144x", "262144 ", "256 K", "0x40000", "1e6",
        /* too small; too large; so large that it overflows */
        "0", "1", "4K", "65M", "67108865", "18446744073709551616",
        "17592186044417M", "18014398509482240K",
        "99999999999999999999999999999999"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct setting setting = {texts[i], 64 * KIB};

        assert_int_equal(in_child(default_with, &setting), 0);
    }
}

static void *nothing(void *arg)
{
    return arg;
}

static int default_is_used(void *arg)
{
    thrum_stack_info info = THRUM_STACK_INFO;
    thrum_greenlet *greenlet = NULL;

    (void)arg;
    setenv("THRUM_STACK_SIZE", "1M", 1);
    CHECK_INT(thrum_greenlet_new(nothing, NULL, NULL, &greenlet), 0);
    CHECK_INT(thrum_greenlet_stack(greenlet, &info), 0);
    CHECK(info.stack_size > MIB - KIB && info.stack_size <= MIB);
    thrum_greenlet_unref(greenlet);
    return 0;
}

TEST(greenlets_have_the_size_that_the_environment_sets)
{
    assert_int_equal(in_child(default_is_used, NULL), 0);
}

/* ---- from here on the default may be asked for ---- */

TEST(sizes_are_rounded_up_to_those_of_a_class)
{
    size_t size = 16 * KIB;

    for (unsigned i = 0; i < THRUMI_STACK_CLASSES; i++, size *= 4) {
        assert_int_equal(thrumi_stack_class_size(i), size);
        assert_int_equal(thrumi_stack_class_of(size), i);
        assert_int_equal(thrumi_stack_class_of(size + 1), i + 1);
        assert_int_equal(thrumi_stack_round(size - 1), size);
        assert_int_equal(thrumi_stack_round(size), size);
    }
    assert_int_equal(thrumi_stack_round(1), 16 * KIB);
    assert_int_equal(thrumi_stack_round(64 * MIB), 64 * MIB);
    assert_int_equal(thrumi_stack_round(64 * MIB + 1), 0);
    assert_int_equal(thrumi_stack_round(SIZE_MAX), 0);
}

TEST(the_least_has_room_for_a_signal_handler)
{
    long signal_frame = sysconf(_SC_MINSIGSTKSZ);

    assert_int_equal(thrum_stack_least(), thrumi_stack_least());
    assert_true(thrum_stack_least() >= 16 * KIB);
    assert_true((long)thrum_stack_least() >= signal_frame);
    assert_true(thrum_stack_least() <= thrum_stack_default());
}

TEST(the_guard_is_whole_pages_and_48_kib_at_least)
{
    assert_true(thrumi_stack_guard() >= 48 * KIB);
    assert_true(thrumi_stack_guard() < 48 * KIB + thrumi_stack_page());
    assert_int_equal(thrumi_stack_guard() % thrumi_stack_page(), 0);
}

TEST(sizes_that_are_not_to_be_had_are_refused)
{
    static struct thrumi_stack_cache cache;
    const size_t sizes[] = {0, 1, thrumi_stack_least() - 1, 64 * MIB + 1,
                            SIZE_MAX};
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *greenlet = NULL;
    struct thrumi_stack stack;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        options.stack_size = sizes[i];
        assert_int_equal(thrumi_stack_get(&cache, sizes[i], false, &stack),
                         -EINVAL);
        if (sizes[i] != 0) /* that is the default */
            assert_int_equal(
                thrum_greenlet_new(nothing, NULL, &options, &greenlet),
                -EINVAL);
    }
    assert_null(greenlet);
}

TEST(each_size_is_to_be_had_up_to_64_mib)
{
    static struct thrumi_stack_cache cache;

    for (size_t size = thrumi_stack_least(); size <= 64 * MIB; size *= 4) {
        struct thrumi_stack stack = stack_of(&cache, size);
        char *low = thrumi_stack_low(&stack);
        char *top = thrumi_stack_top(&stack);

        assert_true((size_t)(top - low) > thrumi_stack_round(size) - KIB);
        assert_true((size_t)(top - low) <= thrumi_stack_round(size));
        low[0] = top[-1] = 1;
        assert_true(traps(low - 1));
        thrumi_stack_put(&cache, &stack);
    }
    thrumi_stack_flush(&cache);
}

TEST_MAIN("stack_size")
