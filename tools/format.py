#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the C files against .clang-format, with clang-format 14 and no other.

Other versions lay out a few things differently. `--fix` rewrites the files.
Exits with 77, which Meson counts as skipped, where there is no version 14.
"""
import argparse
import re
import shutil
import subprocess
import sys

from checks import files_below

VERSION = 14
FOLDERS = ["src", "include", "cmd", "examples", "test", "bench"]


def find_formatter():
    for name in (f"clang-format-{VERSION}", "clang-format"):
        path = shutil.which(name)
        if path is None:
            continue
        said = subprocess.run([path, "--version"], capture_output=True,
                              text=True).stdout
        match = re.search(r"version (\d+)\.", said)
        if match and int(match.group(1)) == VERSION:
            return path
    return None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--fix", action="store_true")
    args = parser.parse_args()
    formatter = find_formatter()
    if formatter is None:
        print(f"skipped: clang-format {VERSION} is not installed")
        return 77
    how = ["-i"] if args.fix else ["--dry-run", "-Werror"]
    files = files_below(args.root, FOLDERS, (".c", ".h"))
    return subprocess.run([formatter, "--style=file", *how, *files],
                          cwd=args.root).returncode


if __name__ == "__main__":
    sys.exit(main())
