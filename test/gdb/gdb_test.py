#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the real gdb tells of greenlets, of a process and of a core.

Each program is test/gdb/parked.c, built in another way. It is run up to its
breakpoint, and a core is written there; both are asked the same questions.
One TAP line for each. Skipped where there is no gdb, or none that may trace.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools"))
from checks import Report  # noqa: E402

LIMIT = 120  # seconds for one gdb
MARK = "== "

# (name, kind, state, a function that must be where it stands)
EXPECTED = [
    ("other parked", "greenlet", "suspended at a switch", "park_here"),
    ("other runs", "greenlet", "running", "wait_for_ever"),
    ("counter", "generator", "suspended at a yield", "count_from"),
    ("outer", "generator", "yields from another", "outer"),
    ("middle", "generator", "yields from another", "outer"),
    ("inner", "generator", "suspended at a yield", "count_from"),
    ("not begun", "generator", "not begun", "counter"),
    *((f"sleeper {i}", "greenlet", "suspended at a switch", "park_here")
      for i in range(5)),
    ("waiter", "greenlet", "waiting for event 0x[0-9a-f]+", "waits_here"),
    ("puller", "greenlet", "waits for another", "puller"),
    ("pulled", "generator", "waits for another", "pulled"),
    ("running", "greenlet", "running", "all_is_parked"),
]
BEGINNING = "thrumi_ctx_entry"  # of each stack
# What is asked of a process and of a core.
QUESTIONS = [
    "thrum greenlets",
    "bt",
    'thrum bt "sleeper 2"',
    "thrum bt counter",
    "thrum bt puller",
    'thrum bt "other runs"',
    'thrum bt "not begun"',
    "thrum bt all",
    "thrum bt all 1",
    "thrum apply counter frame function count_from",
    "thrum bt nobody",
    "thread 2",
    "up",
    "thrum bt running",
    "thrum bt counter -1",
    "thrum bt counter 2",
    "info frame",
]


class Session:
    """What one gdb has answered, by command."""

    def __init__(self, args, commands, *program, **options):
        command = [args.gdb, "-q", "-batch", "-nx",
                   "-iex", "set debuginfod enabled off",
                   "-iex", "set disable-randomization off",
                   "-iex", "set width 0", "-iex", "set height 0",
                   "-iex", f"add-auto-load-safe-path {args.build}"]
        if args.source_script:
            command += ["-x", args.script]
        for one in commands:
            command += ["-ex", f"echo {MARK}{self.quote(one)}\\n", "-ex", one]
        self.text = subprocess.run(
            [*command, *program], stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT,
            **options).stdout
        parts = re.split(f"^{MARK}(.*)\n", self.text, flags=re.M)
        self.answers = dict(zip(parts[1::2], parts[2::2]))

    @staticmethod
    def quote(text):
        return text.replace('"', '\\"')

    def __getitem__(self, command):
        return self.answers.get(command, "")


def functions(answer):
    """The names of the frames in a backtrace."""
    return [name for name in
            re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\S+) \(", answer, re.M)
            if name != "??"]


def in_order(answer, *expected):
    """Problems, unless these are among its functions, innermost first."""
    names = iter(functions(answer))
    if all(name in names for name in expected):
        return []
    return [f"no {', '.join(expected)} in:", *answer.splitlines()]


def sound(answer):
    """Problems of a backtrace that did not end as it should."""
    wrong = r"Backtrace stopped|corrupt|Error|Exception"
    if BEGINNING == "thrumi_ctx_entry":
        wrong += r"|\?\?"
    if re.search(wrong, answer):
        return answer.splitlines()
    return []


# ---- the answers ----

def check_list(session):
    answer = session["thrum greenlets"]
    problems = []
    for name, kind, state, function in EXPECTED:
        row = rf"^\d+ +{name}  +{kind} +[-\d]+ +{state}  +{function}\b"
        if not re.search(row, answer, re.M):
            problems.append(f"no {name}, {kind}, {state}, {function}")
    if len(re.findall("thread +[12] +waits for another", answer)) != 2:
        problems.append("not the stacks of two threads")
    return problems + (answer.splitlines() if problems else [])


def check_running(session):
    answer = session["bt"]
    problems = in_order(answer, "all_is_parked", "running") + sound(answer)
    if functions(answer)[-1:] != [BEGINNING]:
        problems += [f"it does not end at {BEGINNING}", answer]
    return problems


def check_parked(session):
    answer = session['thrum bt "sleeper 2"']
    return (in_order(answer, "thrum_greenlet_switch", "park_here", "descend",
                     "descend", "sleeper", BEGINNING) or
            sound(answer) or
            ([] if answer.count("\n#0 ") == 1 else ["no frame 0", answer]))


def check_generator(session):
    answer = session["thrum bt counter"]
    return (in_order(answer, "count_from", "counter", BEGINNING) or
            sound(answer))


def check_pulling(session):
    answer = session["thrum bt puller"]
    return (in_order(answer, "puller", BEGINNING) or sound(answer))


