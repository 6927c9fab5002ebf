# SPDX-License-Identifier: MIT
"""requests under gevent: a greenlet for every request, each of which blocks."""
import os
import socket
import struct
import sys
import time

from measure import run_chosen, say, scaled

try:
    import gevent
    from gevent import monkey
except ImportError:
    sys.exit('package python3-gevent is not installed')
monkey.patch_all()
try:
    import requests
    from urllib3.connection import HTTPConnection
except ImportError:
    sys.exit('package python3-requests is not installed')

HELLO = b'hello\n'
RESET = struct.pack('ii', 1, 0)

# Connections leave nothing behind, as those of request.c.
HTTPConnection.default_socket_options += [
    (socket.SOL_SOCKET, socket.SO_LINGER, RESET)]


def request(url):
    """requests.get(), without the proxies of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url)
    if answer.status_code != 200 or answer.content != HELLO:
        raise ValueError('an answer')


def fan_out(n):
    url = f'http://127.0.0.1:{os.environ["BENCH_PORT"]}/'

    def run(n):
        gevent.joinall([gevent.spawn(request, url) for _ in range(n)],
                       raise_error=True)
    run(100)
    begin, used = time.perf_counter(), time.process_time()
    run(n)
    say('cpu', (time.process_time() - used) * 1e6 / n)
    say('time', (time.perf_counter() - begin) * 1e3)


run_chosen({
    'curl1000': lambda: fan_out(scaled(1000)),
    'curl10000': lambda: fan_out(scaled(10_000)),
})
