/* SPDX-License-Identifier: MIT */
/*
 * patch_test.c - patching and what can be asked of it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* ---- objects that are loaded by the test ---- */

typedef ssize_t read_fn(int fd, void *into, size_t n);

struct late {
    void *object;
    read_fn *read;
    void *(*read_of_data)(void);
    const void *(*data)(void);
};

#define LATE_PATH 4096

/* Its path, as sanitizers' dlopen() wants it. */
static void late_find(const char *name, char path[LATE_PATH])
{
    Dl_info info;
    char *slash;

    assert_true(dladdr((const void *)&in_data, &info) != 0);
    snprintf(path, LATE_PATH, "%s", info.dli_fname);
    slash = strrchr(path, '/');
    assert_non_null(slash);
    snprintf(slash, LATE_PATH - (size_t)(slash - path), "/late/%s", name);
}

static struct late late_load(const char *name)
{
    struct late late;
    char path[LATE_PATH];

    late_find(name, path);
    late.object = dlopen(path, RTLD_LAZY);
    assert_non_null(late.object);
    late.read = (read_fn *)dlsym(late.object, "late_read");
    late.read_of_data =
        (void *(*)(void))dlsym(late.object, "late_read_of_data");
    late.data = (const void *(*)(void))dlsym(late.object, "late_data");
    return late;
}

#define LAZY "libmonkey-late-lazy.so"
#define NOW  "libmonkey-late-now.so"

static const char *const late_names[] = {LAZY, NOW};

/* How the page is mapped, as "r--p". */
static void protection_of(const void *address, char text[8])
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];

    text[0] = '\0';
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *end;
        uintptr_t low = strtoull(line, &end, 16);
        uintptr_t high = strtoull(end + 1, &end, 16);

        if ((uintptr_t)address >= low && (uintptr_t)address < high)
            snprintf(text, 8, "%.4s", end + 1);
    }
    fclose(maps);
}

static void assert_protection(const void *address, const char *expected)
{
    char text[8];

    protection_of(address, text);
    assert_string_equal(text, expected);
}

TEST(P9_what_the_loader_has_sealed_is_written_and_sealed_again)
{
    void *original = thrum_monkey_original("read");

    for (int i = 0; i < 2; i++) {
        struct late late = late_load(late_names[i]);

        assert_protection(late.data(), "r--p");
        assert_ptr_equal(late.read_of_data(), original);
        patch_all();
        assert_ptr_not_equal(late.read_of_data(), original);
        assert_protection(late.data(), "r--p");
        unpatch_all();
        assert_ptr_equal(late.read_of_data(), original);
        assert_protection(late.data(), "r--p");
        dlclose(late.object);
    }
}

TEST(P1_objects_that_come_later_are_patched_when_they_come)
{
    void *original = thrum_monkey_original("read");

    for (int i = 0; i < 2; i++) {
        struct late late;

        patch_all();
        late = late_load(late_names[i]);
        assert_ptr_not_equal(late.read_of_data(), original);
        assert_int_equal(thrum_monkey_check(), 0);
        dlclose(late.object);
        assert_int_equal(thrum_monkey_check(), 0);
        late = late_load(late_names[1 - i]);
        unpatch_all();
        assert_ptr_equal(late.read_of_data(), original);
        dlclose(late.object);
        patch_all();
        unpatch_all();
    }
}

static atomic_bool late_over;

/* The first call of each thread binds the slot, if the other has not. */
static void *call_late(void *arg)
{
    read_fn *fn = ((struct late *)arg)->read;
    char byte;

    do {
        errno = 0;
        CHECK_INT(fn(-1, &byte, 1), -1);
        CHECK_INT(errno, EBADF);
    } while (!atomic_load(&late_over));
    return NULL;
}

TEST(P1_slots_may_be_bound_while_they_are_patched)
{
    unsigned rounds = test_scale(50);

    for (unsigned i = 0; i < rounds; i++) {
        struct late late = late_load(LAZY);
        struct test_thread *one;
        struct test_thread *two;

        atomic_store(&late_over, false);
        one = spawn_thread(call_late, &late);
        two = spawn_thread(call_late, &late);
        for (int j = 0; j < 4; j++) {
            patch_all();
            unpatch_all();
        }
        patch_all();
        atomic_store(&late_over, true);
        join_thread(one);
        join_thread(two);
        (void)thrum_monkey_check();
        assert_int_equal(thrum_monkey_check(), 0);
        unpatch_all();
        dlclose(late.object);
    }
}

static void *load_late_often(void *path)
{
    do {
        void *object = dlopen(path, RTLD_NOW);

        if (!CHECK(object != NULL))
            break;
        dlclose(object);
    } while (!atomic_load(&late_over));
    return NULL;
}

