/* SPDX-License-Identifier: MIT */
/*
 * test/unit/ctx_test.c - the switch itself: two contexts, and nothing else.
 *
 * The test's own stack is `here`; `there` is a stack of ours, on which one of
 * the functions below runs. It never returns, but leaves for the last time.
 */
#include "sys/ctx.h"

#include <fenv.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "stacks.h"
#include "sys/ctx_tools.h"
#include "sys/unwind.h"

struct side {
    struct thrumi_ctx ctx;
    struct thrumi_ctx_tools tools;
};

static struct side here;
static struct side there;
static struct thrumi_stack stack;
static struct thrumi_stack_cache cache;
static void *(*body)(void *word); /* what runs there */

/* Opaque to the compiler, so that a value is neither known nor made anew. */
static uintptr_t veiled(uintptr_t value)
{
    __asm__ volatile("" : "+r"(value));
    return value;
}

THRUMI_CTX_PLAIN static void *go(struct side *from, struct side *to, void *word)
{
    void *pc = to->ctx.pc;

    to->ctx.pc = NULL;
    thrumi_ctx_tools_leave(&from->tools, &to->tools);
    word = thrumi_ctx_switch(&from->ctx, &to->ctx, pc, word);
    thrumi_ctx_tools_arrive(&from->tools, &to->tools);
    return word;
}

/* Lets the other one go on; what it has to say when it comes back. */
static void *go_there(void *word)
{
    return go(&here, &there, word);
}

static void *go_back(void *word)
{
    return go(&there, &here, word);
}

THRUMI_CTX_PLAIN static void there_main(void *word)
{
    void *pc;

    thrumi_ctx_tools_arrive(&there.tools, &here.tools);
    word = body(word);
    pc = here.ctx.pc;
    here.ctx.pc = NULL;
    thrumi_ctx_tools_leave(NULL, &here.tools);
    thrumi_ctx_jump(&here.ctx, pc, word);
}

static void there_begin_at(void *(*fn)(void *), char *top)
{
    char *low = thrumi_stack_low(&stack);

    body = fn;
    thrumi_ctx_tools_thread(&here.tools);
    thrumi_ctx_tools_new(&there.tools, low, (size_t)(top - low));
    thrumi_ctx_init(&there.ctx, low, top, there_main);
}

static void there_begin(void *(*fn)(void *))
{
    stack = stack_of(&cache, 256 * KIB);
    there_begin_at(fn, thrumi_stack_top(&stack));
}

static void there_end(void)
{
    thrumi_ctx_tools_free(&there.tools);
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache);
}

/* ---- words, and the place ---- */

static void *add_up(void *word)
{
    uintptr_t sum = 0;

    while (word != NULL) {
        sum += (uintptr_t)word;
        word = go_back((void *)sum);
    }
    return (void *)sum;
}

TEST(a_switch_passes_a_word_each_way)
{
    uintptr_t sum = 0;

    there_begin(add_up);
    for (uintptr_t i = 1; i <= 1000; i++) {
        sum += i;
        assert_int_equal((uintptr_t)go_there((void *)i), sum);
    }
    assert_int_equal((uintptr_t)go_there(NULL), sum);
    there_end();
}

TEST(a_million_switches)
{
    uintptr_t count = test_scale(500000);
    uintptr_t sum = 0;

    there_begin(add_up);
    for (uintptr_t i = 0; i < count; i++)
        sum = (uintptr_t)go_there((void *)1);
    assert_int_equal(sum, count);
    go_there(NULL);
    there_end();
}

static void *look_at_places(void *word)
{
    CHECK(there.ctx.pc == NULL);
    CHECK(here.ctx.pc != NULL);
    go_back(NULL);
    CHECK(there.ctx.pc == NULL);
    CHECK(here.ctx.pc != NULL);
    return word;
}

TEST(what_stands_still_has_a_place_and_what_runs_has_none)
{
    there_begin(look_at_places);
    for (int i = 0; i < 2; i++) {
        assert_non_null(there.ctx.pc);
        assert_null(here.ctx.pc);
        go_there(NULL);
    }
    there_end();
}

/* ---- the new stack ---- */

static void *look_at_alignment(void *arg)
{
    char *low = thrumi_stack_low(&stack);
    _Alignas(16) volatile char aligned[16];
    char *frame = __builtin_frame_address(0);

    aligned[0] = 1;
    CHECK_INT((uintptr_t)frame % 16, 0);
    CHECK_INT((uintptr_t)aligned % 16, 0);
    CHECK(frame > low && frame < (char *)arg);
    CHECK((char *)arg - frame < 4096);
    return NULL;
}

