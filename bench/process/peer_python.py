# SPDX-License-Identifier: MIT
"""Process pools of Python on the workloads of harness.c.

    peer_python.py mp-pool|ppe|loky WORKLOAD SCALE

mp-pool and ppe start their workers by fork, which is the quickest way they
have. Fewer tasks than in C: rates do not depend on how many.
"""
import mmap
import multiprocessing
import os
import signal
import statistics
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

WORKERS = 2
WINDOW = 1024
CHUNK = 64
BIG = 1 << 20
BIG_WINDOW = 8
TIMES = 10
PATIENCE = 2  # seconds until workers count as left behind
NOT_RUN = 77

KIND, WORKLOAD = sys.argv[1:3] if len(sys.argv) > 2 else ('', '')
SCALE = int(sys.argv[3]) if len(sys.argv) > 3 else 1
PAYLOAD = bytes(64)
FORK = multiprocessing.get_context('fork')


# ---- tasks ----

def work(payload):
    return payload


def big(_):
    return b'\x5a' * BIG


def number(_):
    return os.getpid()


def tell(path, moment):
    """Writes a number where the parent sees it."""
    with open(path, 'r+b') as file, mmap.mmap(file.fileno(), 8) as page:
        page[:] = moment.to_bytes(8, 'little')


def crash(path):
    tell(path, time.monotonic_ns())
    os.kill(os.getpid(), signal.SIGKILL)


def hang(path):
    tell(path, 1)
    while True:
        time.sleep(1)


# ---- the pools ----

class Pool:
    """multiprocessing.Pool"""

    def __init__(self, workers):
        self.pool = FORK.Pool(workers)

    def submit(self, fn, *args):
        return self.pool.apply_async(fn, args).get

    def map(self, fn, items):
        return self.pool.imap(fn, items, CHUNK)

    def stop(self):
        self.pool.terminate()
        self.pool.join()


class Executor:
    """ProcessPoolExecutor"""

    def __init__(self, workers):
        self.pool = ProcessPoolExecutor(workers, mp_context=FORK)

    def submit(self, fn, *args):
        return self.pool.submit(fn, *args).result

    def map(self, fn, items):
        return self.pool.map(fn, items, chunksize=CHUNK)

    def stop(self):
        self.pool.shutdown()


class Loky(Executor):
    """joblib's"""

    def __init__(self, workers):
        from joblib.externals.loky import ProcessPoolExecutor as Own
        self.pool = Own(workers)


KINDS = {'mp-pool': Pool, 'ppe': Executor, 'loky': Loky}


# ---- workloads ----

def say(metric, value):
    print(f'{metric} {value:.4f}', flush=True)


