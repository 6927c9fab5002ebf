#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the library says of itself to the loader about stacks.

An assembly file without its note makes the stacks of every program that loads
the library executable; and the mark of a shadow stack (SHSTK, GCS) would have
the system turn on what knows nothing of switches between stacks.
"""
import argparse
import re
import shutil
import subprocess
import sys

from checks import Report


def readelf(option, path):
    return subprocess.run(["readelf", option, path], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def check_stack(headers):
    """The program header says: to be read and written, no more."""
    lines = [line.split() for line in headers.splitlines()
             if "GNU_STACK" in line]
    if not lines:
        return ["there is no GNU_STACK: the stack is executable"]
    return [] if lines[0][6:-1] == ["RW"] else [" ".join(lines[0])]


def check_segments(headers):
    """Nothing is both written and executed."""
    return [line for line in headers.splitlines()
            if re.search(r"^\s+LOAD\b.*\bRWE\b", line)]


def check_shadow_stack(notes):
    return [line.strip() for line in notes.splitlines()
            if re.search(r"\b(SHSTK|GCS)\b", line)]


HEADER = "  GNU_STACK 0x000000 0x0000000000000000 0x0000000000000000 " \
         "0x000000 0x000000 {} 0x10\n"


def self_test(report):
    report.rule("found: no GNU_STACK", [] if check_stack("") else ["no"])
    report.rule("found: RWE", [] if check_stack(HEADER.format("RWE"))
                else ["no"])
    report.rule("clean: RW", check_stack(HEADER.format("RW ")))
    report.rule("found: SHSTK", [] if check_shadow_stack(
        "  Properties: x86 feature: IBT, SHSTK\n") else ["no"])
    report.rule("clean: IBT", check_shadow_stack(
        "  Properties: x86 feature: IBT\n"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("object", nargs="?")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    report = Report()
    if args.self_test:
        self_test(report)
    elif not shutil.which("readelf"):
        report.skip("the library's stacks", "no readelf(1)")
    else:
        headers = readelf("-lW", args.object)
        report.rule("stacks are not executable", check_stack(headers))
        report.rule("nothing is written and executed",
                    check_segments(headers))
        report.rule("no mark of a shadow stack",
                    check_shadow_stack(readelf("-nW", args.object)))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