TEST(it_begins_at_the_top_aligned)
{
    stack = stack_of(&cache, 256 * KIB);
    for (int i = 0; i < 33; i++) {
        char *top = thrumi_stack_top(&stack) - i;

        there_begin_at(look_at_alignment, top);
        go_there(top);
        thrumi_ctx_tools_free(&there.tools);
    }
    thrumi_stack_put(&cache, &stack);
    thrumi_stack_flush(&cache);
}

/* ---- registers ---- */

/* More values than there are registers, of all kinds, alive over a switch. */
static bool values_survive(uintptr_t seed, void *(*leave)(void *))
{
    uintptr_t whole[20];
    double real[20];
    long double wide[7];
    bool same = true;

    for (unsigned i = 0; i < 20; i++) {
        whole[i] = veiled(seed * (i + 3));
        real[i] = (double)veiled(seed + i) / 3;
        if (i < 7)
            wide[i] = (long double)veiled(seed + i) / 7;
    }
    leave(NULL);
    for (unsigned i = 0; i < 20; i++) {
        same &= whole[i] == seed * (i + 3);
        same &= real[i] == (double)veiled(seed + i) / 3;
        same &= i >= 7 || wide[i] == (long double)veiled(seed + i) / 7;
    }
    return same;
}

/* The same in variables that the compiler keeps in registers if it can. */
static bool registers_survive(uintptr_t seed, void *(*leave)(void *))
{
    uintptr_t a = veiled(seed + 1);
    uintptr_t b = veiled(seed + 2);
    uintptr_t c = veiled(seed + 3);
    uintptr_t d = veiled(seed + 4);
    uintptr_t e = veiled(seed + 5);
    uintptr_t f = veiled(seed + 6);
    double x = (double)veiled(seed + 7) * 0.5;
    double y = (double)veiled(seed + 8) * 0.25;
    char *sp = __builtin_frame_address(0);

    leave(NULL);
    return a == seed + 1 && b == seed + 2 && c == seed + 3 && d == seed + 4 &&
           e == seed + 5 && f == seed + 6 &&
           x == (double)veiled(seed + 7) * 0.5 &&
           y == (double)veiled(seed + 8) * 0.25 &&
           sp == (char *)__builtin_frame_address(0);
}

static void *disturb(void *word)
{
    for (uintptr_t i = 0; i < 100; i++) {
        CHECK(values_survive(~i, go_back));
        CHECK(registers_survive(~i << 7, go_back));
    }
    return word;
}

TEST(values_of_all_kinds_survive_on_both_sides)
{
    there_begin(disturb);
    for (uintptr_t i = 0; i < 100; i++) {
        assert_true(values_survive(i, go_there));
        assert_true(registers_survive(i << 9, go_there));
    }
    go_there(NULL);
    there_end();
}

#if defined(__x86_64__)
/* Calls fn(NULL) with a pattern in each register that a function must leave as
 * it was. How many have changed, the stack pointer among them. */
static uintptr_t call_with_pattern(void *(*fn)(void *), uintptr_t pattern)
{
    uintptr_t changed = (uintptr_t)fn;

    __asm__ volatile("movq %%rsp, %%r15\n\t"
                     "subq $256, %%rsp\n\t" /* past the red zone */
                     "andq $-64, %%rsp\n\t"
                     "movq %%rdi, (%%rsp)\n\t"
                     "movq %%r15, 8(%%rsp)\n\t"
                     "movq %%rsp, 16(%%rsp)\n\t"
                     "movq %%rdi, %%rbx\n\t"
                     "leaq 1(%%rdi), %%r12\n\t"
                     "leaq 2(%%rdi), %%r13\n\t"
                     "leaq 3(%%rdi), %%r14\n\t"
                     "xorl %%edi, %%edi\n\t"
                     "callq *%%rax\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movq (%%rsp), %%rdi\n\t"
                     "cmpq %%rdi, %%rbx\n\t"
                     "setne %%al\n\t"
                     "subq %%rdi, %%r12\n\t"
                     "subq $1, %%r12\n\t"
                     "orq %%r12, %%rax\n\t"
                     "subq %%rdi, %%r13\n\t"
                     "subq $2, %%r13\n\t"
                     "orq %%r13, %%rax\n\t"
                     "subq %%rdi, %%r14\n\t"
                     "subq $3, %%r14\n\t"
                     "orq %%r14, %%rax\n\t"
                     "movq 16(%%rsp), %%rcx\n\t"
                     "subq %%rsp, %%rcx\n\t"
                     "orq %%rcx, %%rax\n\t"
                     "movq 8(%%rsp), %%rcx\n\t"
                     "subq %%r15, %%rcx\n\t"
                     "orq %%rcx, %%rax\n\t"
                     "movq %%r15, %%rsp"
                     : "+a"(changed), "+D"(pattern)
                     :
                     : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
                       "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2",
                       "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                       "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
                       "cc", "memory");
    return changed;
}

