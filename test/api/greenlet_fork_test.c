/* SPDX-License-Identifier: MIT */
/*
 * test/api/greenlet_fork_test.c - greenlets and fork().
 *
 * In the child the greenlet that called fork() goes on, as the main one; the
 * others that it inherited are inert, and it can make new ones. When its
 * function returns, the process exits.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "greenlets.h"

struct family {
    thrum_greenlet *suspended;
    thrum_greenlet *fresh;
    thrum_greenlet *dead;
    thrum_greenlet *main;
    int *ended; /* shared by parent and child */
};

static void *count_end(void *arg)
{
    int *ended = arg;

    yield_up(NULL, NULL);
    ++*ended;
    return NULL;
}

static struct family family_new(void)
{
    struct family family = {greenlet_of(count_end, NULL),
                            greenlet_of(echo, NULL), greenlet_of(echo, NULL),
                            NULL, NULL};

    family.ended = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (family.ended == MAP_FAILED)
        abort();
    pass(family.suspended, family.ended);
    pass(family.dead, NULL);
    return family;
}

static void family_end(struct family *family)
{
    assert_int_equal(*family->ended, 0);
    thrum_greenlet_unref(family->suspended);
    thrum_greenlet_unref(family->fresh);
    thrum_greenlet_unref(family->dead);
    assert_int_equal(*family->ended, 1);
    munmap(family->ended, sizeof(int));
}

static void check_inert(thrum_greenlet *greenlet)
{
    thrum_greenlet *child = NULL;

    CHECK_INT(thrum_greenlet_switch(greenlet, NULL, NULL), -ECHILD);
    CHECK_INT(thrum_greenlet_throw(greenlet, -EIO, NULL), -ECHILD);
    CHECK_INT(thrum_greenlet_new(echo, greenlet, NULL, &child), -ECHILD);
    CHECK(child == NULL);
}

/* In the child, on whatever stack called fork(). */
static void check_anew(void)
{
    thrum_greenlet *here = thrum_greenlet_current();
    thrum_greenlet *greenlet = greenlet_of(echo_forever, NULL);
    thrum_greenlet *fails = greenlet_of(fail_with, NULL);

    CHECK(thrum_greenlet_parent(here) == NULL);
    CHECK(thrum_greenlet_active(here));
    CHECK_INT(thrum_greenlet_set_parent(here, greenlet), THRUM_EBADSWITCH);
    CHECK(thrum_greenlet_parent(greenlet) == here);
    CHECK(pass(greenlet, word(1)) == word(1));
    CHECK(pass(here, word(2)) == word(2));
    CHECK_INT(thrum_greenlet_switch(fails, word(-EIO), NULL), -EIO);
    thrum_error_clear();
    thrum_greenlet_unref(fails);
    thrum_greenlet_unref(greenlet);
}

static int live_as_child(void *arg)
{
    struct family *family = arg;

    check_inert(family->suspended);
    check_inert(family->fresh);
    check_inert(family->dead);
    check_anew();
    thrum_greenlet_unref(family->suspended);
    thrum_greenlet_unref(family->fresh);
    thrum_greenlet_unref(family->dead);
    return *family->ended; /* nothing of it has run here */
}

TEST(L22_inherited_greenlets_are_inert_in_a_child)
{
    struct family family = family_new();

    assert_int_equal(in_child(live_as_child, &family), 0);
    family_end(&family);
}

static int live_twice(void *arg)
{
    int rc = in_child(live_as_child, arg);

    return rc != 0 ? rc : live_as_child(arg); /* which lets them go */
}

TEST(L22_a_grandchild_too)
{
    struct family family = family_new();

    assert_int_equal(in_child(live_twice, &family), 0);
    family_end(&family);
}

/* ---- in a greenlet ---- */

static int live_apart(void *arg)
{
    struct family *family = arg;

    check_inert(family->main);
    return live_as_child(family);
}

static void *fork_and_go_on(void *arg)
{
    struct family *family = arg;
    thrum_greenlet *self = thrum_greenlet_current();

    family->main = thrum_greenlet_parent(self);
    return word(in_child(live_apart, family));
}

