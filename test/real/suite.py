#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs hiredis' own test program, unmodified, on greenlets of one thread.

    suite.py --host PROGRAM --version VERSION --source SCRIPT --folder FOLDER
             --cc COMPILER...

The program is test.c of Debian's source package; SCRIPT, debian_source.sh,
gets that into FOLDER, once. Several of it run at once, each with a Redis server of
its own: on threads without patching, and then on greenlets with. Each test must
pass as often with as without, and must have given its thread away, unless it
is one of NO_WAIT. Without the source, the server or the engine all is skipped.
"""
import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import keeper

HERE = os.path.dirname(os.path.abspath(__file__))
TOGETHER = 4  # as many programs run at once
KNOWN = "0.14.1"  # of hiredis: later ones have other tests
FETCH_LIMIT = 50  # seconds

# Tests that need not wait, by how their names begin, and why.
IN_MEMORY = "formats or parses what is in memory"
NO_WAIT = {
    "Format command": IN_MEMORY,
    "Error handling in reply parser": IN_MEMORY,
    "Memory cleanup in reply parser": IN_MEMORY,
    "Set error on nested": IN_MEMORY,
    "Set error when >": IN_MEMORY,
    "Set error when <": IN_MEMORY,
    "Set error when array": IN_MEMORY,
    "Set error when bulk": IN_MEMORY,
    "Correctly parses": IN_MEMORY,
    "Works with NULL functions": IN_MEMORY,
    "Works when a single newline": IN_MEMORY,
    "Don't reset state": IN_MEMORY,
    "Don't do empty allocation": IN_MEMORY,
    "Don't fail when redisFree": "frees nothing",
    "Don't fail when freeReplyObject": "frees nothing",
    "Append format command": "its command is sent when the test is over",
    "Binary reply length": "looks at a reply that is there",
    "Set error when an invalid timeout": "is refused before it connects",
    "Returns error when the unix_sock": "there is no such file",
    "Returns error when the port": "the kernel refuses it at once",
}
# One in which the answer may be there first: not all programs have to wait.
SOME_WAIT = "Returns error when host cannot be resolved"


class Skip(Exception):
    """What is needed is not here."""


def get_source(args):
    if args.version != KNOWN:
        raise Skip(f"hiredis is {args.version}, its tests of {KNOWN} are known")
    # which ends apt as well
    done = subprocess.run(["timeout", str(FETCH_LIMIT), args.source, "hiredis",
                           args.folder],
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 124:
        raise Skip("no source of hiredis: it takes too long")
    if done.returncode != 0:
        raise Skip((done.stderr.splitlines() or ["no source of hiredis"])[-1])
    return os.path.join(args.folder, "hiredis")


def compile_program(args, source, folder):
    """One object for each that runs at once."""
    first = os.path.join(folder, "0.so")
    subprocess.run(
        args.cc + ["-shared", "-fPIC", "-g", "-O1", "-w", "-I", source,
                   "-Dmain=hiredis_main", "-Dprintf=hiredis_printf",
                   "-DredisSetTimeout=hiredis_set_timeout",
                   "-c", os.path.join(source, "test.c"),
                   "-o", os.path.join(folder, "test.o")], check=True)
    subprocess.run(
        args.cc + ["-shared", "-fPIC", "-g", "-O1", "-I", source, "-I", HERE,
                   os.path.join(HERE, "suite_inside.c"),
                   os.path.join(folder, "test.o"), "-lhiredis",
                   "-Wl,-z,defs", "-o", first], check=True)
    objects = [first]
    for number in range(1, TOGETHER):
        objects.append(os.path.join(folder, f"{number}.so"))
        shutil.copy(first, objects[-1])
    return objects


def start_servers(stack):
    ports = []
    for _ in range(TOGETHER):
        folder = tempfile.mkdtemp(prefix="thrum-redis-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            server = keeper.SERVERS["redis"](folder)
        except keeper.Missing as missing:
            raise Skip(f"there is no {missing}") from None
        stack.callback(server.end)
        server.start()
        ports.append(str(server.port))
    return ports


class Outcome:
    """What one run of all programs has told."""

    def __init__(self, output):
        self.tests = {}  # (program, test): how it ended, answers, switches
        self.status = {}
        self.place, self.seen = {}, {}
        for line in output.splitlines():
            kind, program, *rest = line.split("\t")
            getattr(self, "on_" + kind)(int(program), *rest)

    def on_says(self, program, text):
        print(f"# {program}: {text}")
        if text.startswith("Testing against"):
            self.place[program] = text.split()[2] + ": "

    def on_ends(self, program, status):
        self.status[program] = int(status)

    def on_test(self, program, how, answers, switches, name):
        name = self.place.get(program, "") + name.strip().rstrip(":")
        self.tests[program, name] = (how, int(answers), int(switches))

    def names(self):
        """In order, each once."""
        return list(dict.fromkeys(name for _, name in self.tests))

    def of(self, name):
        """By the program's number."""
        return {program: told for (program, test), told in self.tests.items()
                if test == name}