static void *disturb_by_pattern(void *word)
{
    for (uintptr_t i = 0; i < 100; i++)
        CHECK_INT((long)call_with_pattern(go_back, 0x5555555500 + i * 16), 0);
    return word;
}

TEST(the_registers_of_a_function_that_calls_survive)
{
    there_begin(disturb_by_pattern);
    for (uintptr_t i = 0; i < 100; i++)
        assert_int_equal(call_with_pattern(go_there, 0x123456789a00 + i * 16),
                         0);
    go_there(NULL);
    there_end();
}
#endif

/* ---- the hop ---- */

#if THRUMI_CTX_HOP && !TEST_ASAN && !TEST_TSAN
static int hop(struct side *from, struct side *to, int rc)
{
    void *pc = to->ctx.pc;

    to->ctx.pc = NULL;
    return thrumi_ctx_hop(&from->ctx, &to->ctx, pc, rc);
}

static void *hop_there(void *word)
{
    return (void *)(intptr_t)hop(&here, &there, (int)(intptr_t)word);
}

static void *hop_back(void *word)
{
    return (void *)(intptr_t)hop(&there, &here, (int)(intptr_t)word);
}

static void *disturb_by_hops(void *word)
{
    for (uintptr_t i = 0; i < 100; i++) {
        CHECK(values_survive(~i, hop_back));
        CHECK(registers_survive(~i << 7, hop_back));
    }
    hop_back((void *)77);
    return word; /* never */
}

TEST(a_hop_returns_the_code_of_the_other)
{
    there_begin(disturb_by_hops);
    for (uintptr_t i = 0; i < 100; i++) {
        assert_true(values_survive(i, hop_there));
        assert_true(registers_survive(i, hop_there));
    }
    assert_int_equal(hop(&here, &there, 0), 77);
    there_end();
}

static void *count_hops(void *word)
{
    int code = (int)(intptr_t)word;

    while (code >= 0)
        code = hop(&there, &here, code + 1);
    return word;
}

TEST(hops_by_the_hundred_thousand)
{
    int code = 0;

    there_begin(count_hops);
    while (code < 200000)
        code = hop(&here, &there, code);
    there_end();
}
#endif

/* ---- walking ---- */

#if THRUMI_CTX_WALK
/* Where the functions there go on when what they call returns, the innermost
 * first. */
static void *expected[4];

static __attribute__((noinline)) void *walk_inner(void *word)
{
    expected[0] = __builtin_return_address(0);
    word = go_back(word);
    return (void *)veiled((uintptr_t)word);
}

static __attribute__((noinline)) void *walk_middle(void *word)
{
    expected[1] = __builtin_return_address(0);
    word = walk_inner(word);
    return (void *)veiled((uintptr_t)word);
}

static void *walk_outer(void *word)
{
    expected[2] = __builtin_return_address(0);
    word = walk_middle(word);
    return (void *)veiled((uintptr_t)word);
}

struct walk {
    void *frames[64];
    int count;
};

static void walk_take(void *arg)
{
    struct walk *walk = arg;

    walk->count = thrumi_unwind(walk->frames, 64);
}

static int walk_find(const struct walk *walk, const void *frame)
{
    int i = 0;

    while (i < walk->count && walk->frames[i] != frame)
        i++;
    return i;
}

TEST(a_walk_sees_the_frames_of_a_stopped_stack)
{
    struct walk walk = {.count = 0};
    int first;

    there_begin(walk_outer);
    go_there(NULL);
    thrumi_ctx_walk(&there.ctx, walk_take, &walk);
    first = walk_find(&walk, expected[0]);
    assert_true(walk_find(&walk, there.ctx.pc) < first);
    assert_true(first + 2 < walk.count);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(walk.frames[first + i], expected[i]);
    /* there_main's, which is in the entry, is the last */
    assert_int_equal(walk.count, first + 4);
    go_there(NULL);
    there_end();
}

TEST(a_walk_returns_and_leaves_all_as_it_was)
{
    struct walk walk = {.count = 0};
    struct thrumi_ctx before;

    there_begin(walk_outer);
    go_there(NULL);
    before = there.ctx;
    for (int i = 0; i < 100; i++)
        thrumi_ctx_walk(&there.ctx, walk_take, &walk);
    assert_memory_equal(&there.ctx, &before, sizeof(before));
    assert_ptr_equal(go_there(&walk), &walk);
    there_end();
}

extern char thrumi_ctx_entry[];

