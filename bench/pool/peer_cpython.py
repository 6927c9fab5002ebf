# SPDX-License-Identifier: MIT
"""concurrent.futures.ThreadPoolExecutor on the workloads of harness.c.

A tenth of the tasks: it needs a minute for a million. The rate does not
depend on it.
"""
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

WORKERS = 2
PRODUCERS = 4
NOT_RUN = 77

WORKLOAD = sys.argv[1]
SCALE = int(sys.argv[2])
TASKS = 100_000 // SCALE

pool = ThreadPoolExecutor(WORKERS)


def empty():
    pass


def work(x):
    return x * 2 + 1


def say(metric, value):
    print(f'{metric} {value:.4f}')


def say_rate(body):
    body()
    begin = time.perf_counter()
    body()
    say('rate', TASKS / (time.perf_counter() - begin) / 1e6)


def submit1():
    say_rate(lambda: wait([pool.submit(empty) for _ in range(TASKS)]))


def submit4():
    def producer(futures):
        for _ in range(TASKS // PRODUCERS):
            futures.append(pool.submit(empty))

    def body():
        futures = [[] for _ in range(PRODUCERS)]
        threads = [threading.Thread(target=producer, args=(mine,))
                   for mine in futures]
        for thread in threads:
            thread.start()
        for thread, mine in zip(threads, futures):
            thread.join()
            wait(mine)

    say_rate(body)


def collect():
    def body():
        futures = [pool.submit(work, x) for x in range(TASKS)]
        assert sum(future.result() for future in futures) == TASKS * TASKS

    say_rate(body)


def latency(rounds, gap):
    ns = []
    for x in range(rounds):
        if gap:
            time.sleep(gap)
        begin = time.perf_counter_ns()
        pool.submit(work, x).result()
        ns.append(time.perf_counter_ns() - begin)
    ns.sort()
    say('p50', ns[rounds // 2])
    say('p99', ns[rounds * 99 // 100])


def resident():
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')


def queued_bytes():
    gate = threading.Event()
    for _ in range(WORKERS):
        pool.submit(gate.wait)
    time.sleep(0.1)
    futures = [None] * TASKS
    before = resident()
    for x in range(TASKS):
        futures[x] = pool.submit(work, x)
    say('bytes', (resident() - before) / TASKS)
    sys.stdout.flush()
    os._exit(0)


def idle():
    for x in range(1000):
        pool.submit(work, x).result()
    print('ready', flush=True)
    sys.stdin.read()


WORKLOADS = {
    'submit1': submit1,
    'submit4': submit4,
    'collect': collect,
    'latency': lambda: latency(20_000 // SCALE, 0),
    'latency300us': lambda: latency(2_000 // SCALE, 0.0003),
    'bytes': queued_bytes,
    'idle': idle,
}

if WORKLOAD not in WORKLOADS:
    sys.exit(NOT_RUN)
WORKLOADS[WORKLOAD]()
