/* SPDX-License-Identifier: MIT */
/*
 * test/real/mariadb_test.c - libmariadb against a MariaDB server.
 *
 * Those that wait for a lock of the server's do so all at once: it is given
 * free when the server counts them all.
 */
#include <errno.h>
#include <mysql.h>
#include <stdio.h>

#include "clients.h"
#include "servers.h"

static bool maria_good(MYSQL *maria, int rc, const char *what)
{
    if (!CHECK_INT(rc, 0))
        fprintf(stderr, "# %s: %s\n", what, mysql_error(maria));
    return rc == 0;
}

static MYSQL *maria_open(void)
{
    MYSQL *maria = mysql_init(NULL);
    unsigned port =
        (unsigned)strtoul(server_variable("MARIADB_PORT"), NULL, 10);

    if (!CHECK(mysql_real_connect(maria, "127.0.0.1", "root", "", NULL, port,
                                  NULL, 0) != NULL))
        fprintf(stderr, "# %s\n", mysql_error(maria));
    return maria;
}

/* A statement whose result is one value, which is copied. */
static void maria_ask(MYSQL *maria, const char *query, char *text, size_t size)
{
    MYSQL_RES *result;
    MYSQL_ROW row;

    snprintf(text, size, "nothing");
    if (!maria_good(maria, mysql_query(maria, query), query))
        return;
    result = mysql_store_result(maria);
    if (!CHECK(result != NULL))
        return;
    row = mysql_fetch_row(result);
    if (row != NULL && row[0] != NULL)
        snprintf(text, size, "%s", row[0]);
    mysql_free_result(result);
}

static void maria_do(MYSQL *maria, const char *query)
{
    maria_good(maria, mysql_query(maria, query), query);
}

/* How many sessions are in that state. */
static long maria_in_state(MYSQL *maria, const char *state)
{
    char query[200];
    char text[20];

    snprintf(query, sizeof(query),
             "select count(*) from information_schema.processlist "
             "where state = '%s'",
             state);
    maria_ask(maria, query, text, sizeof(text));
    return strtol(text, NULL, 10);
}

/* ---- all at once, as the server says ---- */

struct visitor {
    int number;
    char answer[40];
};

static MYSQL *visitor_keeper; /* has the lock */

static void *visitor_run(void *arg)
{
    struct visitor *visitor = arg;
    MYSQL *maria = maria_open();
    char query[120];
    char text[20];

    maria_ask(maria, "select get_lock('door', 600)", text, sizeof(text));
    maria_ask(maria, "select release_lock('door')", text, sizeof(text));
    snprintf(query, sizeof(query), "select concat('number ', %d)",
             visitor->number);
    maria_ask(maria, query, visitor->answer, sizeof(visitor->answer));
    mysql_close(maria);
    mysql_thread_end();
    return visitor;
}

static void visitor_watch(void *items, size_t n)
{
    char text[20];

    CREW_AWAIT(maria_in_state(visitor_keeper, "User lock") == (long)n);
    maria_ask(visitor_keeper, "select release_lock('door')", text,
              sizeof(text));
}

/* The lock is taken before any of the crew begins. */
static void visitor_work(bool green, struct visitor *items, size_t n)
{
    struct crew crew;
    char text[20];

    maria_ask(visitor_keeper, "select get_lock('door', 0)", text, sizeof(text));
    CHECK(strcmp(text, "1") == 0);
    for (size_t i = 0; i < n; i++)
        items[i].number = (int)i;
    if (green)
        crew_greenlets(&crew, n);
    else
        crew_threads(&crew, n);
    crew_work(&crew, visitor_run, items, sizeof(*items), visitor_watch);
}

TEST(all_wait_in_the_server_at_once)
{
    struct visitor items[2][100];
    size_t n = test_scale(100);

    NEED_SERVER("mariadb");
    memset(items, 0, sizeof(items));
    visitor_keeper = maria_open();
    visitor_work(false, items[0], n);
    visitor_work(true, items[1], n);
    mysql_close(visitor_keeper);
    assert_memory_equal(items[0], items[1], sizeof(items[0]));
    assert_string_equal(items[1][0].answer, "number 0");
}

