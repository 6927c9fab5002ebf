# SPDX-License-Identifier: MIT
"""The process suite: its workloads, its implementations, its gates.

bench/run.py runs it. What a workload does stands in bench/README.md; the
programs are built by bench/process/meson.build.
"""
from programs import program, python3, script

TASKS = ('rate', 'ktasks/s', 'higher')
BYTES = ('rate', 'MB/s', 'higher')
P50 = ('p50', 'us', 'lower')
P99 = ('p99', 'us', 'lower')
TIME = ('time', 'ms', 'lower')
WORST_US = ('worst', 'us', 'lower')
WORST_MS = ('worst', 'ms', 'lower')

# name -> (what it is, metrics)
WORKLOADS = {
    'bulk64': ('64 B in and out, 1024 on their way', [TASKS]),
    'round64': ('the same, one at a time', [P50, P99]),
    'bulk1m': ('results of 1 MiB', [BYTES]),
    'map': ('64 B in and out, 64 in a task', [TASKS]),
    'start': ('a pool is made, and its first result', [TIME, WORST_MS]),
    'replace': ('a worker is killed; an answer of the next', [TIME, WORST_MS]),
    'replace1g': ('the same with 1 GiB resident in the owner',
                  [TIME, WORST_MS]),
    'crash': ('from the death of a task to its error', [P50, WORST_US]),
    'kill': ('a running task is killed', [P50, WORST_US]),
    'orphan': ('the owner is killed; the last worker is gone',
               [TIME, WORST_MS]),
}

WATCHED = set()

MEETER = 'thrum'


def python(kind, package):
    command, needs, _ = script(__file__, 'peer_python.py', package)
    return lambda built: [*command(built), kind], needs, package


# name -> how it is started
IMPLS = {
    'thrum': program('process', 'thrum'),
    'mp-pool': python('mp-pool', 'python3'),
    'ppe': python('ppe', 'python3'),
    'loky': python('loky', 'python3-joblib'),
    'floor-pipe': program('process', 'floor-pipe'),
    'floor-socketpair': program('process', 'floor-socketpair'),
    'floor-shared-ring': program('process', 'floor-shared-ring'),
    'floor-zygote': program('process', 'floor-zygote'),
    'floor-fork': program('process', 'floor-fork'),
}

# What says its version: shown above the tables.
VERSIONS = {
    'gcc': ['gcc', '-dumpfullversion'],
    'CPython': [python3() or 'python3', '-V'],
    'joblib': [python3() or 'python3', '-c',
               'import joblib; print(joblib.__version__)'],
}

# See judge() in bench/run.py.
GATES = [
    ('bulk64', 'rate', '>=', 5, 'floor-pipe', 'gate'),
    ('bulk64', 'rate', '>=', 100, 'mp-pool', 'gate'),
    ('bulk64', 'rate', '>=', 15, 'floor-pipe', 'aim'),
    ('replace1g', 'time', '<=', 0.3, None, 'gate'),
    ('replace1g', 'time', '<=', 1, 'floor-zygote', 'aim'),
]
