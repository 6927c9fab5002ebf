#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The largest stack frames of shared objects, for choosing a guard's size.

    tools/large_frames.py [--least BYTES] LIBRARY...

Reads the disassembly of objdump (x86-64): each place that makes room on the
stack by more than --least bytes at once, with the function that it is in, as
far as symbols tell. A guard catches a frame if it is at least as large.
"""
import argparse
import re
import subprocess
import sys

ROOM = re.compile(r"\bsub\s+\$0x([0-9a-f]+),%rsp")
FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
GUARDS_KIB = (4, 16, 32, 48, 64)


def frames_of(library, least):
    """(bytes, function) of each frame of at least so many bytes."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", library],
                          check=True, capture_output=True, text=True).stdout
    function = "?"
    for line in text.splitlines():
        match = FUNCTION.match(line)
        if match:
            function = match.group(1)
        match = ROOM.search(line)
        if match and least <= int(match.group(1), 16) < 1 << 31:
            yield int(match.group(1), 16), function


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--least", type=int, default=4096)
    parser.add_argument("libraries", nargs="+")
    args = parser.parse_args()
    for library in args.libraries:
        frames = sorted(frames_of(library, args.least), reverse=True)
        print(f"{library}: {len(frames)} frames of {args.least} bytes or more")
        for kib in GUARDS_KIB:
            over = sum(1 for size, _ in frames if size > kib * 1024)
            print(f"  a guard of {kib:2} KiB is stepped over by {over}")
        for size, function in frames[:8]:
            print(f"  {size:8} {function}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