/* Forks, and returns in both. */
struct forked {
    pid_t child;
    bool looks; /* uses greenlets in the child before it returns */
    int code;   /* what it fails with there, or 0 */
};

static void *fork_and_return(void *arg)
{
    struct forked *forked = arg;

    forked->child = fork();
    if (forked->child == 0 && forked->looks)
        check_anew();
    if (forked->child == 0 && forked->code != 0)
        return thrum_raise(forked->code, "in the child");
    return word(7);
}

static int status_of_forked(bool looks, int code)
{
    struct forked forked = {-1, looks, code};
    thrum_greenlet *greenlet = greenlet_of(fork_and_return, NULL);
    pid_t self = getpid();
    int status = 0;

    fflush(NULL);
    assert_ptr_equal(pass(greenlet, &forked), word(7));
    if (getpid() != self)
        _exit(99); /* the child has come back to its parent's main */
    assert_int_equal(waitpid(forked.child, &status, 0), forked.child);
    assert_true(WIFEXITED(status));
    thrum_greenlet_unref(greenlet);
    return WEXITSTATUS(status);
}

TEST(L10_a_child_exits_when_its_greenlet_returns)
{
    assert_int_equal(status_of_forked(true, 0), 0);
}

TEST(L10_a_child_that_uses_no_greenlets_exits_likewise)
{
    assert_int_equal(status_of_forked(false, 0), 0);
}

static void note_error(const thrum_error *error, void *arg)
{
    *(int *)arg = error->code;
}

TEST(L10_an_error_of_the_last_one_goes_to_the_handler)
{
    int *code = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(code != MAP_FAILED);
    thrum_set_error_handler(note_error, code);
    assert_int_equal(status_of_forked(false, -EIO), 0);
    thrum_set_error_handler(NULL, NULL);
    assert_int_equal(*code, -EIO);
    munmap(code, sizeof(int));
}

/* The child's own children end in it, not in what the parent had. */
static void *fork_and_wait_for_child(void *arg)
{
    struct forked *forked = arg;

    forked->child = fork();
    if (forked->child == 0) {
        thrum_greenlet *greenlet = greenlet_of(echo, NULL);

        CHECK(pass(greenlet, word(3)) == word(3));
        thrum_greenlet_unref(greenlet);
    }
    return word(7);
}

TEST(L10_children_made_in_a_child_end_there)
{
    struct forked forked = {-1, false, 0};
    thrum_greenlet *greenlet = greenlet_of(fork_and_wait_for_child, NULL);
    pid_t self = getpid();
    int status = 0;

    fflush(NULL);
    assert_ptr_equal(pass(greenlet, &forked), word(7));
    if (getpid() != self)
        _exit(99);
    assert_int_equal(waitpid(forked.child, &status, 0), forked.child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    thrum_greenlet_unref(greenlet);
}

TEST(L1_the_one_that_forked_is_the_childs_main_greenlet)
{
    struct family family = family_new();
    thrum_greenlet *greenlet = greenlet_of(fork_and_go_on, NULL);

    fflush(NULL);
    assert_ptr_equal(pass(greenlet, &family), word(0));
    thrum_greenlet_unref(greenlet);
    family_end(&family);
}

/* ---- the end of the child's thread ---- */

static void *thread_of_child(void *arg)
{
    struct family *family = arg;
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        pthread_exit(NULL); /* its only thread: it exits with 0 */
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_INT(*family->ended, 0);
    return NULL;
}

static void *fork_in_thread(void *arg)
{
    struct family family = family_new();

    fflush(NULL);
    thread_of_child(&family);
    thrum_greenlet_unref(family.suspended);
    thrum_greenlet_unref(family.fresh);
    thrum_greenlet_unref(family.dead);
    CHECK_INT(*family.ended, 1);
    munmap(family.ended, sizeof(int));
    return arg;
}

TEST(L19_the_end_of_a_childs_thread_ends_no_inherited_ones)
{
    join_thread(spawn_thread(fork_in_thread, NULL));
}

TEST_MAIN("greenlet-fork")
