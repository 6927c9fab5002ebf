#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may include whom.

    base <- sys <- task <- {pool, coro} <- hub <- {net, monkey, dist}

A file includes its own floor or a lower one; floors side by side never each
other. Only sys knows the system and the processor. `floors.py --self-test`
plants a fault of each kind and looks whether it is found.
"""
import argparse
import os
import re
import sys
import tempfile

from checks import Report, code_of, files_below, read

FLOORS = {"base": 0, "sys": 1, "task": 2, "pool": 3, "coro": 3, "hub": 4,
          "net": 5, "monkey": 5, "dist": 5}
# A library of its own, which has of the first one what everybody has: the public
# headers. Files without a state may be in both.
APART = {"monkey": ("base", "sys", "monkey")}
# These stand outside: they see the public headers alone.
OUTSIDE = ("cmd", "examples", "test/api", "bench")
# But one measures a part that no public call shows.
SEES_INSIDE = ("bench/net/peer_thrum_timers.c",)

# The headers of the language, which all floors may include. <signal.h> and
# <time.h> are the language's too, but what is wanted from them is the
# system's.
LANGUAGE = {name + ".h" for name in (
    "assert ctype errno float inttypes limits math stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string").split()}
# Floors that may name the system's headers beside those.
SYSTEM_FLOORS = ("sys", "net", "monkey", "dist")

# What a condition outside of sys may ask: our own switches, the language and
# whether a sanitizer watches. Never the system or the processor.
CONDITION = re.compile(r"THRUMI?_\w+|__SANITIZE_\w+|__has_feature|\w+_sanitizer"
                       r"|__cplusplus|__STDC_VERSION__|__GNUC__|__clang__"
                       r"|NDEBUG|defined")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
DIRECTIVE = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)")
MAX_CYCLE = 3


def includes_of(text):
    """(line number, is it a system include, name) of each #include."""
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == "<", match.group(2)


def floor_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_floors(root):
    """Includes that go up, sideways, or to what is not there."""
    problems = []
    for path in files_below(root, ["src"], (".c", ".h")):
        floor = floor_of(path)
        if floor not in FLOORS:
            problems.append(f"{path}: no floor is called '{floor}'")
            continue
        for number, system, name in includes_of(read(root, path)):
            if system:
                continue
            to = name.split("/")[0] if "/" in name else None
            if to not in FLOORS:
                problems.append(f"{path}:{number}: \"{name}\" does not begin "
                                "with a floor")
            elif to != floor and FLOORS[to] >= FLOORS[floor]:
                problems.append(f"{path}:{number}: {floor} includes {to} "
                                f"(\"{name}\")")
            elif to not in APART.get(floor, FLOORS):
                problems.append(f"{path}:{number}: {floor} is a library of "
                                f"its own, and includes {to} (\"{name}\")")
    return problems


def check_outside(root):
    """Programs and black box tests that reach into src/."""
    problems = []
    for path in files_below(root, OUTSIDE, (".c", ".h")):
        if path in SEES_INSIDE:
            continue
        for number, system, name in includes_of(read(root, path)):
            if not system and os.path.exists(os.path.join(root, "src", name)):
                problems.append(f"{path}:{number}: \"{name}\" is the "
                                "library's own")
    return problems


def check_public(root):
    """Public headers that need more than the language."""
    problems = []
    for path in files_below(root, ["include"], (".h",)):
        for number, system, name in includes_of(read(root, path)):
            if not system or not (name.startswith("thrum/")
                                  or name in LANGUAGE):
                problems.append(f"{path}:{number}: includes {name}")
    return problems


def check_system(root):
    """System headers and conditions outside of sys."""
    problems = []
    for path in files_below(root, ["src"], (".c", ".h")):
        if floor_of(path) in SYSTEM_FLOORS:
            continue
        text = read(root, path)
        for number, system, name in includes_of(text):
            if system and not (name in LANGUAGE or name.startswith("thrum/")):
                problems.append(f"{path}:{number}: <{name}> is for sys alone")
        for number, line in enumerate(code_of(text).splitlines(), 1):
            match = DIRECTIVE.match(line)
            for word in re.findall(r"[A-Za-z_]\w*", match.group(1)) \
                    if match else ():
                if not CONDITION.fullmatch(word):
                    problems.append(f"{path}:{number}: #if on {word} is for "
                                    "sys alone")
    return problems


