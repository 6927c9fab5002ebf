/* SPDX-License-Identifier: MIT */
/*
 * test/real/sqlite_test.c - SQLite, with writers that want the same file.
 *
 * Who finds the file locked sleeps in SQLite, and tries again. On one thread it
 * is free again only if that sleep lets the one that has it go on.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "clients.h"

#define PATIENCE_MS 600000

static struct {
    char folder[100];
    char path[120];
} base;

static bool lite_good(sqlite3 *lite, int rc, const char *what)
{
    if (!CHECK_INT(rc, SQLITE_OK))
        fprintf(stderr, "# %s: %s\n", what, sqlite3_errmsg(lite));
    return rc == SQLITE_OK;
}

static void lite_do(sqlite3 *lite, const char *query)
{
    lite_good(lite, sqlite3_exec(lite, query, NULL, NULL, NULL), query);
}

static sqlite3 *lite_open(int patience_ms)
{
    sqlite3 *lite = NULL;

    lite_good(lite, sqlite3_open(base.path, &lite), base.path);
    sqlite3_busy_timeout(lite, patience_ms);
    return lite;
}

/* The first value of the first row. */
static void lite_ask(sqlite3 *lite, const char *query, char *text, size_t size)
{
    sqlite3_stmt *statement = NULL;

    snprintf(text, size, "nothing");
    if (!lite_good(lite, sqlite3_prepare_v2(lite, query, -1, &statement, NULL),
                   query))
        return;
    if (CHECK_INT(sqlite3_step(statement), SQLITE_ROW))
        snprintf(text, size, "%s",
                 (const char *)sqlite3_column_text(statement, 0));
    lite_good(lite, sqlite3_finalize(statement), query);
}

static void base_begin(const char *mode)
{
    const char *parent = getenv("TMPDIR");
    char query[100];
    sqlite3 *lite;

    snprintf(base.folder, sizeof(base.folder), "%s/thrum-sqlite-XXXXXX",
             parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(base.folder));
    snprintf(base.path, sizeof(base.path), "%s/base", base.folder);
    lite = lite_open(0);
    snprintf(query, sizeof(query), "pragma journal_mode = %s", mode);
    lite_do(lite, query);
    lite_do(lite, "create table things (writer int, i int)");
    lite_good(lite, sqlite3_close(lite), "close");
}

/* A journal is left by one that was killed: it is void, but it could not remove
 * it any more. */
static void base_end(bool killed)
{
    char path[130];

    snprintf(path, sizeof(path), "%s-journal", base.path);
    if (killed)
        unlink(path);
    unlink(base.path);
    assert_int_equal(rmdir(base.folder), 0);
}

/* ---- contending writers ---- */

struct writer {
    int number;
    int rows;
    char total[20]; /* what it saw of its own at the end */
};

static struct crowd writers;

static void writer_insert(sqlite3 *lite, const struct writer *writer, int i)
{
    char query[100];

    crowd_enter(&writers);
    lite_do(lite, "begin immediate");
    snprintf(query, sizeof(query), "insert into things values (%d, %d)",
             writer->number, i);
    lite_do(lite, query);
    usleep(200); /* with the lock: the others go on, and find it taken */
    lite_do(lite, "commit");
    crowd_leave(&writers);
}

static void *writer_run(void *arg)
{
    struct writer *writer = arg;
    sqlite3 *lite = lite_open(PATIENCE_MS);
    char query[100];

    for (int i = 0; i < writer->rows; i++)
        writer_insert(lite, writer, i);
    snprintf(query, sizeof(query),
             "select count(*) * 1000000 + sum(i) from things where writer = %d",
             writer->number);
    lite_ask(lite, query, writer->total, sizeof(writer->total));
    lite_good(lite, sqlite3_close(lite), "close");
    return writer;
}

static void writer_work(bool green, struct writer *items, size_t n,
                        const char *mode)
{
    struct crew crew;
    sqlite3 *lite;
    char text[40];

    base_begin(mode);
    if (green)
        crew_greenlets(&crew, n);
    else
        crew_threads(&crew, n);
    atomic_store(&writers.most, 0);
    crew_work(&crew, writer_run, items, sizeof(*items), NULL);
    lite = lite_open(0);
    lite_ask(lite, "pragma integrity_check", text, sizeof(text));
    CHECK(strcmp(text, "ok") == 0);
    lite_ask(lite, "select count(*) from things", text, sizeof(text));
    CHECK_INT(strtol(text, NULL, 10), (long)n * items[0].rows);
    lite_good(lite, sqlite3_close(lite), "close");
    base_end(false);
    /* a greenlet that has the lock gives its turn away before the next one
     * wants it, so all of them come to wait */
    if (green)
        CHECK_INT(atomic_load(&writers.most), (long)n);
}

