/* SPDX-License-Identifier: MIT */
/*
 * patch_test.c - patching and what can be asked of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cases.h"

static ssize_t (*const in_data)(int, void *, size_t) = read;

static void patch_all(void)
{
    assert_int_equal(thrum_monkey_patch_all(), 0);
}

static void unpatch_all(void)
{
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

TEST(P2_families_grow_and_shrink)
{
    assert_false(thrum_monkey_is_patched("recv"));
    assert_int_equal(thrum_monkey_patch(THRUM_MONKEY_SOCKET), 0);
    assert_int_equal(thrum_monkey_patch(THRUM_MONKEY_SOCKET), 0);
    assert_true(thrum_monkey_is_patched("recv"));
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_SOCKET), 0);
    assert_false(thrum_monkey_is_patched("recv"));
    assert_int_equal(thrum_monkey_patch(1u << 30), -EINVAL);
    assert_false(thrum_monkey_is_patched("no such function"));
    assert_null(thrum_monkey_original("no such function"));
}

TEST(P2_the_original_is_what_it_was)
{
    void *before = thrum_monkey_original("recv");

    assert_non_null(before);
    patch_all();
    assert_ptr_equal(thrum_monkey_original("recv"), before);
    assert_ptr_not_equal(dlsym(RTLD_DEFAULT, "recv"), before);
    unpatch_all();
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "recv"), before);
}

TEST(P12_dlsym_gives_the_hook_of_a_handle_of_libc_too)
{
    void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    void *before;

    assert_non_null(libc);
    before = dlsym(libc, "recv");
    patch_all();
    if (thrum_monkey_original("recv") == before)
        assert_ptr_not_equal(dlsym(libc, "recv"), before);
    assert_ptr_equal(dlsym(RTLD_NEXT, "no such function"), NULL);
    assert_non_null(dlsym(libc, "strlen"));
    unpatch_all();
    dlclose(libc);
}

TEST(P1_pointers_in_data_are_patched)
{
    void *original = thrum_monkey_original("read");
    ssize_t (*volatile const *at)(int, void *, size_t) = &in_data;

    patch_all();
    if (original != (void *)*at)
        assert_ptr_not_equal((void *)*at, original);
    unpatch_all();
    assert_ptr_equal((void *)*at, original);
}

TEST(P8_a_second_look_finds_nothing_to_write)
{
    patch_all();
    assert_int_equal(thrum_monkey_check(), 0);
    unpatch_all();
    assert_int_equal(thrum_monkey_check(), 0);
}

TEST(P4_the_report_names_the_objects)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    patch_all();
    assert_int_equal(thrum_monkey_report(stream), 0);
    fclose(stream);
    unpatch_all();
    assert_non_null(strstr(text, "monkey-patch"));
    assert_non_null(strstr(text, "libc.so.6"));
    free(text);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("patch", argc, argv);
}
