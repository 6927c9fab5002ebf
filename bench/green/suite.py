# SPDX-License-Identifier: MIT
"""The green suite: its workloads, its implementations, its gates.

bench/run.py runs it. What a workload does stands in bench/README.md; the
programs are built by bench/green/meson.build.
"""
from programs import program, python3, script

TIME = ('time', 'ns', 'lower')
BYTES = ('bytes', 'B', 'lower')

# name -> (what it is, metrics)
WORKLOADS = {
    'spawnjoin': ('start one, wait for its end; again', [TIME]),
    'spawn-detached': ('start 1000 that nobody waits for; of each', [TIME]),
    'yield': ('one gives its turn away; two take turns', [TIME]),
    'yield1000': ('the same, 1000 in turn', [TIME]),
    'hop': ('an item by way of a queue, to one that waits', [TIME]),
    'bytes': ('memory of one that sleeps, at 100,000', [BYTES]),
}

WATCHED = set()

MEETER = 'thrum'


def beside_a_thread(impl):
    command, needs, package = impl
    return (lambda built: ['env', 'BENCH_THREADS=2', *command(built)], needs,
            package)


# name -> how it is started
IMPLS = {
    'thrum': program('green', 'thrum'),
    'thrum-threads': beside_a_thread(program('green', 'thrum')),
    'go': program('green', 'go', 'golang-go'),
    'state-threads': program('green', 'state-threads', 'libst-dev'),
    'gevent': script(__file__, 'peer_gevent.py', 'python3-gevent'),
    'floor-switch': program('green', 'floor-switch'),
}

# What says its version: shown above the tables.
VERSIONS = {
    'gcc': ['gcc', '-dumpfullversion'],
    'Go': ['go', 'version'],
    'libst': ['pkg-config', '--modversion', 'st'],
    'CPython': [python3() or 'python3', '-V'],
    'gevent': [python3() or 'python3', '-c',
               'import gevent; print(gevent.__version__)'],
}

# A switch of the floor is what its workload yield has.
SWITCH = ('yield', 'floor-switch')

# See judge() in bench/run.py.
GATES = [
    ('spawnjoin', 'time', '<=', 12, SWITCH, 'gate'),
    ('spawnjoin', 'time', '<=', 0.02, 'gevent', 'gate'),
    ('spawnjoin', 'time', '<=', 50, None, 'aim'),
    ('yield', 'time', '<=', 2, 'floor-switch', 'gate'),
    ('yield', 'time', '<=', 0.5, 'go', 'gate'),
    ('yield', 'time', '<=', 10, None, 'aim'),
    ('hop', 'time', '<=', 0.5, 'go', 'gate'),
    ('hop', 'time', '<=', 35, None, 'aim'),
]
