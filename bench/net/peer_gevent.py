# SPDX-License-Identifier: MIT
"""gevent on the workloads of harness.c; a file is read by its thread pool."""
import os
import random
import struct
import sys
import time

from measure import run_chosen, say, say_time, scaled

try:
    import gevent
    from gevent import socket
    from gevent.pywsgi import WSGIServer
    from gevent.server import StreamServer
except ImportError:
    sys.exit('package python3-gevent is not installed')

MESSAGE = b'x' * 64
PAGE = 4096
RESET = struct.pack('ii', 1, 0)


def listener():
    """Connections get TCP_NODELAY from it: pywsgi sends in two pieces."""
    one = socket.socket()
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.bind(('127.0.0.1', 0))
    one.listen(16384)
    print('port', one.getsockname()[1], flush=True)
    return one


def answer(connection, _address):
    try:
        while True:
            data = connection.recv(512)
            if not data:
                break
            connection.sendall(data)
    except OSError:
        pass
    connection.close()


def echo():
    StreamServer(listener(), answer).serve_forever()


def hello(_environment, start):
    start('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '6')])
    return [b'hello\n']


def http():
    WSGIServer(listener(), hello, log=None).serve_forever()


def request(server):
    one = socket.create_connection(server)
    one.sendall(MESSAGE)
    got = 0
    while got < len(MESSAGE):
        data = one.recv(len(MESSAGE))
        if not data:
            raise ConnectionError('an answer')
        got += len(data)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()


def fan_out(n):
    server = '127.0.0.1', int(os.environ['BENCH_PORT'])

    def run(n):
        gevent.joinall([gevent.spawn(request, server) for _ in range(n)],
                       raise_error=True)
    run(100)
    begin, used = time.perf_counter(), time.process_time()
    run(n)
    say('cpu', (time.process_time() - used) * 1e6 / n)
    say('time', (time.perf_counter() - begin) * 1e3)


def due():
    return 100 + random.random() * 60


def never():
    raise RuntimeError('a timer came')


def timers():
    loop, live = gevent.get_hub().loop, scaled(1_000_000)

    def start():
        timer = loop.timer(due())
        timer.start(never)
        return timer
    every = [start() for _ in range(live)]

    def run(n):
        for _ in range(n):
            i = random.randrange(live)
            every[i].stop()
            every[i].close()
            every[i] = start()
    say_time(run, 1000)


def file_reads():
    fd = os.open(os.environ['BENCH_FILE'], os.O_RDONLY)
    pages = os.fstat(fd).st_size // PAGE
    pool, end = gevent.get_hub().threadpool, time.perf_counter() + 0.2
    n, used = 0, time.process_time()
    while time.perf_counter() < end:
        place = random.randrange(pages) * PAGE
        if len(pool.apply(os.pread, (fd, PAGE, place))) != PAGE:
            raise RuntimeError('a page')
        n += 1
    say('cpu', (time.process_time() - used) * 1e6 / n)


run_chosen({
    'echo': echo,
    'http': http,
    'fanout1000': lambda: fan_out(scaled(1000)),
    'fanout10000': lambda: fan_out(scaled(10_000)),
    'timers': timers,
    'file': file_reads,
})