def scaled(n):
    return max(n // SCALE, 2)


def windowed(pool, fn, n, window):
    """Calls n times, so many on their way; the results."""
    waiting = []
    for _ in range(n):
        waiting.append(pool.submit(fn, PAYLOAD))
        if len(waiting) == window:
            yield waiting.pop(0)()
    for get in waiting:
        yield get()


def rate(body, n, unit):
    body(max(n // 4, 1))
    begin = time.perf_counter()
    body(n)
    say('rate', n * unit / (time.perf_counter() - begin))


def bulk64():
    pool = KINDS[KIND](WORKERS)

    def body(n):
        assert sum(map(len, windowed(pool, work, n, WINDOW))) == 64 * n

    rate(body, scaled(20_000), 1e-3)
    pool.stop()


def bulk1m():
    pool = KINDS[KIND](WORKERS)

    def body(n):
        for result in windowed(pool, big, n, BIG_WINDOW):
            assert result[::4096] == b'\x5a' * 256

    rate(body, scaled(100), BIG / 1e6)
    pool.stop()


def map_chunks():
    pool = KINDS[KIND](WORKERS)

    def body(n):
        assert sum(map(len, pool.map(work, [PAYLOAD] * n))) == 64 * n

    rate(body, scaled(100_000), 1e-3)
    pool.stop()


def round64():
    pool = KINDS[KIND](WORKERS)
    us = []
    for _ in range(scaled(2_000)):
        begin = time.perf_counter_ns()
        pool.submit(work, PAYLOAD)()
        us.append((time.perf_counter_ns() - begin) / 1e3)
    us.sort()
    say('p50', us[len(us) // 2])
    say('p99', us[len(us) * 99 // 100])
    pool.stop()


def repeat(once, metric, times=TIMES):
    samples = [once() for _ in range(scaled(times))]
    say(metric, statistics.median(samples))
    say('worst', max(samples))


def start():
    def once():
        begin = time.perf_counter()
        pool = KINDS[KIND](1)
        pool.submit(work, PAYLOAD)()
        ms = (time.perf_counter() - begin) * 1e3
        pool.stop()
        return ms

    repeat(once, 'time')


def replace():
    """From the kill to an answer. The pool is broken then, and its user has to
    make another."""
    if KIND == 'mp-pool':  # an idle worker dies with the lock of the queue
        sys.exit(NOT_RUN)
    pool = KINDS[KIND](1)

    def once():
        nonlocal pool
        pid = pool.submit(number, 0)()
        begin = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        try:
            while True:
                pool.submit(number, 0)()
        except Exception:
            pool = KINDS[KIND](1)
        pool.submit(number, 0)()
        return (time.perf_counter() - begin) * 1e3

    repeat(once, 'time')
    pool.stop()


def replace1g():
    resident = bytearray((1 << 30) // (8 if SCALE > 1 else 1))
    for at in range(0, len(resident), 4096):
        resident[at] = 1
    replace()


def shared_page():
    fd = os.memfd_create('bench')
    os.truncate(fd, 4096)
    return f'/proc/{os.getpid()}/fd/{fd}', mmap.mmap(fd, 8)


def crash_notice():
    if KIND == 'mp-pool':  # it never knows
        sys.exit(NOT_RUN)
    path, page = shared_page()

    def once():
        pool = KINDS[KIND](WORKERS)
        try:
            pool.submit(crash, path)()
        except Exception:
            now = time.monotonic_ns()
        pool.stop()
        return (now - int.from_bytes(page[:], 'little')) / 1e3

    repeat(once, 'p50')


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
            return file.read().rsplit(')', 1)[1].split()[0] not in 'ZX'
    except OSError:
        return False


def own(path, out):
    """Owns a worker that hangs, and tells its number."""
    pool = KINDS[KIND](1)
    os.write(out, pool.submit(number, 0)().to_bytes(8, 'little'))
    threading.Thread(target=pool.submit(hang, path)).start()
    time.sleep(1000)


def orphan():
    """Ends with NOT_RUN when the worker has not ended by itself."""
    path, page = shared_page()
    source, out = os.pipe()
    owner = os.fork()
    if owner == 0:
        own(path, out)
    pid = int.from_bytes(os.read(source, 8), 'little')
    while page[0] == 0:
        time.sleep(0.001)
    begin = time.perf_counter()
    os.kill(owner, signal.SIGKILL)
    while alive(pid) and time.perf_counter() - begin < PATIENCE:
        time.sleep(0.0001)
    if alive(pid):
        os.kill(pid, signal.SIGKILL)
        sys.exit(NOT_RUN)
    say('time', (time.perf_counter() - begin) * 1e3)
    say('worst', (time.perf_counter() - begin) * 1e3)


WORKLOADS = {
    'bulk64': bulk64,
    'round64': round64,
    'bulk1m': bulk1m,
    'map': map_chunks,
    'start': start,
    'replace': replace,
    'replace1g': replace1g,
    'crash': crash_notice,
    'orphan': orphan,
}

if __name__ == '__main__':
    if WORKLOAD not in WORKLOADS:
        sys.exit(NOT_RUN)
    WORKLOADS[WORKLOAD]()
