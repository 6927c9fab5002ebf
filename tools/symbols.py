#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What libthrum.so shows to the world.

Every exported symbol begins with thrum_, is declared in a public header and
stands in a man page; every declared one is exported; and the library needs
nothing but libc. With `--header`, of libthrum-monkey.so: what that header
declares, and libthrum beside libc.
"""
import argparse
import os
import re
import subprocess
import sys

from checks import Report, code_of, files_below, read


def run(*command):
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout


def exported(library):
    """Defined dynamic symbols, without the names of version nodes."""
    rows = [line.split() for line in
            run("nm", "-D", "--defined-only", library).splitlines()]
    return {row[-1].split("@")[0] for row in rows if row[-2] != "A"}


APART = {"include/thrum/monkey.h"}  # has a library of its own


def declared(root, header):
    """Functions and variables that the public headers mark THRUM_API."""
    names = set()
    paths = set(files_below(root, ["include"], (".h",)))
    for path in {header} if header else paths - APART:
        code = re.sub(r"^[ \t]*#(?:.*\\\n)*.*", "", code_of(read(root, path)),
                      flags=re.M)
        code = re.sub(r"__attribute__\s*\(\(.*?\)\)(?=;)", "", code, flags=re.S)
        names |= set(re.findall(
            r"\bTHRUM_API\b[^;(]*?\b(\w+)\s*(?:\(|;)", code))
    return names


def needed(library):
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]",
                          run("readelf", "-d", "-W", library)))


def check_man(report, root, symbols):
    name = "each exported symbol stands in a man page"
    pages = files_below(root, ["man"], (".scd",))
    if not pages:
        report.skip(name, "there is no man/*.scd")
        return
    words = set(re.findall(r"\w+", "\n".join(
        read(root, page).replace("\\_", "_") for page in pages)))
    report.rule(name, sorted(symbols - words))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("object")
    parser.add_argument("root")
    parser.add_argument("--header")
    args = parser.parse_args()
    report = Report()
    symbols, public = exported(args.object), declared(args.root, args.header)
    report.rule("exported symbols begin with thrum_",
                sorted(name for name in symbols
                       if not name.startswith("thrum_")))
    report.rule("exported symbols are declared", sorted(symbols - public))
    report.rule("declared functions are exported", sorted(public - symbols))
    check_man(report, args.root, symbols)
    libc = re.compile(r"libc\.so|ld-linux|libpthread\.so|libgcc_s\.so"
                      r"|lib[atu]\w*san\.so" +
                      (r"|libthrum\.so" if args.header else ""))
    report.rule("nothing is needed but libc",
                sorted(name for name in needed(args.object)
                       if not libc.match(name)))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
