#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a command on a machine that is held up, as a busy host holds up guests.

    tools/hold_up.py [--span SECONDS] [--pause SECONDS] COMMAND...

On each CPU a process of real-time priority spins for a random time of up to
--span seconds, pauses for one of up to --pause, and so on. Whatever runs there
stands still meanwhile, wherever it is: so threads meet in ways that they find
once in a thousand runs otherwise. Needs root, or CAP_SYS_NICE.
"""
import argparse
import multiprocessing
import os
import random
import subprocess
import sys
import time

PRIORITY = 50  # of a real-time process: any is before all that have none


def hold_up(cpu, span, pause):
    """Never ends; the caller ends the process."""
    os.sched_setaffinity(0, {cpu})
    while True:
        until = time.monotonic() + random.uniform(0, span)
        while time.monotonic() < until:
            pass
        time.sleep(random.uniform(0, pause))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--span", type=float, default=0.12)
    parser.add_argument("--pause", type=float, default=0.12)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("which command?")
    holders = [multiprocessing.Process(target=hold_up, daemon=True,
                                       args=(cpu, args.span, args.pause))
               for cpu in sorted(os.sched_getaffinity(0))]
    for holder in holders:
        holder.start()
        try:
            os.sched_setscheduler(holder.pid, os.SCHED_FIFO,
                                  os.sched_param(PRIORITY))
        except PermissionError:
            sys.exit("hold_up.py: no real-time priority to be had: "
                     "it needs root, or CAP_SYS_NICE")
    return subprocess.run(args.command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
