# SPDX-License-Identifier: MIT
"""The other side of a workload of the net suite.

    drive.py FOLDER PROGRAM [ARGUMENT...] WORKLOAD SCALE

Starts the program of a peer as server or as client, on a CPU of its own, and
what it talks to on another; prints "metric value" lines of both. FOLDER has
net-load and net-delay, and room for files. Real servers are those of
test/real/keeper.py.

A server says "port N" once it listens. A client finds the port in $BENCH_PORT.
Both are children that end with this process, however it ends.
"""
import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NOT_RUN = 77
SPAN_MS = 400            # for which an echo server is asked
WRK_S = 2
MANY = 10_000            # connections whose memory is counted
SPARE = 200              # descriptors beside those of connections
FILE_SIZE = 64 << 20
PATIENCE_S = 20          # until a server listens
TRACED = 20_000          # requests whose system calls are counted
BEFORE = 10              # and on every connection before them
LEASH = ['setpriv', '--pdeathsig', 'KILL']  # before a child's command
RESIDENT = ('VmRSS:', 'VmPTE:')
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = CPUS[:1], CPUS[1:2] or CPUS[:1]
SERVER_CPUS = [cpu for cpu in CPUS if cpu not in CLIENT_CPU] or CPUS
KEEPER = os.path.join(os.path.dirname(__file__), '..', '..', 'test', 'real',
                      'keeper.py')


