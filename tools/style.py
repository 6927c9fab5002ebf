#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of style that a script can check.

Lengths and nesting of functions and files, calls that are not made here, what
the comment of a public function must say, and the small things: SPDX lines,
blanks at line ends, paths of somebody's machine. `--longest` lists the ten
longest functions; `--self-test` plants a fault of each kind.
"""
import argparse
import os
import re
import sys
import tempfile

from checks import (Report, blank, code_of, files_below, line_comments,
                    read, C_TOKEN)

C_FOLDERS = ["src", "include", "cmd", "examples", "test", "bench"]
ALL_FOLDERS = C_FOLDERS + ["man", "docs", "tools", "script", ".ci", "changes"]
MAX_FILE, MAX_FUNCTION, MAX_NESTING, MAX_PARAMETERS = 500, 60, 3, 5
MAX_TEST_FILE = 1000  # a list of short tests of one thing may be long

# Calls that are refused in all that users run or copy, and what to use.
NEVER = {
    "strcpy": "memcpy or snprintf", "strcat": "snprintf", "gets": "fgets",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "strtok": "strcspn",
    "alloca": "the heap", "signal": "sigaction", "rand": "a seeded generator",
    "atoi": "strtol", "mktemp": "mkstemp", "tmpnam": "mkstemp",
}
# Calls that the library makes nowhere besides.
NEVER_IN_SRC = {
    "sleep": "park to a deadline", "usleep": "park to a deadline",
    "nanosleep": "park to a deadline", "printf": "the log",
    "puts": "the log", "perror": "the log", "system": "nothing",
    "setenv": "nothing", "longjmp": "a return", "exit": "a return",
    "thrd_create": "pthread_create",
}
# But there.
ALLOWED = {"src/sys/fork.c": {"exit"}}  # the end of a child's last stack
PLAIN_ATOMIC = re.compile(
    r"\batomic_(?:load|store|exchange|compare_exchange_(?:weak|strong)"
    r"|fetch_(?:add|sub|or|xor|and))\s*\(")
FOUR_LINES = ("Call from:", "Blocks:", "Ownership:", "Returns:")
CONTROL = re.compile(r"^( +)(?:\} else )?"
                     r"(?:if|for|while|do|switch|\w+_each\w*)\b(?! *=)")


def c_files(root, folders):
    return files_below(root, folders, (".c", ".h"))


class Function:
    """A function as clang-format leaves it: braces in the first column."""

    def __init__(self, path, first, head, body):
        self.path, self.first, self.body = path, first, body
        inside = head[head.rfind("(", 0, head.find("(") + 1) + 1:]
        self.name = re.findall(r"(\w+)\s*\(", head)[:1] or ["?"]
        self.name = self.name[0]
        self.parameters = self.count(inside)
        self.lines = len(body)

    @staticmethod
    def count(inside):
        """Commas at the outermost level, up to the closing parenthesis."""
        depth, commas = 0, 0
        for char in inside:
            if char == ")" and depth == 0:
                break
            depth += (char == "(") - (char == ")")
            commas += char == "," and depth == 0
        return commas + 1

    def where(self):
        return f"{self.path}:{self.first}: {self.name}()"


def functions_of(path, text):
    lines = code_of(text).splitlines()
    start = 0
    for number, line in enumerate(lines):
        if line.startswith("{"):
            head = " ".join(lines[start:number])
            try:
                end = lines.index("}", number)
            except ValueError:
                continue
            if "(" in head:
                yield Function(path, start + 1, head, lines[number:end + 1])
        elif not line.strip() or line[0] in "}#" or line.endswith(";"):
            start = number + 1


def all_functions(root, folders):
    for path in c_files(root, folders):
        yield from functions_of(path, read(root, path))


def check_lengths(root):
    return [f"{one.where()} has {one.lines} lines"
            for one in all_functions(root, C_FOLDERS)
            if one.lines > MAX_FUNCTION]


# Callbacks whose parameters another library decides, and which one.
FOREIGN_SIGNATURES = {"server_handle": "MHD_AccessHandlerCallback",
                      "startmain_begin": "__libc_start_main"}


def hooked_names(root):
    """What is patched: a test may put a function of its own in its place."""
    if not os.path.exists(os.path.join(root, "src/monkey/list.h")):
        return set()
    return set(re.findall(r"^HOOK\([^,]+, (\w+)\)",
                          read(root, "src/monkey/list.h"), re.M))


def check_parameters(root):
    """Public functions are what the headers say, and hooks what libc's do; the
    rest keeps the rule."""
    of_libc = hooked_names(root)
    public = set(re.findall(r"\b(thrum_\w+)\s*\(", "".join(
        code_of(read(root, path)) for path in c_files(root, ["include"]))))
    return [f"{one.where()} has {one.parameters} parameters"
            for one in all_functions(root, C_FOLDERS)
            if one.parameters > MAX_PARAMETERS and one.name not in public
            and one.name not in FOREIGN_SIGNATURES
            and one.name not in of_libc
            and not one.name.startswith("thrumi_hook_")]


def check_nesting(root):
    problems = []
    for one in all_functions(root, C_FOLDERS):
        depth = max((len(match.group(1)) // 4 for match in
                     map(CONTROL.match, one.body) if match), default=0)
        if depth > MAX_NESTING:
            problems.append(f"{one.where()} nests {depth} deep")
    return problems


def check_file_lengths(root):
    return [f"{path} has {lines} lines"
            for path in c_files(root, C_FOLDERS)
            for lines in [read(root, path).count("\n")]
            if lines > (MAX_TEST_FILE if path.endswith("_test.c")
                        else MAX_FILE)]


def calls(root, folders, banned):
    names = re.compile(r"(?<![\w.>])(" + "|".join(banned) + r")\s*\(")
    for path in c_files(root, folders):
        for number, line in enumerate(code_of(read(root, path)).splitlines(),
                                      1):
            for match in names.finditer(line):
                if match.group(1) in ALLOWED.get(path, ()):
                    continue
                yield (f"{path}:{number}: {match.group(1)}(): use "
                       f"{banned[match.group(1)]}")


def check_calls(root):
    return [*calls(root, ["src", "include", "cmd", "examples"], NEVER),
            *calls(root, ["src"], NEVER_IN_SRC)]


def check_atomics(root):
    """Atomics say their order; the one fence is base/fence.h."""
    problems = []
    for path in c_files(root, ["src"]):
        for number, line in enumerate(code_of(read(root, path)).splitlines(),
                                      1):
            fence = "atomic_thread_fence" in line
            if PLAIN_ATOMIC.search(line) or (
                    fence and path != "src/base/fence.h"):
                problems.append(f"{path}:{number}: {line.strip()}")
    return problems


def groups_of(text):
    """(line, comment, first declaration) of each group of public ones."""
    comment, line = "", 1
    for part in re.split(r"\n[ \t]*\n(?=\S)", text):
        comments = [match.group() for match in C_TOKEN.finditer(part)
                    if match.group().startswith("/*")]
        code = C_TOKEN.sub(blank, part)
        match = re.search(r"^THRUM_API\b[^;]*?\b(thrum_\w+)\s*\(", code, re.M)
        if comments:
            comment = comments[0]
        if match:
            yield line, (comment if comments else ""), match.group(1)
        line += part.count("\n") + 2


def check_comments(root):
    """Where a public function may be called, what it blocks, and so on."""
    problems = []
    for path in c_files(root, ["include"]):
        for line, comment, name in groups_of(read(root, path)):
            lacks = [word for word in FOUR_LINES if word not in comment]
            if lacks:
                problems.append(f"{path}:{line}: {name}() lacks "
                                f"{', '.join(lacks)}")
    return problems


def check_line_comments(root):
    return [f"{path}:{number}: // is for local debugging"
            for path in c_files(root, C_FOLDERS)
            for number in line_comments(read(root, path))]


def sources(root):
    """Every file that has lines of its own, scripts without an ending too."""
    found = files_below(root, ALL_FOLDERS,
                        (".c", ".h", ".py", ".build", ".map", ".sh"))
    found += [path for path in files_below(root, ["script", ".ci"], ("",))
              if path not in found]
    found += [name for name in ("meson.build", "meson_options.txt", "Makefile")
              if os.path.exists(os.path.join(root, name))]
    return found


def check_spdx(root):
    return [f"{path} has no SPDX line" for path in sources(root)
            if path != "meson_options.txt" and "SPDX-License-Identifier: MIT"
            not in "".join(read(root, path).splitlines()[:3])]


def texts(root):
    found = sources(root)
    found += files_below(root, ALL_FOLDERS, (".md", ".scd"))
    found += [name for name in os.listdir(root) if name.endswith(".md")]
    return sorted(set(found))


def check_blanks(root):
    problems = []
    for path in texts(root):
        text = read(root, path)
        problems += [f"{path}:{number}: blanks at the end"
                     for number, line in enumerate(text.split("\n"), 1)
                     if line != line.rstrip()]
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            problems.append(f"{path}: must end with one line end")
    return problems


def check_paths(root):
    """Homes of people, and the place where this tree lies."""
    here = os.path.abspath(root)
    machine = r"(?<![\w.])/(?:home|Users)/\w+"
    if here.count("/") > 1:
        machine += "|" + re.escape(here) + r"(?![\w-])"
    machine = re.compile(machine)
    return [f"{path}:{number}: names a place of one machine"
            for path in texts(root)
            for number, line in enumerate(read(root, path).splitlines(), 1)
            if machine.search(line)]


RULES = {
    f"functions have at most {MAX_FUNCTION} lines": check_lengths,
    f"functions have at most {MAX_PARAMETERS} parameters": check_parameters,
    f"functions nest at most {MAX_NESTING} deep": check_nesting,
    f"files have at most {MAX_FILE} lines": check_file_lengths,
    "no banned calls": check_calls,
    "atomics say their order": check_atomics,
    "public functions say the four things": check_comments,
    "no // comments": check_line_comments,
    "SPDX lines": check_spdx,
    "no blanks at line ends": check_blanks,
    "no paths of one machine": check_paths,
}

SPDX = "/* SPDX-License-Identifier: MIT */\n"
LONG = "static void f(void)\n{\n" + "    g();\n" * 60 + "}\n"
DEEP = ("static void f(void)\n{\n    if (a) {\n        for (;;) {\n"
        "            while (b) {\n                if (c)\n"
        "                    g();\n            }\n        }\n    }\n}\n")
PLANTED = [
    (check_lengths, "src/base/a.c", LONG),
    (check_parameters, "src/base/a.c",
     "static int f(int a, int b, int c, int d,\n             int (*e)(int), "
     "int f)\n{\n    return 0;\n}\n"),
    (check_nesting, "src/base/a.c", DEEP),
    (check_file_lengths, "src/base/a.c", "\n" * 501),
    (check_calls, "src/base/a.c", "    strcpy(a, b);\n"),
    (check_calls, "src/base/a.c", "    usleep (1);\n"),
    (check_calls, "src/sys/thread.c", "    exit(0);\n"),
    (check_calls, "src/sys/fork.c", "    system(a);\n"),
    (check_calls, "cmd/a.c", "    signal(SIGINT, f);\n"),
    (check_atomics, "src/base/a.c", "    atomic_load(&a);\n"),
    (check_atomics, "src/task/a.c", "    atomic_thread_fence(order);\n"),
    (check_comments, "include/thrum/a.h",
     "/* Does it.\n *\n * Call from:  x.\n * Blocks:     no.\n"
     " * Returns:    0. */\nTHRUM_API int thrum_a(void);\n"),
    (check_comments, "include/thrum/a.h", "THRUM_API int thrum_a(void);\n"),
    (check_line_comments, "src/base/a.c", "int a; // b\n"),
    (check_spdx, "src/base/a.c", "int a;\n"),
    (check_blanks, "src/base/a.c", "int a; \n"),
    (check_paths, "src/base/a.c", "/* see /home" + "/somebody/notes */\n"),
]
CLEAN = {
    "src/base/a.c": SPDX + "/* it's // not one: \"/*\" */\n"
    "static int f(int a, int (*g)(int, int, int, int, int))\n{\n"
    "    const char *s = \"strcpy(a) // no\";\n    my_signal(a);\n"
    "    options.exit(1);\n    if (a) {\n        return 0;\n    }\n"
    "    return atomic_load_explicit(&a, order);\n}\n",
    "src/sys/fork.c": SPDX + "void f(void)\n{\n    exit(0);\n}\n",
    "include/thrum/a.h": SPDX + "\n/* Two.\n *\n * Call from:  x.\n"
    " * Blocks:     no.\n * Ownership:  y.\n * Returns:    0. */\n"
    "THRUM_API int thrum_a(void);\nTHRUM_API THRUM_MUST_USE int\n"
    "thrum_b(int a);\n",
}


def found_in(files, rule):
    """What the rule says of a tree of these files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in files.items():
            path = os.path.join(root, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return rule(root)


def self_test(report):
    for name, rule in RULES.items():
        report.rule(f"clean tree: {name}", found_in(CLEAN, rule))
    for rule, path, text in PLANTED:
        last = text.strip().splitlines() or ["(blank lines)"]
        report.rule(f"{rule.__name__} finds it in {path}: {last[-1].strip()}",
                    [] if found_in({path: text}, rule) else ["not found"])


def print_longest(root):
    every = sorted(all_functions(root, ["src", "cmd"]),
                   key=lambda one: -one.lines)
    for one in every[:10]:
        print(f"{one.lines:4} {one.where()}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--longest", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if args.longest:
        print_longest(args.root)
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
