/* SPDX-License-Identifier: MIT */
/*
 * test/real/pq_test.c - libpq against a PostgreSQL server.
 *
 * Each task has a connection of its own. Those that wait for an advisory lock
 * do so all at once: it is given free when the server counts them all.
 */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>

#include "clients.h"
#include "servers.h"

static PGconn *pq_open(void)
{
    PGconn *pq = PQconnectdb("");

    if (!CHECK_INT(PQstatus(pq), CONNECTION_OK))
        fprintf(stderr, "# %s", PQerrorMessage(pq));
    return pq;
}

/* A statement whose result is one value, or none, which is copied. */
static bool pq_ask(PGconn *pq, const char *query, char *text, size_t size)
{
    PGresult *result = PQexec(pq, query);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

    if (!CHECK(good))
        fprintf(stderr, "# %s: %s", query, PQerrorMessage(pq));
    if (text != NULL)
        snprintf(text, size, "%s",
                 PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return good;
}

static bool pq_do(PGconn *pq, const char *query)
{
    return pq_ask(pq, query, NULL, 0);
}

/* How many sessions wait, for the event of that name. */
static long pq_waiting(PGconn *pq, const char *event)
{
    char query[200];
    char text[20];

    snprintf(query, sizeof(query),
             "select count(*) from pg_stat_activity where wait_event = '%s'",
             event);
    pq_ask(pq, query, text, sizeof(text));
    return strtol(text, NULL, 10);
}

/* ---- many queries at once ---- */

#define QUERIES 5

struct sleeper {
    int number;
    int rows;
    char text[40];
};

static struct crowd sleepers;

static void *sleeper_run(void *arg)
{
    struct sleeper *sleeper = arg;
    PGconn *pq = pq_open();
    char query[100];
    char text[40] = "";

    snprintf(query, sizeof(query),
             "select pg_sleep(0.1), %d * 7, 'of '::text || %d", sleeper->number,
             sleeper->number);
    crowd_enter(&sleepers);
    for (int i = 0; i < QUERIES; i++) {
        PGresult *result = PQexec(pq, query);

        sleeper->rows += PQntuples(result);
        snprintf(text, sizeof(text), "%s %s", PQgetvalue(result, 0, 1),
                 PQgetvalue(result, 0, 2));
        PQclear(result);
    }
    crowd_leave(&sleepers);
    memcpy(sleeper->text, text, sizeof(text));
    PQfinish(pq);
    return sleeper;
}

/* Greenlets have not begun yet: what is counted in the end is theirs alone. */
static void sleeper_watch(void *items, size_t n)
{
    atomic_store(&sleepers.most, 0);
}

TEST(a_thousand_queries_over_200_connections_on_one_thread)
{
    struct sleeper items[200];
    struct work work = {sleeper_run, sleeper_watch, sizeof(*items),
                        test_scale(200)};

    NEED_SERVER("postgres");
    memset(items, 0, sizeof(items));
    for (int i = 0; i < 200; i++)
        items[i].number = i;
    crew_compare(&work, items);
    for (size_t i = 0; i < work.n; i++)
        assert_int_equal(items[i].rows, QUERIES);
    assert_string_equal(items[3].text, "21 of 3");
    /* what many threads do at once, one does too */
    assert_true(atomic_load(&sleepers.most) > 1);
}

/* ---- all at once, as the server says ---- */

#define DOOR "4711"

struct visitor {
    char passed[20];
};

static void *visitor_run(void *arg)
{
    struct visitor *visitor = arg;
    PGconn *pq = pq_open();

    pq_do(pq, "select pg_advisory_lock_shared(" DOOR ")");
    pq_ask(pq, "select 'through'", visitor->passed, sizeof(visitor->passed));
    PQfinish(pq);
    return visitor;
}

static PGconn *visitor_keeper; /* has the lock */

static void visitor_watch(void *items, size_t n)
{
    CREW_AWAIT(pq_waiting(visitor_keeper, "advisory") == (long)n);
    pq_do(visitor_keeper, "select pg_advisory_unlock(" DOOR ")");
}

/* The lock is taken before any of the crew begins. */
static void visitor_compare(bool green, struct visitor *items, size_t n)
{
    struct crew crew;

    pq_do(visitor_keeper, "select pg_advisory_lock(" DOOR ")");
    if (green)
        crew_greenlets(&crew, n);
    else
        crew_threads(&crew, n);
    crew_work(&crew, visitor_run, items, sizeof(*items), visitor_watch);
    for (size_t i = 0; i < n; i++)
        CHECK(strcmp(items[i].passed, "through") == 0);
}

TEST(all_wait_in_the_server_at_once)
{
    struct visitor items[2][60];
    size_t n = test_scale(60);

    NEED_SERVER("postgres");
    memset(items, 0, sizeof(items));
    visitor_keeper = pq_open();
    visitor_compare(false, items[0], n);
    visitor_compare(true, items[1], n);
    PQfinish(visitor_keeper);
    assert_memory_equal(items[0], items[1], sizeof(items[0]));
}

/* ---- COPY ---- */

struct copier {
    int number;
    int lines;       /* that go in */
    int back;        /* that come out */
    unsigned digest; /* of what comes out, in its order */
};

static void copier_in(PGconn *pq, const struct copier *copier)
{
    char line[200];

    PQclear(PQexec(pq, "copy things from stdin"));
    for (int i = 0; i < copier->lines; i++) {
        int n = snprintf(line, sizeof(line), "%d\tthing %d of %d, %0100d\n", i,
                         i, copier->number, i);

        if (!CHECK_INT(PQputCopyData(pq, line, n), 1))
            return;
    }
    CHECK_INT(PQputCopyEnd(pq, NULL), 1);
}

static void copier_out(PGconn *pq, struct copier *copier)
{
    char *line = NULL;
    int n;

    PQclear(PQexec(pq, "copy (select * from things order by i) to stdout"));
    while ((n = PQgetCopyData(pq, &line, 0)) > 0) {
        for (int i = 0; i < n; i++)
            copier->digest = copier->digest * 31 + (unsigned char)line[i];
        copier->back++;
        PQfreemem(line);
    }
    CHECK_INT(n, -1);
}

/* What remains of a statement that has several results. */
static void copier_finish(PGconn *pq, ExecStatusType expected)
{
    PGresult *result;

    while ((result = PQgetResult(pq)) != NULL) {
        if (!CHECK_INT(PQresultStatus(result), expected))
            fprintf(stderr, "# %s", PQerrorMessage(pq));
        PQclear(result);
    }
}

static void *copier_run(void *arg)
{
    struct copier *copier = arg;
    PGconn *pq = pq_open();

    pq_do(pq, "create temporary table things (i int, what text)");
    copier_in(pq, copier);
    copier_finish(pq, PGRES_COMMAND_OK);
    copier_out(pq, copier);
    copier_finish(pq, PGRES_COMMAND_OK);
    PQfinish(pq);
    return copier;
}

TEST(copy_in_and_copy_out)
{
    struct copier items[8];
    struct work work = {copier_run, NULL, sizeof(*items), 8};
    int lines = (int)test_scale(10000);

    NEED_SERVER("postgres");
    memset(items, 0, sizeof(items));
    for (int i = 0; i < 8; i++) {
        items[i].number = i;
        items[i].lines = lines;
    }
    crew_compare(&work, items);
    for (int i = 0; i < 8; i++)
        assert_int_equal(items[i].back, lines);
}

/* ---- LISTEN and NOTIFY ---- */

#define NEWS 5

struct listener {
    int count;
    char last[20];
};

static atomic_int listening;

static void listener_take(PGconn *pq, struct listener *listener)
{
    PGnotify *news;

    while ((news = PQnotifies(pq)) != NULL) {
        snprintf(listener->last, sizeof(listener->last), "%s", news->extra);
        listener->count++;
        PQfreemem(news);
    }
}

/* As the manual of libpq does it: wait for the socket, then look. */
static void *listener_run(void *arg)
{
    struct listener *listener = arg;
    PGconn *pq = pq_open();
    struct pollfd wait = {.fd = PQsocket(pq), .events = POLLIN};

    pq_do(pq, "listen news");
    atomic_fetch_add(&listening, 1);
    while (strcmp(listener->last, "end") != 0) {
        if (!CHECK_INT(poll(&wait, 1, -1), 1) ||
            !CHECK_INT(PQconsumeInput(pq), 1))
            break;
        listener_take(pq, listener);
    }
    PQfinish(pq);
    return listener;
}

static void listener_watch(void *items, size_t n)
{
    PGconn *pq = pq_open();
    char query[60];

    CREW_AWAIT(atomic_load(&listening) == (int)n);
    for (int i = 0; i < NEWS; i++) {
        snprintf(query, sizeof(query), "notify news, 'number %d'", i);
        pq_do(pq, query);
    }
    pq_do(pq, "notify news, 'end'");
    PQfinish(pq);
    atomic_store(&listening, 0);
}

TEST(listeners_get_every_notification)
{
    struct listener items[20];
    struct work work = {listener_run, listener_watch, sizeof(*items), 20};

    NEED_SERVER("postgres");
    memset(items, 0, sizeof(items));
    crew_compare(&work, items);
    for (int i = 0; i < 20; i++)
        assert_int_equal(items[i].count, NEWS + 1);
}

/* ---- ended by PQcancel() ---- */

#define VICTIMS 5

struct victim {
    char state[8]; /* the SQLSTATE that the query ended with */
    PGcancel *cancel;
};

static atomic_int victims_cancelled;

/* The server signals a session twice, once as a process and once as the leader of
 * its group. The second signal may come when the first has been answered, and
 * would end what the session does next. */
static void victim_goes_on(PGconn *pq)
{
    CREW_AWAIT(atomic_load(&victims_cancelled) == VICTIMS);
    pq_do(pq, "select 1");
}

static void *victim_run(void *arg)
{
    struct victim *victim = arg;
    PGconn *pq = pq_open();
    PGresult *result;

    victim->cancel = PQgetCancel(pq);
    result = PQexec(pq, "select pg_sleep(600)");
    snprintf(victim->state, sizeof(victim->state), "%s",
             PQresultErrorField(result, PG_DIAG_SQLSTATE));
    PQclear(result);
    victim_goes_on(pq);
    PQfreeCancel(victim->cancel);
    victim->cancel = NULL;
    PQfinish(pq);
    return victim;
}

/* PQcancel() makes a connection of its own, and waits for its end, which is after
 * the server's signals. */
static void victim_watch(void *items, size_t n)
{
    struct victim *victims = items;
    PGconn *pq = pq_open();
    char why[256] = "";

    atomic_store(&victims_cancelled, 0);
    CREW_AWAIT(pq_waiting(pq, "PgSleep") == (long)n);
    for (size_t i = 0; i < n; i++) {
        if (!CHECK_INT(PQcancel(victims[i].cancel, why, sizeof(why)), 1))
            fprintf(stderr, "# %s", why);
        atomic_fetch_add(&victims_cancelled, 1);
    }
    PQfinish(pq);
}

TEST(a_query_can_be_cancelled)
{
    struct victim items[VICTIMS];
    struct work work = {victim_run, victim_watch, sizeof(*items), VICTIMS};

    NEED_SERVER("postgres");
    memset(items, 0, sizeof(items));
    crew_compare(&work, items);
    for (int i = 0; i < VICTIMS; i++)
        assert_string_equal(items[i].state, "57014");
}

/* ---- ended from outside ---- */

static void *sleep_for_ever(void *arg)
{
    PGconn *pq = pq_open();
    PGresult *result = PQexec(pq, "select pg_sleep(600)");

    CHECK_INT(PQresultStatus(result), PGRES_FATAL_ERROR);
    PQclear(result);
    PQfinish(pq);
    return NULL;
}

TEST(a_killed_one_can_finish_its_connection)
{
    thrum_future *future;
    PGconn *pq;

    NEED_SERVER("postgres");
    pq = pq_open();
    future = spawn_large(sleep_for_ever, NULL);
    CREW_AWAIT(pq_waiting(pq, "PgSleep") == 1);
    spawn_kill(future);
    /* it is closed in earnest, for the server has seen it */
    CREW_AWAIT(pq_waiting(pq, "PgSleep") == 0);
    PQfinish(pq);
}

static void *sleep_with_patience(void *arg)
{
    PGconn *pq = pq_open();

    THRUM_WITH_DEADLINE(limit, thrum_in_ms(50)) {
        PGresult *result = PQexec(pq, "select pg_sleep(600)");

        CHECK_INT(PQresultStatus(result), PGRES_FATAL_ERROR);
        PQclear(result);
    }
    CHECK(thrum_expired(&limit));
    PQreset(pq);
    CHECK_INT(PQstatus(pq), CONNECTION_OK);
    pq_do(pq, "select 1");
    PQfinish(pq);
    return arg;
}

TEST(a_connection_can_be_used_again_after_a_deadline)
{
    int something = 0;

    NEED_SERVER("postgres");
    spawn_join(spawn_large(sleep_with_patience, &something));
}

CLIENT_MAIN("real/pq")
