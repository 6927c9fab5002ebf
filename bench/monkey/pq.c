/* SPDX-License-Identifier: MIT */
/*
 * monkey/pq.c - asks PostgreSQL by libpq's plain calls, as $PGHOST and so on say.
 *
 * Every connection is there, and has had its first answer, before what counts:
 * most of connecting is that the server starts a process.
 */
#include "monkey/pq.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure.h"
#include "program.h"

#define CLIENTS 200
#define QUERIES 5 /* of each, one after the other */

struct pq_client {
    PGconn *connection;
};

static struct pq_client pq_clients[CLIENTS];

struct pq_client *pq_client(long number)
{
    return &pq_clients[number];
}

/* The answer says which query it belongs to. */
static void pq_query(struct pq_client *client, double seconds, long number)
{
    char query[80];
    PGresult *result;

    snprintf(query, sizeof query, "select pg_sleep(%.1f), %ld", seconds,
             number);
    result = PQexec(client->connection, query);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        bench_die(PQerrorMessage(client->connection));
    if (PQntuples(result) != 1 ||
        strtol(PQgetvalue(result, 0, 1), NULL, 10) != number)
        bench_die("of another query");
    PQclear(result);
}

static long pq_number(const struct pq_client *client, int query)
{
    return 1 + (client - pq_clients) * QUERIES + query;
}

static void *pq_begin(void *arg)
{
    struct pq_client *client = arg;

    client->connection = PQconnectdb("");
    if (PQstatus(client->connection) != CONNECTION_OK)
        bench_die(PQerrorMessage(client->connection));
    pq_query(client, 0, pq_number(client, 0));
    return NULL;
}

static void *pq_ask(void *arg)
{
    struct pq_client *client = arg;

    for (int i = 0; i < QUERIES; i++)
        pq_query(client, 0.1, pq_number(client, i));
    return NULL;
}

static bool run_pq1000(void)
{
    long n = bench_scaled(CLIENTS);

    pq_at_once(pq_begin, n);
    uint64_t begin = bench_now(), used = bench_cpu();
    pq_at_once(pq_ask, n);
    bench_say("cpu",
              (double)(bench_cpu() - used) / 1e3 / (double)(n * QUERIES));
    bench_say("time", (double)(bench_now() - begin) / 1e6);
    for (long i = 0; i < n; i++)
        PQfinish(pq_clients[i].connection);
    return true;
}

static const struct bench_workload workloads[] = {
    {"pq1000", run_pq1000},
};

int main(int argc, char **argv)
{
    const struct bench_workload *chosen = bench_chosen(
        argc, argv, workloads, sizeof workloads / sizeof workloads[0]);

    if (!chosen)
        return 2;
    return chosen->run() ? 0 : BENCH_NOT_RUN;
}
