# SPDX-License-Identifier: MIT
"""The pool suite: its workloads, its implementations, its gates.

bench/run.py runs it. What a workload does stands in bench/README.md; the
programs are built by bench/pool/meson.build.
"""
from programs import program, python3, script

# Rates rise, everything else falls.
RATE = ('rate', 'Mtasks/s', 'higher')
P50 = ('p50', 'ns', 'lower')
P99 = ('p99', 'ns', 'lower')
TIME = ('time', 'ms', 'lower')
BYTES = ('bytes', 'B', 'lower')
WAKEUPS = ('wakeups', 'count', 'lower')
CPU = ('cpu', 'ms', 'lower')

# name -> (what it is, metrics)
WORKLOADS = {
    'submit1': ('1 thread submits 1M empty tasks', [RATE]),
    'submit4': ('4 threads submit 250k empty tasks each', [RATE]),
    'bulk': ('as submit1, 64 tasks in a call', [RATE]),
    'collect': ('1M futures, every result collected', [RATE]),
    'latency': ('submit, wait for the result, again', [P50, P99]),
    'latency300us': ('the same with a pause of 300 us between', [P50, P99]),
    'fib30': ('one task per call, waits inside tasks', [TIME]),
    'parfor': ('a loop of 10M cheap iterations', [TIME]),
    'bytes': ('memory of a queued task with its future', [BYTES]),
    'bytes-detached': ('memory of a queued task without', [BYTES]),
    'idle': ('an idle pool for 2 s', [WAKEUPS, CPU]),
}

# Watched from outside, all implementations at the same time.
WATCHED = {'idle'}

MEETER = 'thrum'


def java(kind):
    def command(built):
        return ['java', '-XX:+UseSerialGC', '-Xms2g', '-Xmx4g',
                '-cp', built, 'PoolJava', kind]
    return command, 'PoolJava.class', 'default-jdk-headless'


# name -> how it is started
IMPLS = {
    'thrum': program('pool', 'thrum'),
    'libuv': program('pool', 'libuv', 'libuv1-dev'),
    'glib': program('pool', 'glib', 'libglib2.0-dev'),
    'tbb-task-group': program('pool', 'tbb-task-group', 'libtbb-dev'),
    'tbb-enqueue': program('pool', 'tbb-enqueue', 'libtbb-dev'),
    'gomp': program('pool', 'gomp'),
    'go': program('pool', 'go', 'golang-go'),
    'java-forkjoin': java('forkjoin'),
    'java-fixed': java('fixed'),
    'cpython': script(__file__, 'peer_cpython.py', 'python3'),
    'floor-mutex-ring': program('pool', 'floor-mutex-ring'),
    'floor-polling-ring': program('pool', 'floor-polling-ring'),
    'floor-sharded-ring': program('pool', 'floor-sharded-ring'),
    'floor-chase-lev': program('pool', 'floor-chase-lev'),
    'floor-shippable': program('pool', 'floor-shippable'),
}

# What says its version: shown above the tables.
VERSIONS = {
    'libuv': ['pkg-config', '--modversion', 'libuv'],
    'GLib': ['pkg-config', '--modversion', 'glib-2.0'],
    'oneTBB': ['pkg-config', '--modversion', 'tbb'],
    'gcc and libgomp': ['gcc', '-dumpfullversion'],
    'Go': ['go', 'version'],
    'Java': ['java', '-version'],
    'CPython': [python3() or 'python3', '-V'],
}

# See judge() in bench/run.py.
GATES = [
    ('submit1', 'rate', '>=', 4, 'libuv', 'gate'),
    ('submit1', 'rate', '>=', 7, 'glib', 'gate'),
    ('submit1', 'rate', '>=', 1, 'java-forkjoin', 'aim'),
    ('submit4', 'rate', '>=', 3, 'libuv', 'gate'),
    ('submit4', 'rate', '>=', 1.5, 'java-forkjoin', 'aim'),
    ('collect', 'rate', '>=', 4, 'libuv', 'gate'),
    ('collect', 'rate', '>=', 100, 'cpython', 'gate'),
    ('collect', 'rate', '>=', 1, 'tbb-task-group', 'aim'),
    ('latency', 'p50', '<=', 0.1, 'libuv', 'gate'),
    ('latency', 'p50', '<=', 1, 'go', 'aim'),
    ('fib30', 'time', '<=', 0.4, 'tbb-task-group', 'gate'),
    ('fib30', 'time', '<=', 1, 'floor-shippable', 'aim'),
    ('bytes', 'bytes', '<=', 128, None, 'gate'),
    ('bytes', 'bytes', '<=', 64, None, 'aim'),
    ('idle', 'wakeups', '<=', 0, None, 'gate'),
]
