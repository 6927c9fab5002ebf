#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does test/RULES.md say what the tests of the rules are?

A rule is a letter and a number, F12; a test of it begins with that, F12_...
Each rule has a row in a table of its section:

    In test/api where no folder is named.

    | F12 | switch | future: `F12_one`, `F12_two`; unit/faults: `F12_three` |

`future` is test/api/future_test.c then. Each test that is named must be there,
in that file, and each test of a rule must be named, in the row of its rule.
`rules.py --missing` prints what is not named yet, as rows to be put into the
tables; `--self-test` plants a fault of each kind and looks whether it is found.
"""
import argparse
import collections
import os
import re
import sys
import tempfile

from checks import Report, code_of, files_below, read

PAGE = "test/RULES.md"
FOLDERS = ["test/api", "test/unit", "test/model", "test/coro", "test/stress",
           "test/monkey"]
CLASSES = {"same", "switch", "differs", "owns", "note"}  # a note needs no test

RULE = re.compile(r"[A-Z][0-9]+")
TEST = re.compile(r"\bTEST\w*\(\s*(\w+)")
SECTION = re.compile(r"In (test/\w+) where no folder is named\.")
ROW = re.compile(r"\|\s*([A-Z][0-9]+)\s*\|\s*([^|]*?)\s*\|\s*(.*?)\s*\|$")
FILE = re.compile(r"([\w/]+):\s*`")
NAME = re.compile(r"`(\w+)`")

Row = collections.namedtuple("Row", "line rule classes tests")


def rule_of(test):
    """The rule that the test begins with, or None."""
    rule, _, rest = test.partition("_")
    return rule if rest and RULE.fullmatch(rule) else None


def tests_of(root):
    """The names of the tests in each file."""
    return {path: TEST.findall(code_of(read(root, path)))
            for path in files_below(root, FOLDERS, ("_test.c",))}


def path_of(name, folder):
    folder = "test" if "/" in name else folder
    return f"{folder}/{name}_test.c"


def cited(text, folder):
    """(path, test) of each test that the last cell of a row names."""
    for part in text.split(";"):
        match = FILE.match(part.strip())
        path = path_of(match.group(1), folder) if match else None
        for name in NAME.findall(part):
            yield path, name


def rows_of(root):
    folder = None
    for number, line in enumerate(read(root, PAGE).splitlines(), 1):
        section = SECTION.search(line)
        if line.startswith("#"):
            folder = None
        elif section:
            folder = section.group(1)
        row = ROW.match(line)
        if row:
            yield Row(number, row.group(1), row.group(2).split(", "),
                      list(cited(row.group(3), folder)))


def check_rows(root):
    """Rows that are there twice, of no known class, or without a test."""
    problems, seen = [], set()
    for row in rows_of(root):
        where = f"{PAGE}:{row.line}: {row.rule}"
        if row.rule in seen:
            problems.append(f"{where} has a row already")
        seen.add(row.rule)
        problems += [f"{where}: no class is called '{name}'"
                     for name in row.classes if name not in CLASSES]
        if not row.tests and "note" not in row.classes:
            problems.append(f"{where} names no test")
    return problems if seen else [f"{PAGE}: no row was found"]


def check_cited(root):
    """Tests that are named and are not there, or in the row of another."""
    tests, problems = tests_of(root), []
    for row in rows_of(root):
        for path, test in row.tests:
            where = f"{PAGE}:{row.line}: {test}"
            if test not in tests.get(path, ()):
                problems.append(f"{where} is not in {path or 'a file'}")
            elif rule_of(test) not in (None, row.rule):
                problems.append(f"{where} is in the row of {row.rule}")
    return problems


def missing_of(root):
    """(path, test) of each test of a rule that is not named."""
    named = {pair for row in rows_of(root) for pair in row.tests}
    return [(path, test) for path, tests in tests_of(root).items()
            for test in tests if rule_of(test) and (path, test) not in named]


def check_tests(root):
    """Tests of rules that are not named."""
    return [f"{path}: {test} is not in {PAGE}"
            for path, test in missing_of(root)]


def name_of(path):
    """A file as a section in test/api names it."""
    return path.removeprefix("test/").removeprefix("api/") \
        .removesuffix("_test.c")


def rows_for(pairs):
    """Rows that name these tests, in the order of the rules."""
    rules = {}
    for path, test in pairs:
        files = rules.setdefault(rule_of(test), {})
        files.setdefault(name_of(path), []).append(f"`{test}`")
    return [f"| {rule} | same | " + "; ".join(
                f"{name}: {', '.join(tests)}"
                for name, tests in rules[rule].items()) + " |"
            for rule in sorted(rules, key=lambda rule: (rule[0],
                                                        int(rule[1:])))]


RULES = {
    "each rule has one row, with a class and a test": check_rows,
    "each test that is named is there": check_cited,
    "each test of a rule is named": check_tests,
}

HEAD = "## Section\n\nIn test/api where no folder is named.\n\n"
CLEAN = {
    PAGE: HEAD + "| F1 | same, owns | a: `F1_x`, `F1_y`; coro/b: `F1_z` |\n"
                 "| F2 | note | (note) F1 covers it |\n"
                 "| F3 | same | a: `plain` |\n",
    "test/api/a_test.c": "TEST(F1_x)\nTEST(F1_y)\nTEST(plain)\n",
    "test/coro/b_test.c": "/* TEST(F9_x) */\nTEST_ONCE(F1_z)\nTEST(F_x)\n",
}
# A page, and the rule that must find its fault beside the tests above.
PLANTED = [
    (check_rows, "nothing\n"),
    (check_rows, HEAD + "| F1 | same | a: `F1_x` |\n| F1 | note | |\n"),
    (check_rows, HEAD + "| F1 | sane | a: `F1_x` |\n"),
    (check_rows, HEAD + "| F1 | same | |\n"),
    (check_cited, HEAD + "| F1 | same | a: `F1_w` |\n"),
    (check_cited, HEAD + "| F1 | same | b: `F1_z` |\n"),
    (check_cited, HEAD + "| F1 | same | `F1_x` |\n"),
    (check_cited, HEAD + "| F2 | same | a: `F1_x` |\n"),
    (check_cited, "| F1 | same | a: `F1_x` |\n"),
    (check_tests, HEAD + "| F1 | same | a: `F1_x`, `F1_y` |\n"),
]


def found_in(files, rule):
    """What the rule says of a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return rule(root)


def check_written():
    """Rows that are printed for a page without any must make it clean."""
    empty = {**CLEAN, PAGE: HEAD}
    rows = found_in(empty, lambda root: rows_for(missing_of(root)))
    page = HEAD + "".join(row + "\n" for row in rows)
    return [problem for rule in RULES.values()
            for problem in found_in({**CLEAN, PAGE: page}, rule)]


def self_test(report):
    for name, rule in RULES.items():
        report.rule(f"clean tree: {name}", found_in(CLEAN, rule))
    for rule, page in PLANTED:
        found = found_in({**CLEAN, PAGE: page}, rule)
        report.rule(f"found in: {page.splitlines()[-1]}",
                    [] if found else ["it was not found"])
    report.rule("rows that are printed are right", check_written())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.missing:
        print("\n".join(rows_for(missing_of(args.root))))
        return 0
    report = Report()
    if args.self_test:
        self_test(report)
    else:
        for name, rule in RULES.items():
            report.rule(name, rule(args.root))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