def check_own_first(root):
    """A source file includes its own header first: it must stand alone."""
    problems = []
    for path in files_below(root, ["src"], (".c",)):
        stem = path[len("src/"):-len(".c")]
        public = f"thrum/{os.path.basename(stem)}.h"
        if os.path.exists(os.path.join(root, "src", stem + ".h")):
            own = stem + ".h"
        elif os.path.exists(os.path.join(root, "include", public)):
            own = public
        else:
            continue
        first = next((name for _, _, name in includes_of(read(root, path))),
                     None)
        if first != own:
            problems.append(f"{path}: {own} must be its first include")
    return problems


def unit_graph(root):
    """Which unit (a stem: .c and .h together) includes which."""
    graph = {}
    for path in files_below(root, ["src"], (".c", ".h")):
        unit = path[len("src/"):-2]
        edges = graph.setdefault(unit, set())
        for _, system, name in includes_of(read(root, path)):
            if not system and name.endswith(".h") and name[:-2] != unit:
                edges.add(name[:-2])
    return graph


def reach(graph, start):
    """All units that `start` includes, however far down."""
    seen, todo = set(), [start]
    while todo:
        for unit in graph.get(todo.pop(), ()):
            if unit not in seen:
                seen.add(unit)
                todo.append(unit)
    return seen


def knots_of(root):
    """Knots: files that all include each other, directly or not."""
    graph = unit_graph(root)
    below = {unit: reach(graph, unit) for unit in graph}
    knots = {tuple(sorted(other for other in below[unit]
                          if unit in below.get(other, ())))
             for unit in graph if unit in below[unit]}
    return [knot for knot in sorted(knots) if len(knot) > MAX_CYCLE]


def tell_knot(knot):
    return f"{len(knot)} files include each other: {', '.join(knot)}"


def check_cycles(root):
    return [tell_knot(knot) for knot in knots_of(root)]


RULES = {
    "a file includes its own floor or a lower one": check_floors,
    "programs and black box tests include public headers": check_outside,
    "public headers include the language and each other": check_public,
    "only sys knows the system and the processor": check_system,
    "own header first": check_own_first,
    f"no knot of more than {MAX_CYCLE} files": check_cycles,
}

# A file, and the rule that must find it.
PLANTED = [
    (check_floors, {"src/base/a.c": '#include "sys/b.h"\n'}),
    (check_floors, {"src/task/a.h": '#include "pool/b.h"\n'}),
    (check_floors, {"src/pool/a.c": '#include "coro/b.h"\n'}),
    (check_floors, {"src/coro/a.c": '# include "pool/b.h"\n'}),
    (check_floors, {"src/task/a.c": '#include "common.h"\n'}),
    (check_floors, {"src/misc/a.c": "\n"}),
    (check_floors, {"src/monkey/a.c": '#include "hub/b.h"\n'}),
    (check_outside, {"cmd/a.c": '#include "task/b.h"\n',
                     "src/task/b.h": "\n"}),
    (check_public, {"include/thrum/a.h": "#include <unistd.h>\n"}),
    (check_system, {"src/base/a.c": "#include <pthread.h>\n"}),
    (check_system, {"src/task/a.c": "#include <sys/mman.h>\n"}),
    (check_system, {"src/pool/a.c": "#ifdef __linux__\n#endif\n"}),
    (check_system, {"src/pool/a.c": "# if defined(__aarch64__)\n#endif\n"}),
    (check_own_first, {"src/task/a.c": '#include <errno.h>\n'
                                       '#include "task/a.h"\n',
                       "src/task/a.h": "\n"}),
    (check_cycles, {f"src/task/{a}.h": f'#include "task/{b}.h"\n'
                    for a, b in ("ab", "bc", "cd", "da")}),
]
CLEAN = {
    "src/base/a.h": "#include <stddef.h>\n",
    "src/sys/b.c": "#include <pthread.h>\n#ifdef __linux__\n#endif\n",
    "src/task/a.h": '/* #include "pool/b.h" */\n#ifndef THRUMI_TASK_A_H\n'
                    '#define THRUMI_TASK_A_H\n#include "base/a.h"\n#endif\n',
    "src/task/a.c": '#include "task/a.h"\n\n#include "sys/b.h"\n',
    "src/pool/b.c": '#include <thrum/base.h>\n#include "task/a.h"\n',
    "src/hub/c.c": '#include "pool/b.h"\n#include "coro/d.h"\n',
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
    for rule, files in PLANTED:
        path, text = next(iter(files.items()))
        report.rule(f"found in {path}: {text.splitlines()[0]}",
                    [] if found_in(files, rule) else ["it was not found"])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("root", nargs="?", default=".")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    report = Report()
    if args.self_test:
        self_test(report)
    else:
        for name, rule in RULES.items():
            report.rule(name, rule(args.root))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
