# SPDX-License-Identifier: MIT
"""greenlet on the workloads of harness.c.

The two sides of a switch are bound methods called in Python functions, as they
would be in a program; the depth is one of Python functions.
"""
import sys
from itertools import count, repeat

from measure import (run_chosen, say, say_parked, say_time, scaled, timed)

try:
    from greenlet import getcurrent, greenlet
except ImportError:
    sys.exit('package python3-greenlet is not installed')

FRESH = 1000
MAIN = getcurrent()


def nested(depth):
    """A function that calls switch() inside of `depth` calls, itself one."""
    if depth == 1:
        return lambda switch: switch()
    inner = nested(depth - 1)
    return lambda switch: inner(switch)


def in_loop(switch, times):
    for _ in times:
        switch()


def in_other_loop(switch, times):
    for each in times:
        switch()
        del each


def at_depth(depth):
    call = nested(depth)

    def loop(switch, times):
        for _ in times:
            call(switch)
    return loop


def begin(loop, switch):
    MAIN.switch()
    loop(switch, repeat(None))


def ring(k, *loops):
    """The first one and k - 1 others, each of which switches to the next.

    All begin from the first one: one begun by another would lie above it on
    the stack of the process, which is not long enough for many.
    """
    following = MAIN
    for i in range(k - 1):
        own = greenlet(begin)
        own.switch(loops[(i + 1) % len(loops)], following.switch)
        following = own

    def run(n):
        loops[0](following.switch, repeat(None, max(1, n // k)))
    say_time(run, 2 * k)


def next_():
    def numbers():
        switch = MAIN.switch
        for i in count():
            switch(i)

    pull = greenlet(numbers).switch

    def run(n):
        for _ in repeat(None, n):
            pull()
    say_time(run)


def send():
    def echo(value):
        switch = MAIN.switch
        while True:
            value = switch(value)

    push = greenlet(echo).switch

    def run(n):
        for i in range(n):
            push(i)
    say_time(run)


def nothing():
    pass


def half_way():
    MAIN.switch()


def create():
    def run(n):
        for _ in repeat(None, n):
            greenlet(nothing).switch()
    say_time(run)


def park(n):
    greenlets = [greenlet(half_way) for _ in range(n)]
    for each in greenlets:
        each.switch()
    return greenlets


def create_fresh():
    def run(n):
        for each in park(n):
            each.switch()
    greenlet(nothing).switch()
    say('time', timed(run, FRESH) / FRESH)


run_chosen({
    'switch0': lambda: ring(2, in_loop),
    'switch1': lambda: ring(2, at_depth(1)),
    'switch3': lambda: ring(2, at_depth(3)),
    'switch6': lambda: ring(2, at_depth(6)),
    'switchdiff': lambda: ring(2, in_loop, in_other_loop),
    'next': next_,
    'send': send,
    'create': create,
    'createfresh': create_fresh,
    'parked': lambda: say_parked(park, scaled(1_000_000)),
    'parked100k': lambda: say_parked(park, scaled(100_000)),
    'robin100': lambda: ring(scaled(100), at_depth(1)),
    'robin1000': lambda: ring(scaled(1000), at_depth(1)),
    'robin10000': lambda: ring(scaled(10000), at_depth(1)),
    'robin100000': lambda: ring(scaled(100000), at_depth(1)),
})
