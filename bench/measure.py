# SPDX-License-Identifier: MIT
"""What the peers in Python share: arguments, times and memory, as measure.c.

bench/run.py puts this folder into PYTHONPATH. The last two arguments are the
workload and the scale.
"""
import gc
import os
import sys
import time

NOT_RUN = 77
SPAN_NS = 200_000_000
WORKLOAD = sys.argv[-2]
SCALE = int(sys.argv[-1])


def say(metric, value):
    print(f'{metric} {value:.4f}', flush=True)


def scaled(n):
    return max(2, n // SCALE)


def timed(run, n):
    begin = time.perf_counter_ns()
    run(n)
    return time.perf_counter_ns() - begin


def time_of(run, least):
    """ns for one of what run(n) does n times; see bench_say_time()."""
    goal = SPAN_NS // SCALE
    n = least
    took = timed(run, n)
    while took < goal // 10:
        n *= 2
        took = timed(run, n)
    n = max(least, n * goal // took)
    return timed(run, n) / n


def say_time(run, least=100):
    say('time', time_of(run, least))


def taken():
    """Resident memory and page tables, in bytes."""
    with open('/proc/self/status', encoding='ascii') as file:
        return 1024 * sum(int(line.split()[1]) for line in file
                          if line.startswith(('VmRSS:', 'VmPTE:')))


def say_parked(park, n):
    """park(n) returns what must not go away meanwhile."""
    gc.collect()
    before = taken()
    parked = park(n)
    say('bytes', (taken() - before) / n)
    sys.stdout.flush()
    os._exit(0 if parked else 1)


def run_chosen(workloads):
    if WORKLOAD not in workloads:
        sys.exit(NOT_RUN)
    workloads[WORKLOAD]()