def environment(folder):
    """With word of two strings that test.c itself leaks."""
    leaks = os.path.join(folder, "leaks")
    with open(leaks, "w", encoding="utf-8") as file:
        file.write("leak:sdsnewlen\n")
    return dict(os.environ,
                LSAN_OPTIONS=f"print_suppressions=0:suppressions={leaks}")


def run_all(args, kind, objects, ports):
    both = [word for pair in zip(objects, ports) for word in pair]
    ran = subprocess.run([args.host, kind] + both, check=False, text=True,
                         stdout=subprocess.PIPE,
                         env=environment(os.path.dirname(objects[0])))
    if ran.returncode == 77:
        raise Skip(ran.stdout.partition("# SKIP ")[2].strip())
    print(f"# on {kind}: status {ran.returncode}")
    return ran.returncode, Outcome(ran.stdout)


def no_wait(name):
    name = name.rpartition(": ")[2]
    return any(name.startswith(begin) for begin in NO_WAIT)


def faults(name, threads, greenlets):
    """What is wrong with a test on greenlets."""
    without, patched = threads.of(name), greenlets.of(name)
    measures = any(how == "ended" for how, _, _ in patched.values())
    if without.keys() != patched.keys() and not measures:
        yield f"run by {sorted(without)} on threads, {sorted(patched)} patched"
    for program, (how, _, _) in patched.items():
        if how == "failed":
            yield f"failed in program {program}"
    if no_wait(name):
        if any(answers for _, answers, _ in without.values()):
            yield "said not to wait, but the server answered"
        return
    still = [program for program, (_, _, switches) in patched.items()
             if switches == 0]
    if len(still) > (len(patched) - 1 if name == SOME_WAIT else 0):
        yield f"never switched in programs {still}"


def judge(threads, greenlets):
    """A line for each test; true if all is well."""
    well = True
    names = list(dict.fromkeys(threads.names() + greenlets.names()))
    print(f"1..{len(names)}")
    for number, name in enumerate(names, 1):
        if any(how == "failed" for how, _, _ in threads.of(name).values()):
            print(f"ok {number} - {name} # SKIP fails on threads, too")
            continue
        wrong = list(faults(name, threads, greenlets))
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for what in wrong:
            print("#", what)
        well = well and not wrong
    return well


def run(args, stack):
    source = get_source(args)
    folder = tempfile.mkdtemp(prefix="thrum-suite-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    ports = start_servers(stack)
    objects = compile_program(args, source, folder)
    status, threads = run_all(args, "threads", objects, ports)
    if status != 0 or len(threads.status) < TOGETHER:
        print("# not all have come to their end on threads")
        return 1
    status, greenlets = run_all(args, "greenlets", objects, ports)
    well = judge(threads, greenlets)
    same = greenlets.status == threads.status
    return 0 if well and same and status == 0 else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--cc", nargs="+", required=True)
    args = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, keeper.told_to_end)
    try:
        with contextlib.ExitStack() as stack:
            return run(args, stack)
    except Skip as why:
        print(f"1..0 # SKIP {why}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
