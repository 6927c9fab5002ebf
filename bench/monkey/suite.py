# SPDX-License-Identifier: MIT
"""The monkey suite: its workloads, its implementations, its gates.

bench/run.py runs it. What a workload does stands in bench/README.md. The other
side of a server is that of the net suite, and so are the peers; its own
programs are built by bench/monkey/meson.build.
"""
import os

from net import suite as net
from programs import python3, script

QUERY = ('cpu', 'us of CPU for each query', 'lower')
CALLS = [('calls', 'system calls for each request', 'lower')]
TIME = ('time', 'ns', 'lower')

# name -> (what it is, metrics)
WORKLOADS = {
    'echo100': net.WORKLOADS['echo100'],
    'echo1000': net.WORKLOADS['echo1000'],
    'curl1000': ('1000 GETs by libcurl in flight, answered after 100 ms',
                 [net.WALL, net.CPU]),
    'curl10000': ('10,000 of them', [net.WALL, net.CPU]),
    'outside': ('a call of an empty function, without a hub', [TIME]),
    'hub': ('a call that does nothing, in a thread with a hub', [TIME]),
    'pq1000': ('1000 queries of 100 ms by libpq, over 200 connections',
               [net.WALL, QUERY]),
    'calls100': ('echo100, traced', CALLS),
    'calls1000': ('echo1000, traced', CALLS),
}

WATCHED = set()

MEETER = 'thrum'


def in_net(impl):
    """What is to find the folder of the net suite's programs."""
    command, needs, package = impl
    return (lambda built: command(os.path.join(built, '..', 'net')),
            needs and os.path.join('..', 'net', needs), package)


def driven_program(name, package=None, **settings):
    """One that bench/monkey/meson.build makes."""
    file = os.path.join('..', 'monkey', f'monkey-{name}')
    return in_net(net.driven(
        (lambda folder: [os.path.join(folder, file)], file, package),
        **settings))


def driven_script(name, package):
    return in_net(net.driven(script(__file__, name, package)))


LIBCURL = 'libcurl4-openssl-dev'
LIBPQ = 'libpq-dev'

# name -> how it is started
IMPLS = {
    'thrum': driven_program('thrum', THRUM_LOOP='epoll'),
    'thrum-uring': driven_program('thrum', THRUM_LOOP='uring'),
    'thrum-calls': in_net(net.IMPLS['thrum']),
    'thrum-calls-uring': in_net(net.IMPLS['thrum-uring']),
    'libuv': in_net(net.IMPLS['libuv']),
    'gevent': in_net(net.IMPLS['gevent']),
    'threads': in_net(net.IMPLS['threads']),
    'curl-multi': driven_program('curl-multi', LIBCURL),
    'unpatched': driven_program('thrum', BENCH_UNPATCHED='1'),
    'floor-epoll': in_net(net.IMPLS['floor-epoll']),
    'floor-uring': in_net(net.IMPLS['floor-uring']),
    'floor-indirect': driven_program('floor-indirect'),
}

# BENCH_FDS: of curl_easy_perform() the socket and a pair by which it could be
# woken; io_uring waits for two of them by one more.
CURL = {
    'thrum': driven_program('thrum', THRUM_LOOP='epoll', BENCH_FDS='3'),
    'thrum-uring': driven_program('thrum', THRUM_LOOP='uring', BENCH_FDS='4'),
    'curl-multi': driven_program('curl-multi', LIBCURL),
    'threads': driven_program('curl-threads', LIBCURL, BENCH_FDS='3'),
    'gevent': driven_script('client_requests.py', 'python3-requests'),
}

# workload -> name -> how it is started, where it has programs of its own
OWN = {
    'curl1000': CURL,
    'curl10000': CURL,
    'pq1000': {
        'thrum': driven_program('pq-thrum', LIBPQ, THRUM_LOOP='epoll'),
        'thrum-uring': driven_program('pq-thrum', LIBPQ, THRUM_LOOP='uring'),
        'threads': driven_program('pq-threads', LIBPQ),
        'gevent': driven_script('pq_gevent.py', 'python3-psycogreen'),
    },
}

# What says its version: shown above the tables.
VERSIONS = {name: net.VERSIONS[name]
            for name in ('gcc', 'libuv', 'liburing', 'CPython', 'gevent')}
VERSIONS |= {
    'libcurl': ['pkg-config', '--modversion', 'libcurl'],
    'requests': [python3() or 'python3', '-c',
                 'import requests; print(requests.__version__)'],
    'libpq': ['pkg-config', '--modversion', 'libpq'],
    'psycogreen': ['dpkg-query', '-W', '-f', '${Version}',
                   'python3-psycogreen'],
    'strace': ['dpkg-query', '-W', '-f', '${Version}', 'strace'],
}

# See judge() in bench/run.py.
GATES = [
    ('echo100', 'cpu', '<=', 1.1, 'floor-epoll', 'gate'),
    ('echo100', 'cpu', '<=', 1.05, 'floor-epoll', 'aim'),
    ('echo1000', 'cpu', '<=', 1.1, 'floor-epoll', 'gate'),
    ('echo1000', 'cpu', '<=', 1.05, 'floor-epoll', 'aim'),
    ('outside', 'time', '<=', 1.5, 'floor-indirect', 'gate'),
    ('outside', 'time', '<=', 1.2, 'floor-indirect', 'aim'),
]
