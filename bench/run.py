# SPDX-License-Identifier: MIT
"""Runs a suite of benchmarks: every sample in a process of its own.

    run.py --built FOLDER --out FOLDER [options] [SUITE...]

The samples of all implementations are interleaved: one of each in a round,
in another order in every round. Of each the median, the least and the most
are told; ratios are those of medians of the same invocation. How a process
says its numbers: lines "metric value"; exit status 77 is "I cannot do this".
"""
import argparse
import importlib.util
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import time

SLACK = 0.15       # by which a gate may be missed
NOT_RUN = 77       # exit status of a program that cannot do a workload
TIMEOUT_S = 180    # for one sample
QUICK_SCALE = 50   # sizes are divided by this for --quick
WATCH_S = 2.0      # how long idle processes are watched
SETTLE_S = 1.0     # and how long they are left alone before


class Missing(Exception):
    """The implementation is not there, or cannot do the workload."""


def all_suites():
    """Every folder here with a suite.py."""
    here = os.path.dirname(os.path.abspath(__file__))
    return sorted(name for name in os.listdir(here)
                  if os.path.exists(os.path.join(here, name, 'suite.py')))


def load_suite(name):
    path = os.path.join(os.path.dirname(__file__), name, 'suite.py')
    spec = importlib.util.spec_from_file_location(name, path)
    suite = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(suite)
    return suite


def implementation(suite, impl, workload):
    """How it is started: of a workload that has programs of its own, OWN of
    the suite tells who has one."""
    own = getattr(suite, 'OWN', {}).get(workload, suite.IMPLS)
    if impl not in own:
        raise Missing('')
    return own[impl]


def command_of(suite, impl, workload, options):
    command, needs, package = implementation(suite, impl, workload)
    hint = f' (package {package})' if package else ''
    if needs and not os.path.exists(os.path.join(options.built, needs)):
        raise Missing('not built' + hint)
    line = command(options.built)
    if not line[0] or not shutil.which(line[0]):
        raise Missing('not installed' + hint)
    return line + [workload, str(options.scale)]


def numbers_of(text):
    """The lines "metric value" of a process."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2}


def sample(line):
    try:
        done = subprocess.run(line, capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise Missing(f'still running after {TIMEOUT_S} s') from None
    if done.returncode == NOT_RUN:
        raise Missing('')
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()[-1:] or ['no message']
        raise Missing(f'failed ({done.returncode}): {words[0]}')
    return numbers_of(done.stdout)


# ---- idle processes ----

def wakeups(pid):
    """How often the threads of a process have gone to sleep by themselves."""
    total = 0
    for thread in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{thread}/status',
                  encoding='ascii') as file:
            total += sum(int(line.split()[1]) for line in file
                         if line.startswith('voluntary_ctxt_switches'))
    return total


def cpu_ms(pid):
    """The CPU time of another process: its clock's number is (~pid << 3) | 2,
    see clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e6


def watch(lines):
    """Starts all, waits until they say "ready", and counts for WATCH_S what
    they do unasked. Returns impl -> numbers."""
    running = {}
    for impl, line in lines.items():
        process = subprocess.Popen(line, stdin=subprocess.PIPE, text=True,
                                   stdout=subprocess.PIPE)
        if process.stdout.readline().strip() == 'ready':
            running[impl] = process
        else:
            process.communicate()
    time.sleep(SETTLE_S)
    before = {impl: (wakeups(process.pid), cpu_ms(process.pid))
              for impl, process in running.items()}
    time.sleep(WATCH_S)
    counted = {impl: {'wakeups': wakeups(process.pid) - before[impl][0],
                      'cpu': cpu_ms(process.pid) - before[impl][1]}
               for impl, process in running.items()}
    for process in running.values():
        process.communicate()
    return counted


# ---- rounds ----

class Results:
    """Samples by (workload, impl, metric), and why some are missing."""

    def __init__(self):
        self.samples = {}
        self.missing = {}

    def add(self, workload, impl, numbers):
        for metric, value in numbers.items():
            self.samples.setdefault((workload, impl, metric), []).append(value)

    def median(self, workload, impl, metric):
        values = self.samples.get((workload, impl, metric))
        return statistics.median(values) if values else None

    def drop(self, workload, impl, why):
        """Says why; what fails in one round has no samples at all."""
        self.missing[workload, impl] = why
        for key in [key for key in self.samples if key[:2] == (workload, impl)]:
            del self.samples[key]


def commands_for(suite, workload, results, options):
    lines = {}
    for impl in options.impls:
        if (workload, impl) in results.missing:
            continue
        try:
            lines[impl] = command_of(suite, impl, workload, options)
        except Missing as why:
            results.drop(workload, impl, str(why))
    return lines


