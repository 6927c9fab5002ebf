# SPDX-License-Identifier: MIT
"""gevent on the workloads of harness.c."""
import sys
from itertools import repeat

from measure import run_chosen, say_parked, say_time, scaled

try:
    import gevent
    from gevent.queue import Queue
except ImportError:
    sys.exit('package python3-gevent is not installed')

MANY = 1000


def nothing():
    pass


def spawn_join():
    spawn = gevent.spawn

    def run(n):
        for _ in repeat(None, n):
            spawn(nothing).join()
    say_time(run, MANY)


def spawn_detached():
    spawn = gevent.spawn_raw

    def run(n):
        for _ in repeat(None, max(1, n // MANY)):
            for _ in repeat(None, MANY):
                spawn(nothing)
            gevent.sleep(0)
    say_time(run, MANY)


def turns(n):
    give = gevent.sleep
    for _ in repeat(None, n):
        give(0)


def give_turns(k):
    def run(n):
        gevent.joinall([gevent.spawn(turns, n // k) for _ in range(k)])
    say_time(run, 20 * k)


def hop():
    there, back = Queue(), Queue()

    def answer(n):
        for _ in repeat(None, n):
            back.put(there.get())

    def run(n):
        other = gevent.spawn(answer, n // 2)
        for i in range(n // 2):
            there.put(i)
            if back.get() != i:
                raise RuntimeError('an item')
        other.join()
    say_time(run, MANY)


def park(n):
    asleep = [0]

    def sleeper():
        asleep[0] += 1
        gevent.sleep(100000)

    all_of_them = [gevent.spawn(sleeper) for _ in range(n)]
    while asleep[0] < n:
        gevent.sleep(0.01)
    return all_of_them


def parked():
    park(1)
    say_parked(park, scaled(100_000))


run_chosen({
    'spawnjoin': spawn_join,
    'spawn-detached': spawn_detached,
    'yield': lambda: give_turns(2),
    'yield1000': lambda: give_turns(scaled(1000)),
    'hop': hop,
    'bytes': parked,
})
