/* SPDX-License-Identifier: MIT */
/*
 * save_test.c - file names that a URL cannot misuse.
 */
#include "thrum_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "save.h"

static void assert_name(const char *url, const char *expected)
{
    char name[SAVE_NAME_MAX];

    save_name(url, name);
    assert_string_equal(name, expected);
}

TEST(the_last_part_is_the_name)
{
    assert_name("http://a/b/page.html", "page.html");
    assert_name("http://a/b/page.html?x=/y#z", "page.html");
    assert_name("a/b/page.html", "page.html");
}

TEST(a_folder_is_its_index)
{
    assert_name("http://a", "index.html");
    assert_name("http://a/", "index.html");
    assert_name("http://a/b/?c", "index.html");
    assert_name("", "index.html");
}

TEST(nothing_leaves_the_directory)
{
    assert_name("http://a/..", "_.");
    assert_name("http://a/.", "_");
    assert_name("http://a/b/..\\..\\c", "_._.._c");
    assert_name("http://a/%2e%2e%2fpasswd", "_2e_2e_2fpasswd");
}

TEST(a_name_is_neither_hidden_nor_an_option)
{
    assert_name("http://a/.bashrc", "_bashrc");
    assert_name("http://a/-rf", "_rf");
}

TEST(what_is_no_plain_character_is_replaced)
{
    assert_name("http://a/a b\033\xC3\xA9*", "a_b____");
}

TEST(a_long_name_is_cut)
{
    char url[1000];
    char name[SAVE_NAME_MAX];

    memset(url, 'x', sizeof(url));
    memcpy(url, "http://a/", 9);
    url[sizeof(url) - 1] = '\0';
    save_name(url, name);
    assert_true(strlen(name) < SAVE_NAME_MAX);
}

static void assert_numbered(const char *name, unsigned again,
                            const char *expected)
{
    char numbered[SAVE_NAME_MAX + 48];

    save_number_name(name, 2, again, numbered, sizeof(numbered));
    assert_string_equal(numbered, expected);
}

TEST(the_number_stands_before_the_ending)
{
    assert_numbered("a.txt", 0, "a-2.txt");
    assert_numbered("a.txt", 1, "a-2-1.txt");
    assert_numbered("a", 0, "a-2");
}

/* ---- files ---- */

struct folder {
    char path[64];
    struct save_dir *dir;
};

static void folder_open(struct folder *folder)
{
    snprintf(folder->path, sizeof(folder->path), "/tmp/thrum-save-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    assert_int_equal(save_dir_open(folder->path, &folder->dir), 0);
}

static void folder_unlink(struct folder *folder, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    assert_int_equal(unlink(path), 0);
}

static void folder_close(struct folder *folder)
{
    save_dir_close(folder->dir);
    assert_int_equal(rmdir(folder->path), 0); /* so there is nothing left */
}

static void folder_save(struct folder *folder, size_t index)
{
    char url[] = "http://a/b.txt";
    struct fetch_record record = {.index = index, .url = url};
    struct save_file file;

    assert_int_equal(save_open(folder->dir, &file), 0);
    assert_int_equal(save_write(&file, "body", 4), 0);
    assert_int_equal(save_keep(&file, &record), 0);
    save_close(&file);
}

TEST(a_name_that_is_taken_gets_a_number)
{
    struct folder folder;

    folder_open(&folder);
    folder_save(&folder, 0);
    folder_save(&folder, 1);
    folder_save(&folder, 1);
    folder_unlink(&folder, "b.txt");
    folder_unlink(&folder, "b-2.txt");
    folder_unlink(&folder, "b-2-1.txt");
    folder_close(&folder);
}

TEST(what_is_not_kept_is_gone)
{
    struct folder folder;
    struct save_file file;

    folder_open(&folder);
    assert_int_equal(save_open(folder.dir, &file), 0);
    assert_int_equal(save_write(&file, "half", 4), 0);
    save_close(&file);
    folder_close(&folder);
}

TEST_MAIN("save")