def run_samples(workload, lines, results):
    for impl in random.sample(sorted(lines), len(lines)):
        try:
            results.add(workload, impl, sample(lines[impl]))
        except Missing as why:
            results.drop(workload, impl, str(why))


def run_watched(workload, lines, results):
    counted = watch(lines)
    for impl in lines:
        if impl in counted:
            results.add(workload, impl, counted[impl])
        else:
            results.drop(workload, impl, '')


def say_progress(text):
    if sys.stderr.isatty():
        print('\r\033[K' + text, end='', file=sys.stderr, flush=True)


def run_rounds(suite, options):
    results = Results()
    for number in range(options.rounds):
        for workload in options.workloads:
            say_progress(f'round {number + 1} of {options.rounds}: {workload}')
            lines = commands_for(suite, workload, results, options)
            run = run_watched if workload in suite.WATCHED else run_samples
            run(workload, lines, results)
    say_progress('')
    return results


# ---- telling ----

def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True,
                              check=False)
    except OSError:
        return 'not installed'
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else 'not installed'


def processor():
    with open('/proc/cpuinfo', encoding='utf-8') as file:
        for line in file:
            if line.startswith('model name'):
                return line.split(':', 1)[1].strip()
    return platform.machine()


def print_header(suite, options):
    commit = first_line(['git', 'describe', '--always', '--dirty'])
    print(f'thrum      {commit}')
    print(f'processor  {processor()}, {os.cpu_count()} CPUs')
    print(f'system     Linux {platform.release()}, load '
          f'{os.getloadavg()[0]:.2f} at the start')
    print(f'rounds     {options.rounds}' +
          (f', sizes divided by {options.scale}' if options.scale > 1 else ''))
    for name, command in suite.VERSIONS.items():
        print(f'{name:10s} {first_line(command)}')


def number(value):
    if value == 0:
        return '0'
    if abs(value) >= 100:
        return f'{value:.0f}'
    return f'{value:.2f}' if abs(value) >= 1 else f'{value:.3f}'


def rows_of(suite, workload, metric, results, options):
    """(impl, samples), the best first."""
    name, _, better = metric
    rows = [(impl, results.samples[workload, impl, name])
            for impl in options.impls
            if (workload, impl, name) in results.samples]
    return sorted(rows, key=lambda row: statistics.median(row[1]),
                  reverse=better == 'higher')


def print_table(suite, workload, metric, results, options):
    name, unit, better = metric
    base = results.median(workload, suite.MEETER, name)
    print(f'\n{workload}: {suite.WORKLOADS[workload][0]}; '
          f'{name} in {unit}, {better} is better')
    print(f'  {"":20s} {"median":>10s} {"min..max":>20s} {"n":>3s} '
          f'{"x " + suite.MEETER:>9s}')
    for impl, values in rows_of(suite, workload, metric, results, options):
        median = statistics.median(values)
        ratio = f'{median / base:9.3f}' if base else f'{"-":>9s}'
        spread = f'{number(min(values))}..{number(max(values))}'
        print(f'  {impl:20s} {number(median):>10s} {spread:>20s} '
              f'{len(values):3d} {ratio}')


def print_missing(workload, results, options):
    cannot = []
    for impl in options.impls:
        why = results.missing.get((workload, impl))
        if why:
            print(f'  {impl:20s} not run: {why}')
        elif why is not None:
            cannot.append(impl)
    if cannot:
        print(f'  does not have this: {", ".join(cannot)}')


def meant_by(gate, suite):
    """(workload, implementation) that a gate is about."""
    first = gate[0]
    return first if isinstance(first, tuple) else (first, suite.MEETER)


def other_of(gate, suite, results):
    """(its number, its name); (1, None) where the bound is a number itself."""
    _, metric, _, _, other, _ = gate
    workload, _ = meant_by(gate, suite)
    if other is None:
        return 1.0, None
    name = other
    if isinstance(other, tuple):
        workload, other = other
        name = f'{other} at {workload}'
    return results.median(workload, other, metric), name


def judge(suite, gate, results):
    """A gate is (workload, metric, sense, factor, other, 'gate' or 'aim'): the
    meeter's median against factor times that of the other, which is another
    implementation, the pair (another workload, implementation), or None. Where
    the pair (workload, implementation) stands first, that one is meant and not
    the meeter.
    Returns ('pass', 'slack', 'miss', or None if it was not measured; text)."""
    _, metric, sense, factor, _, kind = gate
    workload, impl = meant_by(gate, suite)
    own = results.median(workload, impl, metric)
    base, other = other_of(gate, suite, results)
    bound = f'{sense} {factor:g}' + (f' x {other}' if other else '')
    whose = f'{impl} ' if impl != suite.MEETER else ''
    text = f'{kind:4s} {whose}{workload}/{metric} {bound}'
    if own is None or base is None:
        return None, f'{text:50s} not measured'
    goal = factor * base
    by = own / goal if goal else (1.0 if own == 0 else float('inf'))
    by = by if sense == '>=' or not by else 1 / by
    verdict = ('pass' if by >= 1 else 'slack' if by >= 1 - SLACK else 'miss')
    shown = f'{own / base:.3g} x' if other else number(own)
    how = {'pass': 'pass', 'slack': 'pass within slack',
           'miss': 'MISS'}[verdict]
    return verdict, f'{text:50s} {shown:>9s}  {how}, {by:.2f} of what it takes'


