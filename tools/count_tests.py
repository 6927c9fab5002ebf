#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the tests of one or more runs, and names those that did not pass.

Reads a record: one line per step of a run, its words parted by tabs.

    log   TIER  PATH     a testlog.json of Meson: its TAP lines are counted
    ok    TIER  WHAT     a step that is itself one test, and passed
    fail  TIER  WHAT
    skip  TIER  WHAT (WHY)

A test program that crashed, ran out of time, ended before its plan or failed
after its last test counts as one more failed test; what is marked as to do
counts as skipped. The last line printed is "N passed, N failed" with
", N skipped" if any were; exit status 1 if any failed or none passed.
"""
import argparse
import json
import re
import sys
import tempfile

TAP_LINE = re.compile(r"^(not )?ok\b(?:\s+\d+)?\s*(?:- )?(.*)$")
TAP_SKIP = re.compile(r"\s*#\s*skip\S*\s*(.*)$", re.I)
# cmocka does not say which tests skipped themselves: test_skipped() does, on
# a line before theirs.
SKIPS_NEXT = re.compile(r"^# \S+:\d+: skipped: (.*)$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)(.*)$")
TAP_TODO = re.compile(r"\s*#\s*todo\b\s*(.*)$", re.I)


class Count:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add_line(self, program, match, why=None):
        """One "ok" or "not ok" line; why: it has skipped itself."""
        if why is not None and not match.group(1):
            self.skipped.append(f"{program}: {match.group(2)} ({why})")
            return
        skip = (TAP_SKIP.search(match.group(2))
                or match.group(1) and TAP_TODO.search(match.group(2)))
        name = match.group(2)[:skip.start()] if skip else match.group(2)
        if skip:
            why = f" ({skip.group(1)})" if skip.group(1) else ""
            self.skipped.append(f"{program}: {name.strip()}{why}")
        elif match.group(1):
            self.failed.append(f"{program}: {name.strip()}")
        else:
            self.passed += 1

    def add_tap(self, program, output):
        """All lines of a program. Returns (lines seen, lines planned)."""
        seen, planned, failed = 0, None, len(self.failed)
        why = None
        for line in output.splitlines():
            plan = TAP_PLAN.match(line)
            match = TAP_LINE.match(line)
            if plan:
                planned = int(plan.group(1))
                skip = TAP_SKIP.search(plan.group(2))
                if planned == 0 and skip:
                    self.skipped.append(f"{program} ({skip.group(1)})")
            elif SKIPS_NEXT.match(line):
                why = SKIPS_NEXT.match(line).group(1)
            elif match:
                seen += 1
                failed = len(self.failed)
                self.add_line(program, match, why)
                why = None
            elif line.startswith("# ") and len(self.failed) > failed:
                self.failed[-1] += "\n    " + line[2:]
        return seen, planned

    def add_program(self, tier, entry):
        """One program of a testlog."""
        program = tier + entry["name"].split(":", 1)[-1]
        output, result = entry.get("stdout", ""), entry["result"]
        failed = len(self.failed)
        seen, planned = self.add_tap(program, output)
        code = entry.get("returncode", 0)
        if result == "TIMEOUT":
            self.failed.append(f"{program}: ran out of time")
        elif code < 0 or code > 128:
            how = f"signal {-code}" if code < 0 else f"exit status {code}"
            self.failed.append(f"{program}: crashed ({how})")
        elif planned is not None and seen != planned:
            self.failed.append(f"{program}: {seen} of {planned} tests ran")
        elif result not in ("OK", "SKIP", "EXPECTEDFAIL"):
            if len(self.failed) == failed:
                self.failed.append(f"{program}: {result.lower()}, exit status "
                                   f"{code}")
        elif planned is None and seen == 0:
            self.add_plain(program, result, output)

    def add_plain(self, program, result, output):
        if result == "SKIP":
            why = output.strip().splitlines()[-1:]
            self.skipped.append(program + (f" ({why[0]})" if why else ""))
        else:
            self.passed += 1

    def add_log(self, tier, path):
        try:
            with open(path, encoding="utf-8") as file:
                entries = [json.loads(line) for line in file]
        except (OSError, ValueError) as error:
            self.failed.append(f"{tier}no results: {error}")
            return
        for entry in entries:
            self.add_program(tier, entry)
        if not entries:
            self.failed.append(f"{tier}no test ran")

    def add_record(self, path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                kind, tier, what = line.rstrip("\n").split("\t")
                tier = tier + ": " if tier else ""
                if kind == "log":
                    self.add_log(tier, what)
                elif kind == "ok":
                    self.passed += 1
                elif kind == "skip":
                    self.skipped.append(tier + what)
                else:
                    self.failed.append(tier + what)

    def summary(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {len(self.skipped)} skipped" if self.skipped
                       else "")


def entry(name, output, result="OK", code=0):
    return {"name": "thrum:api / " + name, "stdout": output, "result": result,
            "returncode": code}


# What a program did, and what it must count as: passed, failed, skipped.
KNOWN = [
    (entry("why", "1..1\n# before\nnot ok 1 - a\n# why\n# and\n", "ERROR", 1),
     (0, 1, 0)),
    (entry("known", "1..1\nnot ok 1 - a # TODO b\n"), (0, 0, 1)),
    (entry("good", "1..3\nok 1 - a\nok 2 - b # SKIP no gdb\nok 3 - c\n"),
     (2, 0, 1)),
    (entry("bad", "1..2\nok 1 - a\nnot ok 2 - b\n# why\n", "ERROR", 1),
     (1, 1, 0)),
    (entry("crash", "1..2\nok 1 - a\n", "ERROR", -11), (1, 1, 0)),
    (entry("leak", "1..1\nok 1 - a\n", "ERROR", 23), (1, 1, 0)),
    (entry("hang", "1..2\nok 1 - a\n", "TIMEOUT", -15), (1, 1, 0)),
    (entry("short", "1..2\nok 1 - a\n", "ERROR"), (1, 1, 0)),
    (entry("none", "1..0 # SKIP no curl\n", "SKIP"), (0, 0, 1)),
    (entry("cmocka", "1..1\nnot ok 1 # SKIP b\n", "FAIL"), (0, 1, 1)),
    (entry("plain", ""), (1, 0, 0)),
    (entry("talks", "all is well\n"), (1, 0, 0)),
    (entry("fails", "", "FAIL", 1), (0, 1, 0)),
    (entry("skips", "skipped: no cmake\n", "SKIP", 77), (0, 0, 1)),
]


def self_test():
    print(f"1..{len(KNOWN) + 1}")
    good = True
    for number, (known, expected) in enumerate(KNOWN, 1):
        count = Count()
        count.add_program("", known)
        got = (count.passed, len(count.failed), len(count.skipped))
        good = good and got == expected
        print("ok" if got == expected else "not ok", number, known["name"],
              "" if got == expected else f"counts as {got}")
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as record:
        record.write("log\tasan\t/nonexistent\nok\tgcc\tbuild\n"
                     "fail\t\tx\nskip\tarm\ty (no qemu)\n")
        record.flush()
        count = Count()
        count.add_record(record.name)
    same = count.summary() == "1 passed, 2 failed, 1 skipped"
    print("ok" if same else "not ok", len(KNOWN) + 1, "a whole record")
    return 0 if good and same else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("record", nargs="?")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.self_test:
        return self_test()
    if args.record is None:
        parser.error("give a record")
    count = Count()
    count.add_record(args.record)
    for name in count.skipped:
        print("skipped:", name)
    for name in count.failed:
        print("FAILED:", name)
    print(count.summary())
    return 1 if count.failed or count.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
