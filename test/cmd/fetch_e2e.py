#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command `thrum fetch` as its users run it.

    fetch_e2e.py PATH-OF-THRUM [TEST...]

Each test runs the program against the server of its own demonstration, or
against sockets that misbehave, and looks at the exit status, at what was
written, and at the results read back with Python's readers. Nothing here
depends on how fast the machine is; what hangs is ended by LIMIT.
"""
import contextlib
import csv
import fcntl
import http.server
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import traceback

LIMIT = 120  # seconds for one run of the program; only a hang takes so long
OK, FAILED, USAGE, OUTPUT = 0, 1, 2, 3
FIELDS = ["url", "status", "bytes", "start", "seconds", "error"]


class Run:
    """A finished run of the program."""

    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr


class Bench:
    """What the tests share: the program, its server and a folder."""

    def __init__(self, thrum, folder):
        self.thrum, self.folder, self.count = thrum, folder, 0
        os.environ["no_proxy"] = "127.0.0.1"  # whatever proxy is set
        self.server = subprocess.Popen(
            [thrum, "fetch", "--demo-server", "20"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        port = self.server.stdout.readline().strip()
        self.base = f"http://127.0.0.1:{port}"

    @property
    def patches(self):
        """Does libc give way to greenlets, or do threads make their calls?"""
        return "whose calls threads make" not in self.fetch("--help").out

    @property
    def green(self):
        """What their row in tables is called."""
        return "green" if self.patches else "green (offloaded)"

    def close(self):
        self.server.stdin.close()
        self.server.stdout.close()
        status = self.server.wait(LIMIT)
        assert status == 0, f"the server ended with {status}"

    def url(self, path):
        return self.base + path

    def path(self, name):
        self.count += 1
        return os.path.join(self.folder, f"{self.count}-{name}")

    def fetch(self, *arguments, **keywords):
        """Runs `thrum fetch` to its end."""
        return Run(subprocess.run(
            [self.thrum, "fetch", *arguments], capture_output=True, text=True,
            timeout=LIMIT, check=False, **keywords))

    def start(self, *arguments, **keywords):
        return subprocess.Popen([self.thrum, "fetch", *arguments],
                                stderr=subprocess.PIPE, text=True, **keywords)

    def fetch_json(self, *arguments, **keywords):
        """The run, and its records by URL."""
        path = self.path("results.json")
        run = self.fetch(*arguments, "--results", path, **keywords)
        return run, by_url(read_json(path))


def read_json(path):
    with open(path, encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    for record in records:
        assert list(record) == FIELDS, f"fields are {list(record)}"
    return records


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        records = list(reader)
        assert reader.fieldnames == FIELDS, f"head is {reader.fieldnames}"
    return records


def by_url(records):
    return {record["url"]: record for record in records}


def expect(value, expected, what="value"):
    assert value == expected, f"{what} is {value!r}, expected {expected!r}"


def expect_in(part, text):
    assert part in text, f"{part!r} is not in {text!r}"


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def await_line(stream, part):
    """Reads lines up to one that has this part."""
    for line in stream:
        if part in line:
            return
    raise AssertionError(f"{part!r} never came")


@contextlib.contextmanager
def refusing_port():
    """A port of this machine that nobody listens at."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextlib.contextmanager
