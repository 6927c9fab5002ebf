/* SPDX-License-Identifier: MIT */
/*
 * test/unit/look_test.c - looking at another thread from outside.
 */
#include "sys/look.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/tools.h"
#include "thrum_test.h"

struct other {
    int ends[2];
    atomic_int thread;
    atomic_bool stop;
};

static void *spins(void *arg)
{
    struct other *other = arg;

    atomic_store_explicit(&other->thread, thrumi_thread_number(),
                          memory_order_release);
    while (!atomic_load_explicit(&other->stop, memory_order_relaxed))
        ;
    return NULL;
}

/* A function of its own, whose frame is looked for. */
static __attribute__((noinline)) void reads(struct other *other)
{
    char byte;

    CHECK_INT(read(other->ends[0], &byte, 1), 1);
    __asm__ volatile("" ::: "memory"); /* so that it comes back here */
}

static void *blocks(void *arg)
{
    struct other *other = arg;

    atomic_store_explicit(&other->thread, thrumi_thread_number(),
                          memory_order_release);
    reads(other);
    return NULL;
}

static int number_of(struct other *other)
{
    int thread;

    WAIT_UNTIL((thread = atomic_load_explicit(&other->thread,
                                              memory_order_acquire)) != 0);
    return thread;
}

/* Not everywhere: some containers' kernels have no such file. */
static bool can_look(void)
{
    struct thrumi_look look;

    thrumi_look_at(thrumi_thread_number(), &look);
    return look.state != THRUMI_LOOK_UNKNOWN;
}

/* Under Valgrind too, a thread that computes may wait for its turn. */
#define SKIP_IF_NOT_OUR_CALLS                     \
 do {                                             \
  if (test_emulated() || thrumi_tools_valgrind()) \
   TEST_SKIP(OTHER_CALLS);                        \
 } while (0)

TEST(one_that_computes_runs)
{
    SKIP_IF_NOT_OUR_CALLS;

    struct other other = {{-1, -1}, 0, false};
    struct test_thread *thread = spawn_thread(spins, &other);
    int number = number_of(&other);
    int64_t used = thrumi_look_cpu_ns(number);
    struct thrumi_look look;

    WAIT_UNTIL(thrumi_look_cpu_ns(number) > used);
    thrumi_look_at(number, &look);
    if (can_look())
        assert_int_equal(look.state, THRUMI_LOOK_RUNS);
    atomic_store_explicit(&other.stop, true, memory_order_relaxed);
    join_thread(thread);
}

static bool has_frame_in(void **frames, int n, void (*fn)(struct other *))
{
    for (int i = 0; i < n; i++)
        if ((uintptr_t)frames[i] - (uintptr_t)fn < 256)
            return true;
    return false;
}

TEST(one_that_blocks_is_in_a_call_and_has_frames)
{
    SKIP_IF_NOT_OUR_CALLS;

    struct other other = {{-1, -1}, 0, false};
    struct test_thread *thread;
    struct thrumi_look look;
    void *frames[64];
    char copy[4096];
    char name[32];

    assert_int_equal(pipe(other.ends), 0);
    thread = spawn_thread(blocks, &other);
    WAIT_UNTIL((thrumi_look_at(number_of(&other), &look),
                look.state != THRUMI_LOOK_RUNS));
    if (look.state == THRUMI_LOOK_IN_CALL) {
        size_t n = thrumi_look_copy(look.sp, copy, sizeof(copy));

        thrumi_look_call_name(look.call, name, sizeof(name));
        assert_string_equal(name, "read");
        assert_true(n == 0 || /* refused */
                    has_frame_in(frames,
                                 thrumi_look_frames(copy, n, frames, 64),
                                 reads));
    }
    assert_int_equal(write(other.ends[1], "x", 1), 1);
    join_thread(thread);
    close(other.ends[0]);
    close(other.ends[1]);
}

TEST(a_thread_that_is_not_there_is_unknown)
{
    struct thrumi_look look;

    thrumi_look_at(1 << 30, &look);
    assert_int_equal(look.state, THRUMI_LOOK_UNKNOWN);
    assert_int_equal(thrumi_look_cpu_ns(1 << 27), 0);
}

TEST(a_call_without_a_name_has_a_number)
{
    char name[32];

    thrumi_look_call_name(99999, name, sizeof(name));
    assert_string_equal(name, "system call 99999");
}

/* Up to the page that cannot be read. */
TEST(what_cannot_be_read_is_not_copied)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char copy[2 * 4096];

    assert_true(memory != MAP_FAILED);
    memset(memory, 'x', 3 * page);
    assert_int_equal(mprotect(memory + 2 * page, page, PROT_NONE), 0);
    if (thrumi_look_copy((uintptr_t)memory, copy, 1) == 0)
        TEST_SKIP("process_vm_readv(2) is refused");
    assert_int_equal(thrumi_look_copy((uintptr_t)memory + 2 * page - 100, copy,
                                      sizeof(copy)),
                     100);
    assert_int_equal(copy[99], 'x');
    assert_int_equal(
        thrumi_look_copy((uintptr_t)memory + 2 * page, copy, sizeof(copy)), 0);
    assert_int_equal(thrumi_look_copy(0, copy, sizeof(copy)), 0);
    munmap(memory, 3 * page);
}

/* What a stack holds beside frames. */
TEST(numbers_and_data_are_no_frames)
{
    static int data;
    uintptr_t words[] = {
        0, 1, 4097, UINTPTR_MAX, (uintptr_t)&data, (uintptr_t)words};
    void *frames[8];

    assert_int_equal(thrumi_look_frames(words, sizeof(words), frames, 8), 0);
    assert_int_equal(thrumi_look_frames(words, 3, frames, 8), 0);
}

static bool fails(const char *call, void *arg)
{
    return strcmp(call, arg) == 0;
}

TEST(where_nothing_is_told_nothing_is_known)
{
    struct thrumi_look look;
    char proc[] = "proc";
    char readv[] = "process_vm_readv";
    char copy[8];

    thrumi_fault_set(fails, proc);
    thrumi_look_at(thrumi_thread_number(), &look);
    assert_int_equal(look.state, THRUMI_LOOK_UNKNOWN);
    thrumi_fault_set(fails, readv);
    assert_int_equal(thrumi_look_copy((uintptr_t)&look, copy, sizeof(copy)), 0);
    thrumi_fault_set(NULL, NULL);
}

TEST_MAIN("look")