/* ---- rows in both directions ---- */

struct table {
    int number;
    int rows;
    int back;
    unsigned digest;
};

/* One statement of several hundred KiB. */
static void table_fill(MYSQL *maria, const struct table *table)
{
    size_t room = 100 + (size_t)table->rows * 120;
    char *query = malloc(room);
    size_t n = 0;

    if (!CHECK(query != NULL))
        return;
    n += (size_t)snprintf(query, room, "insert into things values ");
    for (int i = 0; i < table->rows; i++)
        n += (size_t)snprintf(query + n, room - n, "%s(%d, 'of %d: %080d')",
                              i == 0 ? "" : ",", i, table->number, i);
    maria_good(maria, mysql_real_query(maria, query, n), "insert");
    free(query);
}

/* Row by row, as they come. */
static void table_read(MYSQL *maria, struct table *table)
{
    MYSQL_RES *result;
    MYSQL_ROW row;

    maria_do(maria, "select what from things order by i");
    result = mysql_use_result(maria);
    if (!CHECK(result != NULL))
        return;
    while ((row = mysql_fetch_row(result)) != NULL) {
        for (const char *at = row[0]; *at != '\0'; at++)
            table->digest = table->digest * 31 + (unsigned char)*at;
        table->back++;
    }
    CHECK_INT(mysql_errno(maria), 0);
    mysql_free_result(result);
}

static void *table_run(void *arg)
{
    struct table *table = arg;
    MYSQL *maria = maria_open();

    maria_do(maria, "create database if not exists thrum");
    maria_do(maria, "use thrum");
    maria_do(maria, "create temporary table things (i int, what varchar(100)) "
                    "engine=memory");
    table_fill(maria, table);
    table_read(maria, table);
    mysql_close(maria);
    mysql_thread_end();
    return table;
}

TEST(rows_go_in_and_come_out)
{
    struct table items[8];
    struct work work = {table_run, NULL, sizeof(*items), 8};
    int rows = (int)test_scale(5000);

    NEED_SERVER("mariadb");
    memset(items, 0, sizeof(items));
    for (int i = 0; i < 8; i++) {
        items[i].number = i;
        items[i].rows = rows;
    }
    crew_compare(&work, items);
    for (int i = 0; i < 8; i++)
        assert_int_equal(items[i].back, rows);
}

/* ---- ended from outside ---- */

static void *sleep_for_ever(void *arg)
{
    MYSQL *maria = maria_open();

    CHECK(mysql_query(maria, "select sleep(600)") != 0);
    mysql_close(maria);
    return NULL;
}

/* The server looks only now and then whether a client that sleeps is there. */
static void sleep_end(MYSQL *maria)
{
    char query[60];
    char id[20];

    maria_ask(maria,
              "select id from information_schema.processlist "
              "where state = 'User sleep'",
              id, sizeof(id));
    snprintf(query, sizeof(query), "kill %s", id);
    maria_do(maria, query);
    CREW_AWAIT(maria_in_state(maria, "User sleep") == 0);
}

TEST(a_killed_one_can_close_its_connection)
{
    thrum_future *future;
    MYSQL *maria;

    NEED_SERVER("mariadb");
    maria = maria_open();
    future = spawn_large(sleep_for_ever, NULL);
    CREW_AWAIT(maria_in_state(maria, "User sleep") == 1);
    spawn_kill(future);
    sleep_end(maria);
    mysql_close(maria);
}

static void *sleep_with_patience(void *arg)
{
    MYSQL *maria = maria_open();
    char text[20];

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(50))
        CHECK(mysql_query(maria, "select sleep(600)") != 0);
    CHECK(thrum_expired(&limit));
    mysql_close(maria);
    maria = maria_open();
    sleep_end(maria);
    maria_ask(maria, "select 42", text, sizeof(text));
    CHECK(strcmp(text, "42") == 0);
    mysql_close(maria);
    return arg;
}

TEST(the_server_can_be_used_again_after_a_deadline)
{
    int something = 0;

    NEED_SERVER("mariadb");
    spawn_join(spawn_large(sleep_with_patience, &something));
}

CLIENT_MAIN("real/mariadb")
