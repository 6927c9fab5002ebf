# SPDX-License-Identifier: MIT
"""CPython's generators on the workloads of harness.c that are about them.

What is made, or parked, is a generator too: it has no stack.
"""
from itertools import count, repeat

from measure import (run_chosen, say, say_parked, say_time, scaled, time_of,
                     timed)

FRESH = 1000


def numbers():
    for i in count():
        yield i


def pull(generator):
    """A run of nexts: by the bound method."""
    bound = generator.__next__

    def run(n):
        for _ in repeat(None, n):
            bound()
    return run


def loop(n):
    """The same by a for loop over n items."""
    def first():
        for i in range(n):
            yield i
    for _ in first():
        pass


def next_():
    """The faster of the two."""
    say('time', min(time_of(pull(numbers()), 100), time_of(loop, 100)))


def send():
    def echo():
        value = yield
        while True:
            value = yield value

    generator = echo()
    next(generator)
    bound = generator.send

    def run(n):
        for i in range(n):
            bound(i)
    say_time(run)


def yield_from(depth):
    def delegate(left):
        yield from delegate(left - 1) if left else numbers()
    say_time(pull(delegate(depth)))


def once():
    yield 1


def create():
    def run(n):
        for _ in repeat(None, n):
            for _ in once():
                pass
    say_time(run)


def park(n):
    generators = [once() for _ in range(n)]
    for generator in generators:
        next(generator)
    return generators


def create_fresh():
    def run(n):
        for generator in park(n):
            for _ in generator:
                pass
    say('time', timed(run, FRESH) / FRESH)


run_chosen({
    'next': next_,
    'send': send,
    'yieldfrom1': lambda: yield_from(1),
    'yieldfrom10': lambda: yield_from(10),
    'yieldfrom100': lambda: yield_from(100),
    'create': create,
    'createfresh': create_fresh,
    'parked': lambda: say_parked(park, scaled(1_000_000)),
    'parked100k': lambda: say_parked(park, scaled(100_000)),
})
