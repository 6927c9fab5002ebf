# SPDX-License-Identifier: MIT
"""asyncio on the workloads of harness.c; with the argument uvloop, on that."""
import asyncio
import os
import random
import socket
import struct
import sys
import time

from measure import run_chosen, say, say_time, scaled

MESSAGE = b'x' * 64
RESET = struct.pack('ii', 1, 0)

if sys.argv[1] == 'uvloop':
    try:
        import uvloop
    except ImportError:
        sys.exit('package python3-uvloop is not installed')
    uvloop.install()


class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


async def serve():
    server = await asyncio.get_running_loop().create_server(
        Answer, '127.0.0.1', 0, backlog=16384)
    print('port', server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Request(asyncio.Protocol):
    def __init__(self):
        self.answered = asyncio.get_running_loop().create_future()
        self.got = 0

    def connection_made(self, transport):
        transport.write(MESSAGE)
        self.transport = transport

    def data_received(self, data):
        self.got += len(data)
        if self.got == len(MESSAGE):
            self.answered.set_result(True)


async def request(server):
    transport, protocol = await asyncio.get_running_loop().create_connection(
        Request, *server)
    await protocol.answered
    transport.get_extra_info('socket').setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    transport.close()


async def fan_out(n):
    server = '127.0.0.1', int(os.environ['BENCH_PORT'])
    await asyncio.gather(*[request(server) for _ in range(100)])
    begin, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*[request(server) for _ in range(n)])
    say('cpu', (time.process_time() - used) * 1e6 / n)
    say('time', (time.perf_counter() - begin) * 1e3)


def due():
    return 100 + random.random() * 60


def never():
    raise RuntimeError('a timer came')


async def timers():
    loop, live = asyncio.get_running_loop(), scaled(1_000_000)
    every = [loop.call_later(due(), never) for _ in range(live)]

    def run(n):
        for _ in range(n):
            i = random.randrange(live)
            every[i].cancel()
            every[i] = loop.call_later(due(), never)
    say_time(run, 1000)
    sys.stdout.flush()
    os._exit(0)


run_chosen({
    'echo': lambda: asyncio.run(serve()),
    'fanout1000': lambda: asyncio.run(fan_out(scaled(1000))),
    'fanout10000': lambda: asyncio.run(fan_out(scaled(10_000))),
    'timers': lambda: asyncio.run(timers()),
})