static void writer_compare(const char *mode)
{
    struct writer items[2][8];
    int rows = (int)test_scale(6);

    memset(items, 0, sizeof(items));
    for (int i = 0; i < 8; i++) {
        items[0][i].number = items[1][i].number = i;
        items[0][i].rows = items[1][i].rows = rows;
    }
    writer_work(false, items[0], 8, mode);
    writer_work(true, items[1], 8, mode);
    assert_memory_equal(items[0], items[1], sizeof(items[0]));
}

TEST(writers_contend_for_a_file_with_a_journal)
{
    writer_compare("delete");
}

TEST(writers_contend_for_a_file_with_a_log)
{
    writer_compare("wal");
}

/* ---- the file stays locked ---- */

static struct {
    atomic_int waits; /* somebody has begun to wait */
    bool has_deadline;
} wait;

static sqlite3 *wait_begin(void)
{
    sqlite3 *keeper;

    base_begin("delete");
    atomic_store(&wait.waits, 0);
    keeper = lite_open(0);
    lite_do(keeper, "begin immediate");
    return keeper;
}

static void wait_end(sqlite3 *keeper)
{
    lite_do(keeper, "commit");
    lite_good(keeper, sqlite3_close(keeper), "close");
    base_end(false);
}

struct short_wait {
    int rc;
    int extended;
};

static void *wait_shortly(void *arg)
{
    struct short_wait *item = arg;
    sqlite3 *lite = lite_open(30);

    item->rc = sqlite3_exec(lite, "begin immediate", NULL, NULL, NULL);
    item->extended = sqlite3_extended_errcode(lite);
    lite_good(lite, sqlite3_close(lite), "close");
    return item;
}

TEST(a_busy_timeout_expires)
{
    struct short_wait items[5];
    struct work work = {wait_shortly, NULL, sizeof(*items), 5};
    sqlite3 *keeper = wait_begin();

    memset(items, 0, sizeof(items));
    crew_compare(&work, items);
    wait_end(keeper);
    for (int i = 0; i < 5; i++)
        assert_int_equal(items[i].rc, SQLITE_BUSY);
}

/* SQLite asks no sleep how it ended: it tries as often as it would have in that
 * time, and then is busy. What it reads from the file fails too. */
static bool wait_was_in_vain(int rc)
{
    return rc == SQLITE_BUSY || rc == SQLITE_IOERR;
}

static void *wait_long(void *arg)
{
    sqlite3 *lite = lite_open(20000);
    thrum_time deadline = wait.has_deadline ? thrum_in_ms(50) : THRUM_FOREVER;

    atomic_store(&wait.waits, 1);
    THRUM_WITH_DEADLINE(limit, deadline)
        CHECK(wait_was_in_vain(
            sqlite3_exec(lite, "begin immediate", NULL, NULL, NULL)));
    CHECK(thrum_expired(&limit) == wait.has_deadline);
    lite_good(lite, sqlite3_close(lite), "close");
    return wait.has_deadline ? arg : NULL;
}

TEST(a_killed_one_can_close_its_connection)
{
    sqlite3 *keeper = wait_begin();
    thrum_future *future;

    wait.has_deadline = false;
    future = spawn_large(wait_long, NULL);
    CREW_AWAIT(atomic_load(&wait.waits) == 1);
    spawn_kill(future);
    wait_end(keeper);
}

TEST(a_deadline_ends_a_wait_for_the_file)
{
    sqlite3 *keeper = wait_begin();

    wait.has_deadline = true;
    spawn_join(spawn_large(wait_long, keeper));
    wait_end(keeper);
}

/* ---- ended with the lock ---- */

/* Whether it is committed, it may not be able to tell any more. */
static void *write_for_ever(void *arg)
{
    bool *committed = arg;
    sqlite3 *lite = lite_open(0);

    lite_do(lite, "begin immediate");
    lite_do(lite, "insert into things values (1, 1)");
    atomic_store(&wait.waits, 1);
    CHECK(sleep(600) > 0);
    *committed = sqlite3_exec(lite, "commit", NULL, NULL, NULL) == SQLITE_OK;
    lite_good(lite, sqlite3_close(lite), "close");
    return NULL;
}

TEST(a_killed_one_leaves_a_file_that_is_whole)
{
    bool committed = false;
    thrum_future *future;
    sqlite3 *lite;
    char text[40];

    base_begin("delete");
    atomic_store(&wait.waits, 0);
    future = spawn_large(write_for_ever, &committed);
    CREW_AWAIT(atomic_load(&wait.waits) == 1);
    spawn_kill(future);
    lite = lite_open(0);
    lite_do(lite, "begin immediate"); /* nobody has it locked */
    lite_ask(lite, "pragma integrity_check", text, sizeof(text));
    CHECK(strcmp(text, "ok") == 0);
    lite_ask(lite, "select count(*) from things", text, sizeof(text));
    CHECK(strcmp(text, committed ? "1" : "0") == 0);
    lite_do(lite, "commit");
    lite_good(lite, sqlite3_close(lite), "close");
    base_end(true);
}

CLIENT_MAIN("real/sqlite")
