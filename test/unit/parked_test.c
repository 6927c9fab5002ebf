/* SPDX-License-Identifier: MIT */
/*
 * test/unit/parked_test.c - greenlets and generators by the hundred thousand,
 * all suspended at once.
 *
 * Each keeps a number on its stack, must have its guard, and takes a page, its
 * handle and the page table of its addresses.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "coro/handle.h"
#include "stacks.h"
#include "sys/guard.h"

#define MANY    100000u
#define FEW     4000u  /* where a tool takes memory for each */
#define BY_MAPS 15000u /* where a guard takes two mappings of 65,530 */
#define EACH    4403u  /* bytes */

static unsigned how_many(void)
{
    unsigned count = test_scale(MANY);
    unsigned most = MANY;

    if (TEST_ASAN || TEST_TSAN)
        most = FEW;
    else if (!thrumi_guard_is_light())
        most = BY_MAPS;
    return count < most ? count : most;
}

/* For children and threads too, and not once for each of a hundred thousand. */
#define FAIL(...)                                  \
 do {                                              \
  fprintf(stderr, "# " __VA_ARGS__);               \
  fprintf(stderr, "\n");                           \
  test_check_failed(__FILE__, __LINE__, "parked"); \
  return;                                          \
 } while (0)

/* ---- memory ---- */

/* The bytes of a line of /proc/self/status. */
static size_t status_of(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    size_t length = strlen(name);
    unsigned long kib = 0;
    char line[200];

    if (!CHECK(file != NULL))
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            kib = strtoul(line + length + 1, NULL, 10);
    fclose(file);
    return (size_t)kib * 1024;
}

static size_t memory_taken(void)
{
    return status_of("VmRSS") + status_of("VmPTE");
}

/* What is said of memory holds where nothing but the library takes any, and
 * its frames are as small as it was measured with. */
static bool memory_is_ours(void)
{
#if defined(__OPTIMIZE__) && THRUMI_CTX_WALK
    return !TEST_ASAN && !TEST_TSAN && thrumi_guard_is_light() &&
           sizeof(void *) == 8 && test_scale(100) == 100;
#else
    return false;
#endif
}

/* ---- guards ---- */

/* Without a process that dies of each: the kernel is asked to write there. */
static bool can_be_written(int zero, char *address)
{
    return syscall(SYS_read, zero, address, 1) == 1;
}

static bool is_guarded(int zero, const struct thrumi_handle *handle)
{
    char *low = thrumi_stack_low(&handle->strand->stack);

    return handle->strand->stack.guarded && can_be_written(zero, low) &&
           !can_be_written(zero, low - 1) &&
           !can_be_written(zero, low - 40 * KIB) &&
           !can_be_written(zero, low - thrumi_stack_guard());
}

static void check_all_guarded(void *const *handles, unsigned count)
{
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    unsigned guarded = 0;

    for (unsigned i = 0; i < count; i++)
        guarded += is_guarded(zero, handles[i]);
    CHECK_INT(guarded, count);
    close(zero);
}

/* ---- greenlets ---- */

static atomic_uint cancelled;

static void *park(void *number)
{
    uintptr_t mine = (uintptr_t)number;
    void *back = NULL;

    if (thrum_greenlet_switch(thrum_greenlet_parent(thrum_greenlet_current()),
                              number, &back) != 0) {
        atomic_fetch_add(&cancelled, 1);
        return NULL;
    }
    return (void *)(mine + (uintptr_t)back);
}

/* They are made one by one and parked at once. */
static void park_greenlets(thrum_greenlet **greenlets, unsigned count)
{
    for (uintptr_t i = 0; i < count; i++) {
        void *back = NULL;
        int rc = thrum_greenlet_new(park, NULL, NULL, &greenlets[i]);

        if (rc == 0)
            rc = thrum_greenlet_switch(greenlets[i], (void *)i, &back);
        if (rc != 0 || (uintptr_t)back != i)
            FAIL("the %ju-th: %s", (uintmax_t)i, thrum_strerror(rc));
    }
}

static void check_all_parked(thrum_greenlet *const *greenlets, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (thrum_greenlet_get_state(greenlets[i]) != THRUM_GREENLET_ACTIVE)
            FAIL("the %u-th is not parked", i);
}

/* Each goes on, has its number still, and ends. */
static void end_greenlets(thrum_greenlet **greenlets, unsigned count)
{
    for (uintptr_t i = 0; i < count; i++) {
        void *back = NULL;
        int rc = thrum_greenlet_switch(greenlets[i], (void *)7, &back);

        if (rc != 0 || (uintptr_t)back != i + 7 ||
            !thrum_greenlet_dead(greenlets[i]))
            FAIL("the %ju-th did not end: %s", (uintmax_t)i,
                 thrum_strerror(rc));
        thrum_greenlet_unref(greenlets[i]);
    }
}

static void **handles_of(unsigned count)
{
    void **handles = malloc(count * sizeof(*handles));

    if (handles == NULL)
        abort();
    memset(handles, 1, count * sizeof(*handles)); /* it takes its memory now */
    return handles;
}

static void check_small(size_t before, size_t after, unsigned count)
{
    size_t each = after > before ? (after - before) / count : 0;

    if (memory_is_ours() && each > EACH)
        FAIL("each of %u takes %zu bytes, not %u", count, each, EACH);
}