def http_server(handle):
    """A server whose answers `handle(handler)` writes."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            handle(self)

        def log_message(self, *arguments):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 128  # with 5, many clients wait for seconds
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# ---- what goes well ----

def test_all_is_well_on_every_executor(bench):
    urls = [bench.url(f"/item/{n}") for n in range(30)]
    for executor in ("inline", "threads", "green", "processes"):
        run, records = bench.fetch_json("-x", executor, "-j", "8", *urls)
        expect(run.status, OK, executor)
        expect(sorted(records), sorted(urls), "the URLs")
        for record in records.values():
            expect(record["status"], 200)
            expect(record["error"], "")
            assert record["bytes"] > 0 and record["seconds"] > 0


def test_more_urls_than_are_held_at_once(bench):
    urls = [bench.url(f"/bytes/{n}") for n in range(1, 1001)]
    path = write(bench.path("urls"), "\n".join(urls))
    run, records = bench.fetch_json("-j", "2", "-i", path)
    expect(run.status, OK)
    expect(len(records), 1000, "the number of records")
    for n in range(1, 1001):
        expect(records[bench.url(f"/bytes/{n}")]["bytes"], n)


def test_a_list_from_standard_input(bench):
    text = f"\ufeff# a list\r\n\r\n  {bench.url('/bytes/3')} \r\n"
    run, records = bench.fetch_json("-i", "-", bench.url("/bytes/4"),
                                    input=text)
    expect(run.status, OK)
    expect(sorted(records), sorted([bench.url("/bytes/3"),
                                    bench.url("/bytes/4")]))


def test_csv_by_its_name(bench):
    path = bench.path("results.csv")
    odd = 'not a "URL", this'
    run = bench.fetch(bench.url("/bytes/9"), odd, "--results", path)
    expect(run.status, FAILED)
    records = by_url(read_csv(path))
    expect(records[bench.url("/bytes/9")]["bytes"], "9")
    expect(records[bench.url("/bytes/9")]["error"], "")
    assert records[odd]["error"]


def test_results_on_standard_output(bench):
    run = bench.fetch(bench.url("/bytes/9"), "--results", "-", "--format",
                      "json", "-q")
    expect(run.status, OK)
    expect(json.loads(run.out)["bytes"], 9)
    expect(run.err, "", "what a quiet run says")


def test_redirects_are_followed(bench):
    urls = [bench.url("/redirect/3"), bench.url("/redirect/50")]
    run, records = bench.fetch_json(*urls)
    expect(run.status, FAILED)
    expect(records[urls[0]]["status"], 200)
    assert records[urls[1]]["error"], "50 redirects are too many"


def test_bodies_are_saved_and_never_replaced(bench):
    folder = bench.path("bodies")
    urls = [bench.url("/bytes/7"), bench.url("/bytes/7?again"),
            bench.url("/status/404"), bench.url("/bytes/8")]
    for _ in range(2):
        bench.fetch("-o", folder, *urls)
    sizes = {}
    for name in os.listdir(folder):
        size = os.path.getsize(os.path.join(folder, name))
        sizes.setdefault(size, []).append(name)
    expect({size: len(names) for size, names in sizes.items()},
           {7: 4, 8: 2}, "the files by size")
    assert not any(name.startswith(".") for name in os.listdir(folder))


def test_no_url_leaves_the_folder(bench):
    folder = bench.path("inside")
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"body")

    with http_server(answer) as base:
        run = bench.fetch("-o", folder, base + "/..%2f..%2fescaped",
                          base + "/a/..", base + "/.hidden", base + "/-rf")
    expect(run.status, OK, run.err)
    expect(len(os.listdir(folder)), 4, "the number of files")
    for name in os.listdir(folder):
        assert name[0] not in ".-", name


# ---- what fails, while the rest goes on ----

def fails_alone(bench, url, part, *arguments):
    """`url` fails for a reason that has `part`; its neighbours do not."""
    fine = [bench.url("/item/1"), bench.url("/item/2")]
    run, records = bench.fetch_json(fine[0], url, fine[1], *arguments)
    expect(run.status, FAILED)
    for one in fine:
        expect(records[one]["error"], "")
    expect_in(part, records[url]["error"])
    expect_in(url, run.err)
    return records[url]


def test_a_status_of_400_and_more(bench):
    expect(fails_alone(bench, bench.url("/status/404"), "404")["status"], 404)
    expect(fails_alone(bench, bench.url("/status/503"), "503")["status"], 503)


def test_what_is_no_url(bench):
    fails_alone(bench, "http://a b/", "URL")
    fails_alone(bench, "http://[::1", "")
    fails_alone(bench, "http://127.0.0.1:99999/", "")


def test_other_protocols(bench):
    fails_alone(bench, "file:///etc/passwd", "http")
    fails_alone(bench, "ftp://127.0.0.1/", "http")

    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", "file:///etc/passwd")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with http_server(answer) as base:
        fails_alone(bench, base + "/", "http")


def test_a_connection_that_is_refused(bench):
    with refusing_port() as port:
        fails_alone(bench, f"http://127.0.0.1:{port}/", "onnect")


def test_a_server_that_hangs_up(bench):
    fails_alone(bench, bench.url("/close"), "")


def test_a_server_that_never_answers(bench):
    fails_alone(bench, bench.url("/hang"), "", "--timeout", "1.5")


def test_a_body_that_ends_early(bench):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"short")

    with http_server(answer) as base:
        folder = bench.path("partial")
        fails_alone(bench, base + "/cut", "", "-o", folder)
        assert "cut" not in os.listdir(folder), "half a body was kept"


def test_a_body_that_is_too_large(bench):
    fails_alone(bench, bench.url("/bytes/100000"), "1000", "--max-bytes",
                "1000")


def test_what_may_pass_is_tried_again(bench):
    run, records = bench.fetch_json("--retries", "3", bench.url("/flaky/2"))
    expect(run.status, OK, run.err)
    expect(records[bench.url("/flaky/2")]["status"], 200)


def test_what_will_not_pass_is_not_tried_again(bench):
    hits = []

    def answer(handler):
        hits.append(handler.path)
        handler.send_response(404)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with http_server(answer) as base:
        run = bench.fetch("--retries", "5", base + "/")
    expect(run.status, FAILED)
    expect(len(hits), 1, "the number of requests")


# ---- bad input, bad output ----

def test_usage(bench):
    for arguments in ([], ["--nonsense", "a"], ["-j", "0", "a"],
                      ["-x", "fibres", "a"], ["--timeout", "soon", "a"],
                      ["--format", "xml", "a"], ["--progress", "maybe", "a"]):
        run = bench.fetch(*arguments)
        expect(run.status, USAGE, f"the status of {arguments}")
        assert run.err and not run.out, f"{arguments} says {run.err!r}"


def test_help_and_version(bench):
    def say(*arguments):
        run = subprocess.run([bench.thrum, *arguments], capture_output=True,
                             text=True, timeout=LIMIT, check=False)
        expect(run.returncode, OK, f"the status of {arguments}")
        return run.stdout

    assert re.fullmatch(r"thrum \d+\.\d+\.\d+\n", say("--version"))
    expect_in("fetch", say("--help"))
    expect_in("--retries", say("fetch", "--help"))
    expect(say("help", "fetch"), say("fetch", "--help"))


def test_a_list_that_cannot_be_read(bench):
    for path in (os.path.join(bench.folder, "nowhere"), bench.folder):
        run = bench.fetch("-i", path)
        expect(run.status, USAGE)
        expect_in(path, run.err)


def test_a_list_without_urls(bench):
    run = bench.fetch("-i", write(bench.path("urls"), "# nothing\n\n"))
    expect(run.status, USAGE)
    assert run.err


def test_a_full_disk(bench):
    if not os.access("/dev/full", os.W_OK):
        return "there is no /dev/full here"
    folder = bench.path("bodies")
    for ending in (["--format", "csv"], ["--format", "json"]):
        run = bench.fetch("--results", "/dev/full", "-o", folder, *ending,
                          *[bench.url(f"/bytes/{n}") for n in range(1, 201)])
        expect(run.status, OUTPUT)
        expect_in("No space left on device", run.err)
        expect(run.err.count("No space left"), 1, "how often it is said")
    expect(len(os.listdir(folder)), 400, "the bodies that were saved")
    return None


def test_results_that_cannot_be_opened(bench):
    run = bench.fetch(bench.url("/item/1"), "--results",
                      os.path.join(bench.folder, "nowhere", "results"))
    expect(run.status, OUTPUT)
    expect_in("nowhere", run.err)


def test_a_reader_that_went_away(bench):
    process = bench.start("--results", "-",
                          *[bench.url(f"/item/{n}") for n in range(10)],
                          stdout=subprocess.PIPE)
    process.stdout.close()
    _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, OUTPUT, err)


# ---- Ctrl-C ----

def interrupt(bench, executor):
    """Sends SIGINT when a request is under way; the status and records."""
    begun = threading.Event()
    release = threading.Event()

    def answer(handler):
        begun.set()
        release.wait(LIMIT)

    path = bench.path("results.json")
    with http_server(answer) as base:
        process = bench.start("-x", executor, "-j", "2", "--results", path,
                              bench.url("/bytes/1"),
                              *[f"{base}/{n}" for n in range(200)])
        assert begun.wait(LIMIT), "no request came"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
        release.set()
    return process.returncode, by_url(read_json(path)), err


def test_ctrl_c_stops_and_reports(bench):
    for executor in ("inline", "threads", "green", "processes"):
        status, records, err = interrupt(bench, executor)
        expect(status, 130, err)
        expect_in("interrupted", err)
        if executor == "inline":
            expect(records[bench.url("/bytes/1")]["error"], "")
        assert len(records) < 202, "no URL is begun after it"


def test_a_second_ctrl_c_ends_at_once(bench):
    # The kernel may make one signal of two that come together: some more.
    process = bench.start("-x", "inline", bench.url("/hang"), "--progress",
                          "always")
    for _ in range(LIMIT * 10):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.1)
            break
        except subprocess.TimeoutExpired:
            pass
    process.communicate(timeout=LIMIT)
    # -SIGINT: it came before the program could catch it.
    assert process.returncode in (130, -signal.SIGINT), process.returncode


# ---- a terminal ----

def test_a_bar_on_a_terminal(bench):
    urls = [bench.url(f"/item/{n}") for n in range(40)]
    try:
        master, slave = pty.openpty()
    except OSError:
        return "there are no pseudo terminals here"
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [bench.thrum, "fetch", "-x", "inline", *urls, bench.url("/status/404")],
        stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "TERM": "xterm"})
    text = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            text += os.read(master, 65536)
    expect(process.returncode, FAILED)
    expect(termios.tcgetattr(slave), before, "the terminal's settings")
    os.close(slave)
    os.close(master)
    text = text.decode()
    assert "\r" in text and "/41" in text, "there was no bar"
    for line in re.split(r"[\r\n]", text):
        if "/41" in line and "thrum:" not in line:
            line = re.sub(r"\033\[[0-9?]*[A-Za-z]", "", line)
            assert len(line) < 50, f"{line!r} is too wide"
    assert "40 fetched, 1 failed" in text.splitlines()[-1], "no summary"


def test_no_control_sequence_of_a_url_reaches_the_terminal(bench):
    run = bench.fetch("http://127.0.0.1:1/\033[2J", "--progress", "never")
    expect(run.status, FAILED)
    assert "\033" not in run.err, run.err


def test_lines_elsewhere(bench):
    run = bench.fetch(bench.url("/status/404"))
    assert "\033" not in run.err and "\r" not in run.err
    expect_in("/status/404", run.err)


# ---- the timeline and the demonstration ----

def expect_page(path, panels):
    with open(path, encoding="utf-8") as file:
        page = file.read()
    expect_in("<svg", page)
    for panel in panels:
        expect_in(panel, page)
    for outside in ("<script", "<link", "@import", 'src="'):
        assert outside not in page, f"the page has {outside}"
    return page


def test_a_timeline_is_one_page(bench):
    path = bench.path("timeline.html")
    run = bench.fetch("--timeline", path, bench.url("/item/1"),
                      bench.url("/status/404"), "http://<b>&\"'/")
    expect(run.status, FAILED)
    page = expect_page(path, ["threads"])
    assert "<b>&" not in page, "a URL is not escaped"


def test_the_demonstration(bench):
    path = bench.path("timeline.html")
    run = bench.fetch("--demo", "--demo-urls", "12", "--demo-delay", "10",
                      "--timeline", path)
    expect(run.status, OK, run.err)
    text = run.out + run.err
    for word in ("inline", "threads", "processes", bench.green, path):
        expect_in(word, text)
    expect_page(path, ["inline", "threads", "processes", bench.green])


TESTS = [value for name, value in sorted(globals().items())
         if name.startswith("test_")]


def run_test(number, test, bench):
    name = test.__name__[len("test_"):]
    try:
        skipped = test(bench)
    except Exception:  # whatever it is, the next test is run
        print("not ok", number, name)
        for line in traceback.format_exc().splitlines():
            print("#", line)
        return False
    print("ok", number, name, f"# SKIP {skipped}" if skipped else "",
          flush=True)
    return True


def main():
    wanted = sys.argv[2:]
    tests = [test for test in TESTS
             if not wanted or test.__name__[len("test_"):] in wanted]
    print(f"1..{len(tests)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="thrum-") as folder:
        bench = Bench(sys.argv[1], folder)
        try:
            fine = [run_test(number, test, bench)
                    for number, test in enumerate(tests, 1)]
        finally:
            bench.close()
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
