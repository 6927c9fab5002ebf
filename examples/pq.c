/* SPDX-License-Identifier: MIT */
/*
 * pq.c - queries over ten connections at once, on one thread, with libpq as it
 * is.
 *
 * The server is the one that PGHOST, PGPORT and so on name. libpq blocks, as it
 * always does; patched, it lets the other greenlets go on meanwhile.
 */
#include <stdlib.h>

#include <libpq-fe.h>
#include <thrum/monkey.h>

#include "check.h"

#define CONNECTIONS 10
#define QUERIES     20 /* over each of them */

/* doc: query */
/* A query that takes the server a while. */
static int square(PGconn *pq, int n, long *sum)
{
    char query[80];
    PGresult *result;
    int rc = -1;

    snprintf(query, sizeof(query), "select %d * %d, pg_sleep(0.01)", n, n);
    result = PQexec(pq, query);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        *sum += strtol(PQgetvalue(result, 0, 0), NULL, 10);
        rc = 0;
    }
    PQclear(result);
    return rc;
}

/* A connection, and the squares of its part of the numbers: nothing here knows
 * of greenlets. */
static void *squares(void *arg)
{
    int first = *(int *)arg;
    PGconn *pq = PQconnectdb("");
    long sum = 0;
    int rc = PQstatus(pq) == CONNECTION_OK ? 0 : -1;

    for (int i = 0; rc == 0 && i < QUERIES; i++)
        rc = square(pq, first + i * CONNECTIONS, &sum);
    if (rc != 0)
        thrum_raise(THRUM_EUSER, "%s", PQerrorMessage(pq));
    PQfinish(pq);
    return rc == 0 ? thrum_return(&sum, sizeof(sum)) : NULL;
}
/* doc: end */

/* doc: spawn */
/* C libraries need more of a stack than Thrum's own calls. */
static thrum_future *spawn_squares(int first)
{
    thrum_spawn_options options = THRUM_SPAWN_OPTIONS;
    thrum_future *future;

    options.stack_size = 256 * 1024;
    CHECK(thrum_spawn_with(squares, &first, sizeof(first), &options, &future));
    return future;
}
/* doc: end */

/* What one of them has found; ends the program, saying why, if it failed. */
static long sum_of(thrum_future *future)
{
    const thrum_error *error = NULL;
    void *result = NULL;
    long sum;

    CHECK(thrum_future_exception(future, THRUM_FOREVER, &error));
    if (error != NULL) {
        fprintf(stderr, "%s", error->message);
        exit(1);
    }
    CHECK(thrum_future_result(future, THRUM_NOW, &result));
    sum = *(long *)result;
    thrum_future_unref(future);
    return sum;
}

int main(void)
{
    thrum_future *futures[CONNECTIONS];
    long sum = 0;

    CHECK(thrum_monkey_patch_all());
    for (int i = 0; i < CONNECTIONS; i++)
        futures[i] = spawn_squares(i + 1);
    for (int i = 0; i < CONNECTIONS; i++)
        sum += sum_of(futures[i]);
    printf("the squares of 1 to %d: %ld\n", CONNECTIONS * QUERIES, sum);
    return 0;
}
