/* SPDX-License-Identifier: MIT */
/*
 * report_test.c - what is said of objects that are patched, and not.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cases.h"

/* What there is to be told of this object. */
ssize_t __send(int fd, const void *from, size_t n, int flags);
static void *volatile kept;
static int (*const volatile in_data)(int, int) = listen;
static ssize_t (*const volatile recv_in_data)(int, void *, size_t, int) = recv;

/* A name of libc's that nobody calls. */
__attribute__((visibility("default"))) ssize_t __send(int fd, const void *from,
                                                      size_t n, int flags)
{
    return send(fd, from, n, flags);
}

/* Never called, as the next one. */
__attribute__((used, noinline)) static ssize_t calls(int number)
{
    char text[8];

    return msgrcv(number, text, sizeof(text), 0, 0) + in_data(number, 0) +
           recv_in_data(number, text, 1, 0) + recv(number, text, 1, 0) +
           poll(NULL, 0, number);
}

__attribute__((used, noinline)) static void calls_without_libc(void)
{
#if defined(__x86_64__)
    __asm__ volatile("syscall" ::"a"(39) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    __asm__ volatile("svc #0" ::: "memory");
#endif
}

static const char *const without_a_hook[] = {
#define BLOCKS(group, name) #name,
#define HARMLESS(name)
#include "monkey/blocking.h"
#undef BLOCKS
#undef HARMLESS
};

static const char *const harmless[] = {
#define BLOCKS(group, name)
#define HARMLESS(name) #name,
#include "monkey/blocking.h"
#undef BLOCKS
#undef HARMLESS
};

/* ---- reading it ---- */

/* The report; to be freed. */
static char *report(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    assert_int_equal(thrum_monkey_report(stream), 0);
    fclose(stream);
    return text;
}

/* What it says of an object whose path has that in it, cut out; to be freed. */
static char *report_of(const char *object)
{
    char *text = report();
    char *line = strstr(text, object);
    char *end = line;
    char *copy;

    assert_non_null(line);
    do
        end = strchr(end + 1, '\n');
    while (end != NULL && end[1] == ' ');
    copy = strndup(line, end == NULL ? strlen(line) : (size_t)(end - line));
    free(text);
    return copy;
}

static char *report_of_this(void)
{
    return report_of("monkey-report");
}

/* Does a line that begins so, or what goes on with it, have the name? */
static bool says(const char *text, const char *label, const char *name)
{
    const char *line = strstr(text, label);
    const char *end;
    const char *at;

    if (line == NULL)
        return false;
    end = strstr(line, "\n    ");
    while (end != NULL && strncmp(end, "\n        ", 9) == 0)
        end = strstr(end + 1, "\n    ");
    at = strstr(line + strlen(label), name);
    return at != NULL && (end == NULL || at < end);
}

static void patch(unsigned families)
{
    assert_int_equal(thrum_monkey_patch(families), 0);
}

static void unpatch_all(void)
{
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
}

/* ---- its lists ---- */

static bool has_a_hook(const char *name)
{
    static const char *const names[] = {
#define HOOK(families, name)          #name,
#define ALIAS(families, name, hooked) #name,
#include "monkey/list.h"
#undef HOOK
#undef ALIAS
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

TEST(P11_what_blocks_is_on_one_list)
{
    for (size_t i = 0; i < sizeof(without_a_hook) / sizeof(char *); i++)
        if (!CHECK(!has_a_hook(without_a_hook[i])))
            fprintf(stderr, "# %s() is in list.h and blocking.h\n",
                    without_a_hook[i]);
    for (size_t i = 0; i < sizeof(harmless) / sizeof(char *); i++)
        if (!CHECK(has_a_hook(harmless[i])))
            fprintf(stderr, "# %s() is in blocking.h alone\n", harmless[i]);
}

/* ---- what it says ---- */

TEST(P4_what_is_not_patched_is_named_by_family)
{
    char *text;

    patch(THRUM_MONKEY_SOCKET);
    text = report_of_this();
    assert_true(says(text, "not patched, family select: ", "poll"));
    assert_false(says(text, "not patched, family socket: ", "recv"));
    free(text);
    unpatch_all();
    text = report_of_this();
    assert_true(says(text, "not patched, family socket: ", "recv"));
    free(text);
}

TEST(P4_what_has_no_hook_is_named)
{
    char *text;

    patch(THRUM_MONKEY_ALL);
    text = report_of_this();
    assert_true(says(text, "no hook, messages: ", "msgrcv"));
    assert_null(strstr(text, "not patched, family"));
    free(text);
    unpatch_all();
}

/* An executable that a sanitizer watches, and not this object, defines most. */
TEST(P4_names_of_libc_that_an_object_defines_itself_are_told)
{
    char *text = report_of_this();

    assert_true(says(text, "defines itself: ", "__send"));
    free(text);
    text = report_of("libcmocka");
    assert_null(strstr(text, "defines itself"));
    free(text);
}

TEST(P4_pointers_in_data_are_told)
{
    char *text;

    kept = thrum_monkey_original("recv");
    patch(THRUM_MONKEY_ALL);
    text = report_of_this();
    assert_true(says(text, "pointers in its data, patched: ", "1"));
    assert_true(says(text, "pointers in its data to originals: ", "recv"));
    free(text);
    kept = NULL;
    text = report_of_this();
    assert_null(strstr(text, "to originals"));
    free(text);
    unpatch_all();
}

TEST(P4_system_calls_without_libc_are_guessed)
{
    char *text = report_of_this();

    assert_true(says(text, "system calls without libc, perhaps: ", "1"));
    free(text);
}

TEST(P4_who_is_left_alone_is_told_and_why)
{
    char *text = report();

    assert_non_null(strstr(text, "libc.so.6: left alone: libc\n"));
    assert_non_null(strstr(text, "left alone: Thrum itself\n"));
    assert_non_null(strstr(text, "left alone: the loader\n"));
    free(text);
}

/* A second libc is more than a sanitizer bears. */
TEST(P1_other_namespaces_are_told_of)
{
    void *handle;
    char *text = report();

    assert_null(strstr(text, "in another namespace"));
    free(text);
    if (TEST_ASAN || TEST_TSAN)
        TEST_SKIP("the sanitizer does not know of other namespaces");
    handle = dlmopen(LM_ID_NEWLM, "libm.so.6", RTLD_NOW);
    assert_non_null(handle);
    text = report();
    assert_non_null(
        strstr(text, "libm.so.6: never patched: in another namespace\n"));
    free(text);
    dlclose(handle);
}

TEST(P1_constructors_that_have_escaped_are_told_of)
{
    void *handle;
    char *text;

    patch(THRUM_MONKEY_ALL);
    text = report();
    assert_null(strstr(text, "constructors have escaped"));
    free(text);
    handle = dlopen("libmonkey-late-now.so", RTLD_NOW);
    assert_non_null(handle);
    text = report();
    assert_non_null(strstr(text, "constructors have escaped: 1 objects"));
    free(text);
    dlclose(handle);
    unpatch_all();
}

TEST(P4_hooks_that_dlsym_has_given_are_counted)
{
    char *text;

    patch(THRUM_MONKEY_ALL);
    assert_non_null(dlsym(RTLD_DEFAULT, "recv"));
    text = report();
    assert_non_null(strstr(text, "hooks given by dlsym: "));
    free(text);
    unpatch_all();
}

TEST(P4_a_stream_that_cannot_be_written_is_an_error)
{
    FILE *stream = fopen("/dev/null", "r");

    assert_non_null(stream);
    assert_int_equal(thrum_monkey_report(stream), -EIO);
    fclose(stream);
}

int monkey_main(int argc, char **argv);

int monkey_main(int argc, char **argv)
{
    return test_main("report", argc, argv);
}