static void *trace_here(void *arg)
{
    expected[0] = __builtin_return_address(0);
    walk_take(arg);
    return (void *)veiled((uintptr_t)arg);
}

TEST(a_backtrace_ends_at_the_entry)
{
    struct walk walk = {.count = 0};
    char *last;

    there_begin(trace_here);
    go_there(&walk);
    assert_int_equal(walk_find(&walk, expected[0]), walk.count - 2);
    last = walk.frames[walk.count - 1];
    assert_true(last > thrumi_ctx_entry && last < thrumi_ctx_entry + 64);
    there_end();
}

/* One that has not begun: there is the entry, and nothing else. */
TEST(a_walk_of_what_has_not_begun)
{
    struct walk walk = {.count = 0};

    there_begin(walk_outer);
    thrumi_ctx_walk(&there.ctx, walk_take, &walk);
    assert_true(walk_find(&walk, there.ctx.pc) >= walk.count - 1);
    there_end();
}
#else
static void never(void *arg)
{
    CHECK(arg != NULL); /* not called */
}

TEST(there_is_no_walk_here)
{
    thrumi_ctx_walk(&there.ctx, never, NULL);
}

static int failing_switch(void *arg)
{
    there_begin(add_up);
    dup2(*(int *)arg, STDERR_FILENO);
    fail_calls(" swapcontext ");
    go_there(NULL);
    return 0;
}
#endif

/* ---- words to standard error before the end ---- */

/* Runs it in a child whose standard error comes here. How it ended. */
static int say_and_die(int (*fn)(void *), char *text, size_t size)
{
    int ends[2];
    ssize_t n;
    int status;

    assert_int_equal(pipe(ends), 0);
    status = in_child(fn, &ends[1]);
    close(ends[1]);
    n = read(ends[0], text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    return status;
}

#if !THRUMI_CTX_WALK
TEST(a_switch_that_fails_is_the_end)
{
    char text[500];

    assert_int_equal(say_and_die(failing_switch, text, sizeof(text)),
                     128 + SIGABRT);
    assert_non_null(strstr(text, "swapcontext failed: a stack cannot be gone "
                                 "on with"));
}
#endif

/* ---- control words ---- */

TEST(the_control_words_change_with_the_rounding)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    int usual = fegetround();
    uint64_t before = thrumi_ctx_float_control();

    for (int i = 0; i < 3; i++) {
        uint64_t now;

        fesetround(modes[i]);
        now = thrumi_ctx_float_control();
        fesetround(usual);
        assert_true(now != before);
        assert_true(thrumi_ctx_float_control() == before);
    }
}

TEST(flags_of_what_was_computed_are_no_control_words)
{
    uint64_t before = thrumi_ctx_float_control();

    feraiseexcept(FE_INEXACT | FE_DIVBYZERO | FE_OVERFLOW);
    assert_true(thrumi_ctx_float_control() == before);
    feclearexcept(FE_ALL_EXCEPT);
    assert_true(thrumi_ctx_float_control() == before);
}

static void *round_up(void *arg)
{
    fesetround(FE_UPWARD);
    CHECK_INT(thrum_greenlet_switch(
                  thrum_greenlet_parent(thrum_greenlet_current()), arg, NULL),
              0);
    return arg;
}

static void *round_up_and_yield(void *arg)
{
    fesetround(FE_UPWARD);
    thrum_yield(arg, NULL);
    return arg;
}

static int greenlet_rounds(void *arg)
{
    thrum_greenlet *greenlet = NULL;

    CHECK_INT(thrum_greenlet_new(round_up, NULL, NULL, &greenlet), 0);
    dup2(*(int *)arg, STDERR_FILENO);
    return thrum_greenlet_switch(greenlet, NULL, NULL);
}

static int generator_rounds(void *arg)
{
    thrum_generator *generator = NULL;

    CHECK_INT(
        thrum_generator_new(round_up_and_yield, NULL, 0, NULL, &generator), 0);
    dup2(*(int *)arg, STDERR_FILENO);
    return thrum_generator_next(generator, NULL);
}

TEST(who_stops_with_other_control_words_is_told)
{
    static int (*const rounders[])(void *) = {greenlet_rounds,
                                              generator_rounds};
    char text[500];

#ifdef NDEBUG
    TEST_SKIP("the check is in builds for debugging alone");
#endif
    for (int i = 0; i < 2; i++) {
        assert_int_equal(say_and_die(rounders[i], text, sizeof(text)),
                         128 + SIGABRT);
        assert_non_null(strstr(text, "thrum: a greenlet or generator stopped "
                                     "with the floating-point control words "
                                     "changed"));
    }
}

TEST_MAIN("ctx")
