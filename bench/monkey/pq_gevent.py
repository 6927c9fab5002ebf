# SPDX-License-Identifier: MIT
"""psycopg2 with psycogreen under gevent on the workload of pq.c.

A greenlet for every client; psycogreen has psycopg2 wait for its sockets by
gevent's loop.
"""
import sys
import time

from measure import run_chosen, say, scaled

try:
    import gevent
    import psycopg2
    from psycogreen.gevent import patch_psycopg
except ImportError as error:
    sys.exit(f'module {error.name} is not installed')

CLIENTS, QUERIES = 200, 5


def at_once(function, items):
    started = [gevent.spawn(function, *item) for item in items]
    gevent.joinall(started, raise_error=True)
    return [one.value for one in started]


def query(connection, seconds, number):
    """The answer says which query it belongs to."""
    with connection.cursor() as cursor:
        cursor.execute('select pg_sleep(%s), %s', (seconds, number))
        if [row[1] for row in cursor.fetchall()] != [number]:
            raise ValueError('of another query')


def begin(first):
    connection = psycopg2.connect('')
    connection.autocommit = True
    query(connection, 0, first)
    return connection


def ask(connection, first):
    for number in range(first, first + QUERIES):
        query(connection, 0.1, number)


def queries():
    clients = scaled(CLIENTS)
    firsts = [1 + client * QUERIES for client in range(clients)]
    patch_psycopg()
    connections = at_once(begin, [(first,) for first in firsts])
    began, used = time.perf_counter(), time.process_time()
    at_once(ask, zip(connections, firsts))
    say('cpu', (time.process_time() - used) * 1e6 / (clients * QUERIES))
    say('time', (time.perf_counter() - began) * 1e3)
    for connection in connections:
        connection.close()


run_chosen({'pq1000': queries})
