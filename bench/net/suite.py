# SPDX-License-Identifier: MIT
"""The net suite: its workloads, its implementations, its gates.

bench/run.py runs it. What a workload does stands in bench/README.md; the
programs are built by bench/net/meson.build, and started by drive.py, which has
the other side.
"""
import os
import sys

from programs import program, python3, script

CPU = ('cpu', 'us of CPU for each request', 'lower')
RATE = ('rate', 'thousand requests/s', 'higher')
P50 = ('p50', 'us', 'lower')
P99 = ('p99', 'us', 'lower')
WALL = ('time', 'ms', 'lower')
TIME = ('time', 'ns', 'lower')
READ = ('cpu', 'us of CPU for each read', 'lower')
BYTES = ('bytes', 'B', 'lower')
ECHO = [CPU, RATE, P50, P99]

# name -> (what it is, metrics)
WORKLOADS = {
    'echo1': ('64 bytes to and fro on 1 connection', ECHO),
    'echo100': ('the same on 100 connections at once', ECHO),
    'echo1000': ('the same on 1000', ECHO),
    'echo10000': ('the same on 10,000', ECHO),
    'fanout1000': ('1000 requests in flight, answered after 100 ms',
                   [WALL, CPU]),
    'fanout10000': ('10,000 of them', [WALL, CPU]),
    'http': ('hello by HTTP/1.1 on 100 connections', ECHO),
    'timers': ('cancel one of 1,000,000 timers, start it anew', [TIME]),
    'file': ('a page of a cached file, one at a time', [READ]),
    'memory': ('memory of an idle connection, at 10,000', [BYTES]),
}

WATCHED = set()

MEETER = 'thrum'

DRIVE = os.path.join(os.path.dirname(__file__), 'drive.py')


def driven(impl, *arguments, **settings):
    """The implementation, started by drive.py."""
    command, needs, package = impl

    def line(built):
        environment = [f'{name}={value}' for name, value in settings.items()]
        return ['env', *environment, sys.executable, DRIVE, built,
                *command(built), *arguments]
    return line, needs, package


def driven_program(name, package=None, **settings):
    return driven(program('net', name, package), **settings)


def driven_script(name, package, *arguments):
    return driven(script(__file__, name, package), *arguments)


# name -> how it is started
IMPLS = {
    'thrum': driven_program('thrum', THRUM_LOOP='epoll'),
    'thrum-uring': driven_program('thrum', THRUM_LOOP='uring'),
    'libuv': driven_program('libuv', 'libuv1-dev'),
    'libev': driven_program('libev', 'libev-dev'),
    'go': driven_program('go', 'golang-go'),
    'nginx': driven_script('peer_nginx.py', 'nginx-light'),
    'gevent': driven_script('peer_gevent.py', 'python3-gevent'),
    'uvloop': driven_script('peer_asyncio.py', 'python3-uvloop', 'uvloop'),
    'asyncio': driven_script('peer_asyncio.py', 'python3', 'asyncio'),
    'threads': driven_program('threads'),
    'floor-epoll': driven_program('floor-epoll'),
    'floor-uring': driven_program('floor-uring', 'liburing-dev'),
    'floor-pread': driven_program('floor-pread'),
}

# What says its version: shown above the tables.
VERSIONS = {
    'gcc': ['gcc', '-dumpfullversion'],
    'libuv': ['pkg-config', '--modversion', 'libuv'],
    'libev': ['dpkg-query', '-W', '-f', '${Version}', 'libev-dev'],
    'liburing': ['pkg-config', '--modversion', 'liburing'],
    'Go': ['go', 'version'],
    'CPython': [python3() or 'python3', '-V'],
    'gevent': [python3() or 'python3', '-c',
               'import gevent; print(gevent.__version__)'],
    'uvloop': [python3() or 'python3', '-c',
               'import uvloop; print(uvloop.__version__)'],
    'nginx': ['dpkg-query', '-W', '-f', '${Version}', 'nginx-light'],
    'wrk': ['dpkg-query', '-W', '-f', '${Version}', 'wrk'],
}


def echo_gates(name):
    uring = name, 'thrum-uring'
    return [
        (name, 'cpu', '<=', 1.05, 'floor-epoll', 'gate'),
        (name, 'cpu', '<=', 1.05, 'libuv', 'gate'),
        (name, 'cpu', '<=', 0.42, 'gevent', 'gate'),
        (name, 'cpu', '<=', 1, 'floor-epoll', 'aim'),
        (uring, 'cpu', '<=', 0.85, 'floor-epoll', 'gate'),
        (uring, 'cpu', '<=', 0.78, 'floor-epoll', 'aim'),
        (uring, 'cpu', '<=', 1.05, 'floor-uring', 'aim'),
    ]


# See judge() in bench/run.py.
GATES = [
    *echo_gates('echo100'),
    *echo_gates('echo1000'),
    ('echo1', 'p50', '<=', 1.03, 'floor-epoll', 'aim'),
    ('echo100', 'cpu', '<=', 0.75, 'go', 'aim'),
    ('http', 'cpu', '<=', 0.9, 'nginx', 'aim'),
    ('memory', 'bytes', '<=', 5120, None, 'aim'),
    ('fanout10000', 'time', '<=', 1.2, 'floor-epoll', 'gate'),
    ('fanout10000', 'time', '<=', 1, 'floor-epoll', 'aim'),
    ('timers', 'time', '<=', 0.1, 'libuv', 'gate'),
    ('timers', 'time', '<=', 25, None, 'aim'),
    ('file', 'cpu', '<=', 1.1, 'floor-pread', 'gate'),
    ('file', 'cpu', '<=', 1, 'floor-pread', 'aim'),
]
