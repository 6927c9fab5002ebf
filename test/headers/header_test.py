#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles each public header by itself, strictly, with each compiler here.

One TAP line per header and compiler. A compiler that is not installed is one
skipped line with its name.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

# Each by the names that it may have; Debian's clang has only the second.
COMPILERS = {"c": [["gcc"], ["clang", "clang-14"]],
             "c++": [["g++"], ["clang++", "clang++-14"]]}
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror", "-Wstrict-prototypes",
          "-Wshadow", "-Wundef", "-Wwrite-strings"]
C_ONLY = ["-Wstrict-prototypes"]


def headers_below(include):
    """The public headers, as a program names them."""
    found = []
    for folder, _, names in os.walk(include):
        for name in names:
            if name.endswith(".h"):
                path = os.path.join(folder, name)
                found.append(os.path.relpath(path, include))
    return sorted(found)


def compile_alone(compiler, language, include, header):
    """Compiles a file that includes the header, twice. Returns its errors."""
    kind = "c++" if "++" in language else "c"
    flags = [flag for flag in STRICT if kind == "c" or flag not in C_ONLY]
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "alone." + ("c" if kind == "c" else "cc"))
        with open(source, "w", encoding="utf-8") as file:
            file.write(f"#include <{header}>\n#include <{header}>\n"
                       "int main(void);\nint main(void) { return 0; }\n")
        command = [compiler, "-std=" + language, *flags, "-I", include,
                   "-c", source, "-o", os.devnull]
        done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr or "failed\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", required=True)
    parser.add_argument("--language", required=True)
    args = parser.parse_args()
    headers = headers_below(args.include)
    number = 0
    failed = not headers
    for names in COMPILERS["c++" if "++" in args.language else "c"]:
        compiler = next(filter(shutil.which, names), None)
        if compiler is None:
            number += 1
            print(f"ok {number} {names[0]} # SKIP not installed")
            continue
        for header in headers:
            number += 1
            errors = compile_alone(compiler, args.language, args.include,
                                   header)
            verdict = "not ok" if errors else "ok"
            print(f"{verdict} {number} {header} {compiler} {args.language}")
            for line in errors.splitlines():
                print("#", line)
            failed = failed or bool(errors)
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