class Drive:
    def __init__(self, arguments):
        self.folder = os.path.abspath(arguments[0])
        self.program = arguments[1:-2]
        self.workload, self.scale = arguments[-2], int(arguments[-1])

    def own(self, name):
        return os.path.join(self.folder, name)

    def scaled(self, n):
        return max(1, n // self.scale)

    def peer(self, role, **settings):
        """What to start, and in which environment."""
        environment = {**os.environ, **settings}
        return self.program + [role, str(self.scale)], environment


def need_descriptors(connections, of_each=1):
    """As many as there may be; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < connections * of_each + SPARE:
        each = f' with {of_each} descriptors each' if of_each > 1 else ''
        sys.exit(f'RLIMIT_NOFILE is {most}: too few for {connections} '
                 f'connections{each}')
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextlib.contextmanager
def child(line, cpus, environment=None, **options):
    os.sched_setaffinity(0, cpus)
    process = subprocess.Popen(
        [*LEASH, *line], env=environment, text=True, stdout=subprocess.PIPE,
        **options)
    os.sched_setaffinity(0, CPUS)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def leave_if_it_has_none(process):
    """After its output has ended."""
    code = process.wait()
    if code:
        sys.exit(code)


def port_of(process):
    words = process.stdout.readline().split()
    if words[:1] != ['port']:
        leave_if_it_has_none(process)
        sys.exit('the server has not said its port')
    return int(words[1])


@contextlib.contextmanager
def server(drive, role, tracer=()):
    """A peer that serves, and its port."""
    with tempfile.TemporaryDirectory() as folder:
        line, environment = drive.peer(role, BENCH_FOLDER=folder)
        with child([*tracer, *line], SERVER_CPU, environment) as process:
            yield process, port_of(process)


def said_by(keeper):
    """Its lines, the last of which is "ready" if all is well."""
    lines = []
    for line in keeper.stdout:
        lines.append(line.strip())
        if lines[-1] == 'ready':
            break
    return lines


@contextlib.contextmanager
def real_server(name, package):
    """What its clients are told as variables; it ends with its input."""
    with child([sys.executable, KEEPER, name], SERVER_CPUS,
               stdin=subprocess.PIPE) as keeper:
        *variables, last = said_by(keeper) or ['']
        if last.startswith('missing'):
            sys.exit(f'package {package} is not installed')
        if last != 'ready':
            sys.exit(f'{name} has not started')
        yield dict(line.split('=', 1) for line in variables)


def load(drive, *numbers):
    """See load.c: a port, connections, ..."""
    return [drive.own('net-load'), *map(str, numbers)]


def say(metric, value):
    print(f'{metric} {value:.4f}', flush=True)


# ---- workloads ----

def echo(drive, connections):
    need_descriptors(connections)
    with server(drive, 'echo') as (process, port):
        line = load(drive, port, connections, process.pid,
                    max(50, drive.scaled(SPAN_MS)))
        with child(line, CLIENT_CPU) as client:
            print(client.stdout.read(), end='', flush=True)
            leave_if_it_has_none(client)


def total_of(path):
    """The last line of what strace has counted: how many, "total"."""
    with open(path, encoding='ascii', errors='replace') as file:
        words = file.read().split()
    if words[-1:] != ['total']:
        sys.exit('strace has not counted')
    return int(words[-2])


def traced(drive, connections, requests):
    """(system calls of the server, requests that it has answered)"""
    with tempfile.NamedTemporaryFile() as file:
        tracer = ['strace', '-I2', '-f', '-qq', '-c', '-U', 'calls,name', '-o',
                  file.name, *LEASH]
        with server(drive, 'echo', tracer) as (process, port):
            line = load(drive, port, connections, process.pid, 0, requests)
            with child(line, CLIENT_CPU, stdin=subprocess.PIPE) as client:
                said = client.stdout.readline().split()
                if not said:
                    leave_if_it_has_none(client)
                process.terminate()
                process.wait()
                return total_of(file.name), float(said[1])


def calls(drive, connections):
    """What a server takes for more requests on as many connections: without
    its start, and theirs."""
    if not shutil.which('strace'):
        sys.exit('package strace is not installed')
    need_descriptors(connections)
    first = BEFORE * connections
    few = traced(drive, connections, first)
    more = max(first, drive.scaled(TRACED))
    many = traced(drive, connections, first + more)
    say('calls', (many[0] - few[0]) / (many[1] - few[1]))


def resident(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return 1024 * sum(int(line.split()[1]) for line in file
                          if line.startswith(RESIDENT))


def memory(drive, connections):
    need_descriptors(connections)
    with server(drive, 'echo') as (process, port):
        few = load(drive, port, 10, process.pid, 0)
        many = load(drive, port, connections, process.pid, 0)
        with child(few, CLIENT_CPU, stdin=subprocess.PIPE) as client:
            client.stdout.readline()
            before = resident(process.pid)
            with child(many, CLIENT_CPU, stdin=subprocess.PIPE) as other:
                if not other.stdout.readline():
                    leave_if_it_has_none(other)
                say('bytes', (resident(process.pid) - before) / connections)


def cpu_of(pid):
    """Of another process: its clock's number is (~pid << 3) | 2, see
    clock_getcpuclockid(3)."""
    return time.clock_gettime((~pid << 3) | 2)


def microseconds(text, what):
    number, unit = re.search(what + r'\s+([\d.]+)(us|ms|s)', text).groups()
    return float(number) * {'us': 1, 'ms': 1e3, 's': 1e6}[unit]


def http(drive, connections):
    if not shutil.which('wrk'):
        sys.exit('package wrk is not installed')
    need_descriptors(connections)
    with server(drive, 'http') as (process, port):
        wait_for_port(port)
        seconds = 1 if drive.scale > 1 else WRK_S
        line = ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--latency',
                f'http://127.0.0.1:{port}/']
        used = cpu_of(process.pid)
        with child(line, CLIENT_CPU) as client:
            said = client.stdout.read()
        used = cpu_of(process.pid) - used
    if 'Non-2xx' in said or 'Socket errors' in said:
        sys.exit(f'wrk: {said.strip()}')
    requests = int(re.search(r'(\d+) requests in', said).group(1))
    say('cpu', used / requests * 1e6)
    say('rate', float(re.search(r'Requests/sec:\s+([\d.]+)', said).group(1))
        / 1e3)
    say('p50', microseconds(said, '50%'))
    say('p99', microseconds(said, '99%'))


def wait_for_port(port):
    """Until somebody listens: 0A is the state that says so."""
    wanted = f':{port:04X}'
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with open('/proc/net/tcp', encoding='ascii') as file:
            for line in file:
                words = line.split()
                if words[1].endswith(wanted) and words[3] == '0A':
                    return
        time.sleep(0.01)
    sys.exit(f'nobody listens at port {port}')


def run_peer(line, cpus, environment):
    with child(line, cpus, environment) as process:
        print(process.stdout.read(), end='', flush=True)
        leave_if_it_has_none(process)


def fan_out(drive, connections, *arguments):
    """$BENCH_FDS: descriptors of the peer for a connection, 1 unless said."""
    need_descriptors(connections, int(os.environ.get('BENCH_FDS', '1')))
    with child([drive.own('net-delay'), *arguments], SERVER_CPU) as other:
        line, environment = drive.peer(drive.workload,
                                       BENCH_PORT=str(port_of(other)))
        run_peer(line, CLIENT_CPU, environment)


def queries(drive):
    with real_server('postgres', 'postgresql') as variables:
        line, environment = drive.peer(drive.workload, **variables)
        run_peer(line, CLIENT_CPU, environment)


def alone(drive):
    """Nobody is on the other side."""
    line, environment = drive.peer(drive.workload)
    run_peer(line, CPUS, environment)


def cached_file(drive):
    """One that lies in the page cache, made once."""
    path = drive.own('net-file.data')
    if not os.path.exists(path) or os.path.getsize(path) != FILE_SIZE:
        with open(path, 'wb') as file:
            file.write(os.urandom(1 << 20) * (FILE_SIZE >> 20))
    with open(path, 'rb') as file:
        while file.read(1 << 20):
            pass
    return path


def file_reads(drive):
    line, environment = drive.peer('file', BENCH_FILE=cached_file(drive))
    run_peer(line, CPUS, environment)


WORKLOADS = {
    'echo1': lambda drive: echo(drive, 1),
    'echo100': lambda drive: echo(drive, 100),
    'echo1000': lambda drive: echo(drive, 1000),
    'echo10000': lambda drive: echo(drive, 10_000),
    'fanout1000': lambda drive: fan_out(drive, drive.scaled(1000)),
    'fanout10000': lambda drive: fan_out(drive, drive.scaled(10_000)),
    'curl1000': lambda drive: fan_out(drive, drive.scaled(1000), 'http'),
    'curl10000': lambda drive: fan_out(drive, drive.scaled(10_000), 'http'),
    'http': lambda drive: http(drive, 100),
    'pq1000': queries,
    'calls100': lambda drive: calls(drive, 100),
    'calls1000': lambda drive: calls(drive, 1000),
    'timers': alone,
    'outside': alone,
    'hub': alone,
    'file': file_reads,
    'memory': lambda drive: memory(drive, drive.scaled(MANY)),
}


def main():
    drive = Drive(sys.argv[1:])
    if drive.workload not in WORKLOADS:
        sys.exit(NOT_RUN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    WORKLOADS[drive.workload](drive)


if __name__ == '__main__':
    main()
