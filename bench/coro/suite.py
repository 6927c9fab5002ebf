# SPDX-License-Identifier: MIT
"""The coro suite: its workloads, its implementations, its gates.

bench/run.py runs it. What a workload does stands in bench/README.md; the
programs are built by bench/coro/meson.build.
"""
from programs import program, python3, script

TIME = ('time', 'ns', 'lower')
BYTES = ('bytes', 'B', 'lower')

# name -> (what it is, metrics)
WORKLOADS = {
    'switch0': ('one switch; two of the same code, in the loop', [TIME]),
    'switch1': ('the same 1 call deep', [TIME]),
    'switch3': ('the same 3 calls deep', [TIME]),
    'switch6': ('the same 6 calls deep', [TIME]),
    'switchdiff': ('one switch; two of different code', [TIME]),
    'next': ('one next of a generator', [TIME]),
    'send': ('one send to a generator, and its answer', [TIME]),
    'yieldfrom1': ('one next through 1 generator', [TIME]),
    'yieldfrom10': ('one next through 10 generators', [TIME]),
    'yieldfrom100': ('one next through 100 generators', [TIME]),
    'create': ('make one, run it to its end; again', [TIME]),
    'createfresh': ('the first 1000 of a process, all at once', [TIME]),
    'parked': ('memory of a parked one, at 1,000,000', [BYTES]),
    'parked100k': ('the same at 100,000', [BYTES]),
    'robin100': ('one switch 1 call deep, 100 in turn', [TIME]),
    'robin1000': ('the same, 1000 in turn', [TIME]),
    'robin10000': ('the same, 10,000 in turn', [TIME]),
    'robin100000': ('the same, 100,000 in turn', [TIME]),
}

WATCHED = set()

MEETER = 'thrum'

# name -> how it is started
IMPLS = {
    'thrum': program('coro', 'thrum'),
    'boost-context': program('coro', 'boost-context', 'libboost-context-dev'),
    'ucontext': program('coro', 'ucontext'),
    'pth': program('coro', 'pth', 'libpth-dev'),
    'state-threads': program('coro', 'state-threads', 'libst-dev'),
    'go': program('coro', 'go', 'golang-go'),
    'cpython': script(__file__, 'peer_cpython.py', 'python3'),
    'greenlet': script(__file__, 'peer_greenlet.py', 'python3-greenlet'),
    'floor-ret': program('coro', 'floor-ret'),
    'floor-jmp': program('coro', 'floor-jmp'),
    'floor-inline': program('coro', 'floor-inline'),
}

# What says its version: shown above the tables.
VERSIONS = {
    'gcc': ['gcc', '-dumpfullversion'],
    'Boost': ['dpkg-query', '-W', '-f', '${Version}', 'libboost-context-dev'],
    'Pth': ['pth-config', '--version'],
    'libst': ['pkg-config', '--modversion', 'st'],
    'Go': ['go', 'version'],
    'CPython': [python3() or 'python3', '-V'],
    'greenlet': [python3() or 'python3', '-c',
                 'import greenlet; print(greenlet.__version__)'],
}

# See judge() in bench/run.py.
GATES = [
    ('switch6', 'time', '<=', 1.2, 'floor-ret', 'gate'),
    ('switch6', 'time', '<=', 0.3, 'boost-context', 'gate'),
    ('switch6', 'time', '<=', 1, 'floor-ret', 'aim'),
    ('next', 'time', '<=', 0.2, 'cpython', 'gate'),
    ('next', 'time', '<=', 6, None, 'aim'),
    ('yieldfrom100', 'time', '<=', 2, ('next', 'thrum'), 'gate'),
    ('yieldfrom100', 'time', '<=', 1.2, ('next', 'thrum'), 'aim'),
    ('parked', 'bytes', '<=', 4403, None, 'gate'),
    ('parked', 'bytes', '<=', 4200, None, 'aim'),
]