/* The loader writes to what it makes read-only in the end. */
TEST(P9_nothing_is_sealed_before_its_object_is_loaded)
{
    unsigned rounds = test_scale(300);
    struct test_thread *thread;
    char path[LATE_PATH];

    late_find(NOW, path);
    atomic_store(&late_over, false);
    thread = spawn_thread(load_late_often, path);
    for (unsigned i = 0; i < rounds; i++) {
        patch_all();
        unpatch_all();
    }
    atomic_store(&late_over, true);
    join_thread(thread);
}

TEST(P1_another_namespace_is_left_alone)
{
    struct late late = late_load(NOW);
    struct link_map *map = NULL;
    void *(*of_data)(void);
    void *hook;
    void *apart;

    assert_int_equal(dlinfo(late.object, RTLD_DI_LINKMAP, &map), 0);
    if (TEST_ASAN || TEST_TSAN) {
        dlclose(late.object);
        TEST_SKIP("a sanitizer's runtime cannot be loaded twice");
    }
    apart = dlmopen(LM_ID_NEWLM, map->l_name, RTLD_NOW);
    assert_non_null(apart);
    patch_all();
    hook = late.read_of_data();
    of_data = (void *(*)(void))dlsym(apart, "late_read_of_data");
    assert_ptr_not_equal(of_data(), hook);
    assert_ptr_not_equal(of_data(), thrum_monkey_original("read"));
    unpatch_all();
    dlclose(apart);
    dlclose(late.object);
}

/* ---- P2, P7, P12 ---- */

TEST(P2_what_is_in_two_families_stays_for_the_other)
{
    assert_int_equal(
        thrum_monkey_patch(THRUM_MONKEY_SOCKET | THRUM_MONKEY_FILE), 0);
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_SOCKET), 0);
    assert_false(thrum_monkey_is_patched("recv"));
    assert_true(thrum_monkey_is_patched("read"));
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_TIME), 0);
    assert_true(thrum_monkey_is_patched("read"));
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_FILE), 0);
    assert_false(thrum_monkey_is_patched("read"));
    assert_int_equal(thrum_monkey_unpatch(THRUM_MONKEY_ALL), 0);
    assert_int_equal(thrum_monkey_unpatch(1u << 30), -EINVAL);
}

TEST(P7_the_original_is_what_the_slot_has_resolved_to)
{
    static const char *const names[] = {"read", "write", "close", "connect"};

    for (int i = 0; i < 4; i++)
        assert_ptr_equal(thrum_monkey_original(names[i]),
                         dlsym(RTLD_DEFAULT, names[i]));
    assert_ptr_equal(thrum_monkey_original("__read"),
                     dlsym(RTLD_DEFAULT, "__read"));
}

TEST(P12_dlsym_answers_hooked_names_but_not_the_next)
{
    void *original = thrum_monkey_original("read");
    void *next = dlsym(RTLD_NEXT, "read");
    struct late late = late_load(NOW);
    void *program = dlopen(NULL, RTLD_LAZY);
    void *found = dlsym(late.object, "read"); /* may not be the interceptor */
    void *hook;

    patch_all();
    hook = late.read_of_data();
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "read"), hook);
    assert_ptr_equal(dlsym(program, "read"), hook);
    assert_ptr_equal(dlsym(late.object, "read"),
                     found == original ? hook : found);
    assert_ptr_equal(dlsym(RTLD_NEXT, "read"), next);
    assert_ptr_equal(dlsym(late.object, "late_read"), (void *)late.read);
    assert_null(dlsym(late.object, "no such function"));
    assert_non_null(dlerror());
    unpatch_all();
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "read"), original);
    dlclose(program);
    dlclose(late.object);
}

/* ---- P9: where pages may not be made writable ---- */

/* mprotect() with PROT_WRITE is EACCES from now on. */
static int forbid_writable(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_WRITE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static char *report(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    CHECK_INT(thrum_monkey_report(stream), 0);
    fclose(stream);
    return text;
}

static int patch_in_vain(void *arg)
{
    char *before = report();
    char *after;

    (void)arg;
    CHECK_INT(forbid_writable(), 0);
    CHECK_INT(thrum_monkey_patch_all(), -EACCES);
    CHECK_INT(thrum_monkey_patch(THRUM_MONKEY_SOCKET), -EACCES);
    CHECK(!thrum_monkey_is_patched("read"));
    after = report();
    CHECK(strcmp(before, after) == 0);
    CHECK((void *)in_data == thrum_monkey_original("read"));
    free(before);
    free(after);
    return 0;
}

TEST(P9_nothing_is_half_patched)
{
    struct late lazy;

    if (TEST_TSAN)
        TEST_SKIP("ThreadSanitizer has locks of its own in a child");
    lazy = late_load(LAZY);
    assert_int_equal(in_child(patch_in_vain, NULL), 0);
    dlclose(lazy.object);
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
