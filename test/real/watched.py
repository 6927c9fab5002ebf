#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a test under THRUM_MONKEY_WATCH=2, in which nothing may be told.

    watched.py PROGRAM...

Where the kernel or a tool is in the way, the program is run all the same.
"""
import os
import subprocess
import sys

TOLD = b"thrum: greenlet "


def main():
    environment = dict(os.environ, THRUM_MONKEY_WATCH="2")
    ran = subprocess.run(sys.argv[1:], env=environment, check=False,
                         stderr=subprocess.PIPE)
    sys.stderr.buffer.write(ran.stderr)
    if TOLD in ran.stderr:
        print("# blocking calls were told of, see standard error", flush=True)
        return 1
    return ran.returncode


if __name__ == "__main__":
    sys.exit(main())