/* In a process of its own, where there is no memory that was used before. */
static int park_and_end(void *arg)
{
    unsigned count = how_many();
    void **handles = handles_of(count);
    thrum_greenlet **greenlets = (thrum_greenlet **)handles;
    unsigned live;
    size_t before;
    size_t full;

    CHECK(thrum_greenlet_current() != NULL);
    live = live_of(thrum_stack_default());
    before = memory_taken();
    park_greenlets(greenlets, count);
    full = memory_taken();
    check_small(before, full, count);
    check_all_parked(greenlets, count);
    check_all_guarded(handles, count);
    CHECK_INT(live_of(thrum_stack_default()), live + count);
    end_greenlets(greenlets, count);
    CHECK(live_of(thrum_stack_default()) <= live + THRUMI_STACK_KEPT);
    thrum_stack_trim();
    CHECK_INT(live_of(thrum_stack_default()), 0);
    CHECK_INT(slabs_of(thrum_stack_default()), 1);
    CHECK(!memory_is_ours() || memory_taken() < before + (full - before) / 10);
    free(handles);
    return 0;
}

TEST(a_hundred_thousand_parked_greenlets)
{
    assert_int_equal(in_child(park_and_end, NULL), 0);
}

/* The same again and again: what one round has left the next one uses. */
TEST(parked_and_ended_in_rounds)
{
    unsigned count = how_many() / 10 + 1;
    void **handles = handles_of(count);

    for (int round = 0; round < 5; round++) {
        park_greenlets((thrum_greenlet **)handles, count);
        check_all_guarded(handles, count);
        end_greenlets((thrum_greenlet **)handles, count);
    }
    assert_true(live_of(thrum_stack_default()) <= THRUMI_STACK_KEPT);
    free(handles);
}

/* Nobody lets them go on: their last holder goes. */
TEST(parked_and_cancelled)
{
    unsigned count = how_many() / 10 + 1;
    void **handles = handles_of(count);

    atomic_store(&cancelled, 0);
    park_greenlets((thrum_greenlet **)handles, count);
    for (unsigned i = 0; i < count; i++)
        thrum_greenlet_unref(handles[i]);
    assert_int_equal(atomic_load(&cancelled), count);
    assert_true(live_of(thrum_stack_default()) <= THRUMI_STACK_KEPT);
    free(handles);
}

/* ---- threads that end with theirs parked ---- */

struct keeper {
    unsigned count;
    thrum_greenlet **greenlets;
};

static void *park_some(void *arg)
{
    struct keeper *keeper = arg;

    park_greenlets(keeper->greenlets, keeper->count);
    return NULL;
}

/* Those that are still held end with their thread, cancelled. */
TEST(parked_on_several_threads_that_end)
{
    enum {
        THREADS = 4
    };
    unsigned count = how_many() / 20 + 1;
    struct test_thread *threads[THREADS];
    struct keeper keepers[THREADS];

    atomic_store(&cancelled, 0);
    for (int i = 0; i < THREADS; i++) {
        keepers[i].count = count;
        keepers[i].greenlets = (thrum_greenlet **)handles_of(count);
        threads[i] = spawn_thread(park_some, &keepers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        join_thread(threads[i]);
        for (unsigned j = 0; j < count; j++) {
            assert_true(thrum_greenlet_dead(keepers[i].greenlets[j]));
            thrum_greenlet_unref(keepers[i].greenlets[j]);
        }
        free(keepers[i].greenlets);
    }
    assert_int_equal(atomic_load(&cancelled), THREADS * count);
}

/* ---- generators ---- */

static void *count_up(void *arg)
{
    for (uintptr_t i = (uintptr_t)arg;; i++)
        if (thrum_yield((void *)i, NULL) != 0)
            return NULL;
}

static void begin_generators(thrum_generator **generators, unsigned count)
{
    for (uintptr_t i = 0; i < count; i++) {
        void *value = NULL;
        int rc =
            thrum_generator_new(count_up, (void *)i, 0, NULL, &generators[i]);

        if (rc == 0)
            rc = thrum_generator_next(generators[i], &value);
        if (rc != 0 || (uintptr_t)value != i)
            FAIL("the %ju-th: %s", (uintmax_t)i, thrum_strerror(rc));
    }
}

static int suspend_generators(void *arg)
{
    unsigned count = how_many();
    void **handles = handles_of(count);
    thrum_generator **generators = (thrum_generator **)handles;
    size_t before;

    CHECK(thrum_greenlet_current() != NULL);
    before = memory_taken();
    begin_generators(generators, count);
    check_small(before, memory_taken(), count);
    check_all_guarded(handles, count);
    for (uintptr_t i = 0; i < count; i++) {
        void *value = NULL;

        CHECK_INT(thrum_generator_next(generators[i], &value), 0);
        CHECK_INT((uintptr_t)value, i + 1);
        thrum_generator_unref(generators[i]);
    }
    thrum_stack_trim();
    CHECK_INT(live_of(thrum_stack_default()), 0);
    free(handles);
    return 0;
}

TEST(a_hundred_thousand_suspended_generators)
{
    assert_int_equal(in_child(suspend_generators, NULL), 0);
}

TEST_MAIN("parked")