def check_running_elsewhere(session):
    answer = session['thrum bt "other runs"']
    return (in_order(answer, "wait_for_ever", "other_runs",
                     BEGINNING) or sound(answer))


def check_new(session):
    answer = session['thrum bt "not begun"']
    return [] if "It will call counter" in answer else answer.splitlines()


def check_groups(session):
    answer = session["thrum bt all"]
    if not re.search(r"^6 greenlets, suspended at a switch: \d", answer, re.M):
        return ["no group of 6", *answer.splitlines()]
    return in_order(answer, "park_here", "count_from", "main") + sound(answer)


def check_limit(session):
    answer = session["thrum bt all 1"]
    return [] if re.search(r"^and \d+ other backtraces", answer, re.M) \
        else answer.splitlines()


def check_apply(session):
    answer = session["thrum apply counter frame function count_from"]
    return [] if "in count_from (" in answer else answer.splitlines()


def check_nobody(session):
    answer = session["thrum bt nobody"]
    return [] if 'There is no greenlet or generator "nobody"' in answer and \
        "Traceback" not in answer else answer.splitlines()


def check_thread(session):
    """Another thread is selected; it and its frame must stay so."""
    problems = in_order(session["thrum bt running"], "all_is_parked",
                        "running")
    last = [BEGINNING] if BEGINNING == "thrumi_ctx_entry" else []
    if functions(session["thrum bt counter -1"]) != last:
        problems += ["bt -1", *session["thrum bt counter -1"].splitlines()]
    if len(functions(session["thrum bt counter 2"])) != 2:
        problems += ["bt 2", *session["thrum bt counter 2"].splitlines()]
    answer = session["info frame"]
    if "level 1" not in answer:
        problems += ["the frame did not stay", *answer.splitlines()]
    return problems


CHECKS = {
    "list": check_list,
    "plain bt in a running one": check_running,
    "bt of a parked greenlet": check_parked,
    "bt of a generator": check_generator,
    "bt of one that pulls": check_pulling,
    "bt of one that runs in another thread": check_running_elsewhere,
    "bt of one that has not begun": check_new,
    "bt all groups": check_groups,
    "bt all has a limit": check_limit,
    "apply": check_apply,
    "one that is not there": check_nobody,
    "another thread selected": check_thread,
}


def run_checks(report, name, session):
    for what, check in CHECKS.items():
        report.rule(f"{name}: {what}", check(session))


# ---- the sessions ----

UP_TO_THERE = ["break all_is_parked", "run"]


def check_program(report, args, program, folder):
    name = os.path.basename(program)
    core = os.path.join(folder, name + ".core")
    live = Session(args, [*UP_TO_THERE, f"thrum gcore {core}", *QUESTIONS],
                   program)
    run_checks(report, f"{name}, process", live)
    run_checks(report, f"{name}, core",
               Session(args, QUESTIONS, program, core))


def check_stripped(report, args, folder):
    """Without debug information there is a sentence, and no traceback."""
    name = "no debug information"
    if not args.shared or not shutil.which("strip"):
        report.skip(name, "no libthrum.so, or no strip(1)")
        return
    stripped = os.path.join(folder, "libthrum.so.0")
    subprocess.run(["strip", "-g", "-o", stripped, args.shared], check=True)
    session = Session(args, ["source " + args.script, *UP_TO_THERE,
                             "thrum greenlets"], args.program[0],
                      env=dict(os.environ, LD_LIBRARY_PATH=folder))
    answer = session["thrum greenlets"]
    report.rule(name, [] if answer.startswith(
        "There is no debug information of libthrum") else
        session.text.splitlines())


def check_no_process(report, args):
    session = Session(args, ["source " + args.script, "thrum greenlets"])
    answer = session["thrum greenlets"]
    report.rule("no process", [] if answer.startswith("There is no process")
                else session.text.splitlines())


def why_not(args):
    """Why gdb cannot be used here, or None."""
    if args.not_here:
        return args.not_here
    if not args.gdb:
        return "gdb is not installed"
    text = Session(args, ["python print(6 * 7)", "break main", "run"],
                   args.program[0]).text
    if "42\n" not in text:
        return "this gdb has no Python"
    if not re.search(r"^(Thread \d.*hit )?(Temporary )?Breakpoint 1, main",
                     text, re.M):
        return "gdb may not trace here"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--script", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--shared", help="libthrum.so, beside its script")
    parser.add_argument("--not-here", metavar="WHY")
    parser.add_argument("--ucontext", action="store_true")
    parser.add_argument("program", nargs="+")
    args = parser.parse_args()
    if args.ucontext:
        global BEGINNING
        BEGINNING = "strand_main"  # behind it the C library's, without names
    args.gdb = shutil.which("gdb")
    args.source_script = not args.shared
    report = Report()
    why = why_not(args)
    if why:
        report.skip("gdb", why)
        return report.end()
    with tempfile.TemporaryDirectory() as folder:
        for program in args.program:
            check_program(report, args, program, folder)
        check_stripped(report, args, folder)
    check_no_process(report, args)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