def print_gates(suite, results, options):
    """Returns whether every gate holds."""
    held = True
    print(f'\ngates and aims (slack {SLACK:.0%}; above 1 is better than asked)')
    for gate in suite.GATES:
        if meant_by(gate, suite)[0] not in options.workloads:
            continue
        verdict, text = judge(suite, gate, results)
        print(f'  {text}')
        if gate[5] == 'gate' and verdict in (None, 'miss'):
            held = False
    return held


def write_json(name, suite, results, options):
    suffix = '.quick.jsonl' if options.quick else '.jsonl'
    os.makedirs(options.out, exist_ok=True)
    path = os.path.join(options.out, name + suffix)
    described = {(workload, metric[0]): metric
                 for workload, (_, metrics) in suite.WORKLOADS.items()
                 for metric in metrics}
    with open(path, 'w', encoding='ascii') as file:
        for (workload, impl, metric), values in results.samples.items():
            _, unit, better = described[workload, metric]
            json.dump({'suite': name, 'workload': workload, 'impl': impl,
                       'metric': metric, 'unit': unit, 'better': better,
                       'median': statistics.median(values),
                       'min': min(values), 'max': max(values),
                       'n': len(values)}, file)
            file.write('\n')
    return path


def choose(text, known, what):
    """The names in `text` if each is known to some suite; None: all."""
    if not text:
        return None
    names = text.split(',')
    for name in names:
        if name not in known:
            sys.exit(f'bench: no {what} is called {name}; there are: '
                     + ', '.join(known))
    return names


def choose_all(options):
    """Loads the suites, and keeps what of them was chosen."""
    names = choose(','.join(options.suite), all_suites(), 'suite')
    suites = {name: load_suite(name) for name in names or all_suites()}
    options.only = choose(options.only, known_to(suites, 'WORKLOADS'),
                          'workload')
    options.impl = choose(options.impl, known_to(suites, 'IMPLS'),
                          'implementation')
    return suites


def known_to(suites, table):
    return list(dict.fromkeys(name for suite in suites.values()
                              for name in getattr(suite, table)))


def chosen(names, known):
    return [name for name in names or known if name in known]


def run_suite(name, suite, options):
    """Returns whether every gate holds."""
    options.workloads = chosen(options.only, suite.WORKLOADS)
    options.impls = chosen(options.impl, suite.IMPLS)
    if not options.workloads or not options.impls:
        return True
    print(f'==== {name}')
    print_header(suite, options)
    results = run_rounds(suite, options)
    for workload in options.workloads:
        for metric in suite.WORKLOADS[workload][1]:
            print_table(suite, workload, metric, results, options)
        print_missing(workload, results, options)
    held = print_gates(suite, results, options)
    print(f'\nwritten: {write_json(name, suite, results, options)}')
    return held


def parse(arguments):
    parser = argparse.ArgumentParser(prog='script/bench', description='runs '
                                     'benchmarks against peers and floors')
    parser.add_argument('suite', nargs='*', default=[],
                        help=', '.join(all_suites()) + '; all by default')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--quick', action='store_true',
                        help='one short round, to see that all of it works')
    parser.add_argument('--only', metavar='WORKLOAD,...')
    parser.add_argument('--impl', metavar='NAME,...')
    parser.add_argument('--check', action='store_true',
                        help='fail when a gate is missed by more than slack')
    parser.add_argument('--built', help=argparse.SUPPRESS)
    parser.add_argument('--out', help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.rounds = 1 if options.quick else options.rounds
    options.scale = QUICK_SCALE if options.quick else 1
    if options.rounds < 1:
        parser.error('--rounds must be 1 or more')
    return options


def main():
    options = parse(sys.argv[1:])
    built = options.built
    # For the peers in Python: measure.py.
    os.environ['PYTHONPATH'] = os.path.dirname(os.path.abspath(__file__))
    held = True
    for name, suite in choose_all(options).items():
        options.built = os.path.join(built, name)
        held = run_suite(name, suite, options) and held
    return 1 if options.check and not held else 0


if __name__ == '__main__':
    sys.exit(main())
