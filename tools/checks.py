# SPDX-License-Identifier: MIT
"""What the checks of the source tree share: files, C text, and TAP."""
import os
import re

SKIPPED = ("build", ".git", "subprojects", "__pycache__")


def files_below(root, folders, endings):
    """Paths relative to `root` of the files in `folders`, in order."""
    found = []
    for folder in folders:
        for where, below, names in os.walk(os.path.join(root, folder)):
            below[:] = [name for name in below
                        if not name.startswith(SKIPPED)]
            found += [os.path.relpath(os.path.join(where, name), root)
                      for name in names if name.endswith(endings)]
    return sorted(set(found))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


# A comment, a string or a character constant, whichever begins first.
C_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
                     r"|'(?:\\.|[^'\\\n])*'", re.S)


def blank(match):
    """The text as blanks, with its line ends: line numbers stay right."""
    return re.sub(r"[^\n]", " ", match.group())


def code_of(text):
    """C text without its comments and what its strings say."""
    return C_TOKEN.sub(blank, text)


def line_comments(text):
    """The line numbers of // comments."""
    return [text.count("\n", 0, match.start()) + 1
            for match in C_TOKEN.finditer(text)
            if match.group().startswith("//")]


class Report:
    """Prints one TAP line per rule, and its problems below it."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    def rule(self, name, problems):
        self.number += 1
        self.failed += bool(problems)
        print("not ok" if problems else "ok", self.number, name)
        for problem in problems:
            print("#", problem)

    def skip(self, name, why):
        self.number += 1
        print(f"ok {self.number} {name} # SKIP {why}")

    def todo(self, name, why):
        """A fault that is known, and does not fail until it grows."""
        self.number += 1
        print(f"not ok {self.number} {name} # TODO {why}")

    def end(self):
        print(f"1..{self.number}")
        return 1 if self.failed else 0
