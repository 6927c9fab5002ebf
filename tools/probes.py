#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Are the probes in libthrum.so those that docs/design/watching.md lists?

Only for a library that was built with them (option `usdt`).
"""
import argparse
import re
import subprocess

from checks import Report, read


def in_library(library):
    notes = subprocess.run(["readelf", "-n", "-W", library], check=True,
                           capture_output=True, text=True).stdout
    return set(re.findall(r"Provider: thrum\s+Name: (\w+)", notes))


def in_table(root):
    return set(re.findall(r"^\| `(\w+__\w+)` \|",
                          read(root, "docs/design/watching.md"), flags=re.M))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("object")
    parser.add_argument("root")
    args = parser.parse_args()
    found, listed = in_library(args.object), in_table(args.root)
    report = Report()
    report.rule("each probe is listed", sorted(found - listed))
    report.rule("each that is listed is there", sorted(listed - found))
    return report.end()


if __name__ == "__main__":
    raise SystemExit(main())
