#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `thrum fetch -x green` promises: all in one thread, and the same results.

    fetch_green_test.py PATH-OF-THRUM [TEST...]

How many are under way at once is not measured but made sure of: a server
answers when so many requests are there, and not before.
"""
import contextlib
import os
import re
import resource
import selectors
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

sys.dont_write_bytecode = True  # the source folder stays as it is
from fetch_e2e import (  # noqa: E402
    FAILED, LIMIT, OK, by_url, expect, expect_in, http_server, read_json,
    refusing_port, write)
from fetch_support import (  # noqa: E402
    acquire, all_tests, echo_server, run_tests)

AT_ONCE = 1200
THREADS = 8  # more than one: the kernel's helpers of io_uring are listed too
LOOKUPS = 64


class Gate:
    """Lets requests wait until so many are there; then `at_most` is called,
    and all are answered."""

    def __init__(self, count, at_most=None):
        self.count, self.at_most, self.waiting = count, at_most, {}
        self.full = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.wake, self.end = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.wake:
                    return
                if key.fileobj is self.listener:
                    client, _ = self.listener.accept()
                    self.selector.register(client, selectors.EVENT_READ)
                else:
                    self.read(key.fileobj)

    def read(self, client):
        text = client.recv(65536)
        if not text:
            self.selector.unregister(client)
            self.waiting.pop(client, None)
            client.close()
            return
        self.waiting[client] = text.split()[1]
        if len(self.waiting) == self.count:
            self.open()

    def open(self):
        if self.at_most is None:
            self.full.set()
            return
        self.at_most()
        self.count = 1  # what comes later is answered at once
        for client, path in self.waiting.items():
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
                           % (len(path), path))
        self.waiting.clear()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.end.close()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def threads_of(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def more_files(count):
    """May this process have so many descriptors? What it starts, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    return True


def needs_patching(test):
    """The test is skipped where threads make the calls of greenlets."""
    def run(bench):
        return test(bench) if bench.patches else "libc is not patched here"

    run.__name__ = test.__name__
    return run


# ---- many at once ----

@needs_patching
def test_all_at_once_in_one_thread(bench):
    if not more_files(6 * AT_ONCE):
        return "there may not be enough descriptors"
    process, counts = None, []
    path = bench.path("results.json")
    with Gate(AT_ONCE, lambda: counts.append(threads_of(process.pid))) as gate:
        urls = [f"{gate.base}/{n}" for n in range(AT_ONCE)]
        names = write(bench.path("urls"), "\n".join(urls))
        process = bench.start("-x", "green", "--results", path, "-i", names)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, OK, err)
    records = by_url(read_json(path))
    expect(sorted(records), sorted(urls), "the URLs")
    for url in urls:
        expect(records[url]["bytes"], len(url) - len(gate.base), url)
    assert len(counts) == 1 and counts[0] <= THREADS, counts
    return None


@needs_patching
def test_an_interrupt_of_many(bench):
    count = 300
    path = bench.path("results.json")
    with Gate(count) as gate:
        names = write(bench.path("urls"), "\n".join(
            f"{gate.base}/{n}" for n in range(3 * count)))
        process = bench.start("-x", "green", "-j", str(count), "-i", names,
                              "--retries", "9", "--results", path)
        assert gate.full.wait(LIMIT), "too few requests came"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, 130, err)
    errors = [record["error"] for record in read_json(path)]
    expect(errors.count("stopped"), count, "those that were stopped")
    expect(set(errors), {"stopped", "not begun"})


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, 150))


@needs_patching
def test_no_more_than_there_are_descriptors_for(bench):
    folder = bench.path("bodies")
    urls = [bench.url(f"/item/{n}") for n in range(200)]
    for arguments in (["-j", "1000"], ["-j", "1000", "-o", folder], []):
        run = bench.fetch("-x", "green", *arguments, *urls,
                          preexec_fn=few_files)
        expect(run.status, OK, run.err)
        expect_in("200 fetched, 0 failed", run.err)
        most = int(re.search(r"at most (\d+) at once", run.err)[1])
        assert 4 < most < 60, run.err
        said = f"thrum: green: {most} at once, 1000 do not fit (ulimit -n)"
        expect(said in run.err, bool(arguments), run.err)
    expect(len(os.listdir(folder)), 200, "the bodies")


def test_what_fits_is_not_spoken_of(bench):
    for executor in ("inline", "threads", "processes", "green"):
        run = bench.fetch("-x", executor, "-j", "3", bench.url("/item/1"))
        expect(run.status, OK, run.err)
        assert "do not fit" not in run.err, run.err


@needs_patching
def test_lookups_of_names_are_not_a_crowd(bench):
    names = [f"http://thrum-{n}.invalid/" for n in range(100)]
    process = bench.start("-q", "-x", "green", "--timeout", "60", *names)
    most = 0
    while process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            most = max(most, threads_of(process.pid))
    process.communicate(timeout=LIMIT)
    expect(process.returncode, FAILED)
    assert most <= LOOKUPS + THREADS, most


# ---- the same as with threads ----

def without_numbers(text):
    return re.sub(r"\d+ (ms|milliseconds)", "N ms", text)


def outcomes(bench, executor, *arguments):
    run, records = bench.fetch_json("-x", executor, "-j", "20", *arguments)
    return run.status, {
        url: (record["status"], record["bytes"],
              without_numbers(record["error"]))
        for url, record in records.items()}


def test_the_same_results(bench):
    with refusing_port() as port:
        urls = [bench.url(path) for path in (
            "/item/1", "/bytes/0", "/bytes/3000000", "/status/404",
            "/status/503", "/redirect/3", "/redirect/50", "/close")]
        urls += [f"http://127.0.0.1:{port}/", "http://thrum.invalid/",
                 "http://a b/", "ftp://127.0.0.1/", "http://[::1"]
        expect(outcomes(bench, "green", *urls),
               outcomes(bench, "threads", *urls))


def test_retries(bench):
    urls = [bench.url(f"/flaky/1?{n}") for n in range(9)]
    run, records = bench.fetch_json("-x", "green", "--retries", "9",
                                    bench.url("/flaky/3"), *urls)
    expect(run.status, OK, run.err)
    expect({record["status"] for record in records.values()}, {200})


def test_a_timeout_of_some(bench):
    urls = [bench.url(f"/item/{n}") for n in range(20)]
    run, records = bench.fetch_json("-x", "green", "--timeout", "1.5",
                                    bench.url("/hang"), *urls)
    expect(run.status, FAILED)
    expect_in("timed out", records[bench.url("/hang")]["error"].lower())
    expect_in("20 fetched, 1 failed", run.err)


def test_bodies_are_saved(bench):
    folder = bench.path("bodies")
    with echo_server() as server:
        urls = [f"{server.base}/{n}/page" for n in range(60)]
        run = bench.fetch("-x", "green", "-o", folder, *urls)
    expect(run.status, OK, run.err)
    texts = []
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            texts.append(file.read())
    expect(sorted(texts), sorted(f"/{n}/page" for n in range(60)))


def test_several_servers_by_turns(bench):
    with echo_server() as one, echo_server() as other:
        urls = [f"{(one, other)[n % 2].base}/{n}" for n in range(100)]
        run, records = bench.fetch_json("-x", "green", "-j", "5", *urls)
    expect(run.status, OK, run.err)
    expect(len(records), 100, "the number of records")


def test_the_list_is_awaited_and_fetching_goes_on(bench):
    came = threading.Semaphore(0)

    def answer(handler):
        came.release()
        handler.send_response(204)
        handler.end_headers()

    with http_server(answer) as base:
        process = bench.start("-x", "green", "-i", "-", stdin=subprocess.PIPE)
        for n in range(5):
            process.stdin.write(f"{base}/{n}\n")
            process.stdin.flush()
            acquire(came, 1)  # while the next line is awaited
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, OK, err)
    expect_in("5 fetched, 0 failed", err)


def test_an_interrupt_while_the_list_is_awaited(bench):
    hung = threading.Semaphore(0)
    with echo_server(hung=hung) as server:
        process = bench.start("-x", "green", "-i", "-", stdin=subprocess.PIPE)
        process.stdin.write(server.base + "/hang\n")
        process.stdin.flush()
        acquire(hung, 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, 130, err)
    expect_in("interrupted: 0 fetched, 0 failed, 1 stopped", err)


# ---- TLS ----

@contextlib.contextmanager
def tls_server(folder):
    """Somebody whom nobody knows."""
    key, certificate = (os.path.join(folder, name)
                        for name in ("key.pem", "certificate.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-keyout", key, "-out", certificate, "-subj",
                    "/CN=localhost"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def serve():
        with contextlib.suppress(OSError):  # the end: it was shut down
            while True:
                client, _ = listener.accept()
                with contextlib.suppress(OSError):
                    context.wrap_socket(client, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def test_handshakes_at_once(bench):
    if shutil.which("openssl") is None:
        return "there is no openssl here"
    folder = bench.path("keys")
    os.mkdir(folder)
    with tls_server(folder) as base:
        urls = [f"{base}/{n}" for n in range(30)]
        status, seen = outcomes(bench, "green", *urls)
        expect((status, seen), outcomes(bench, "threads", *urls))
    for _, _, error in seen.values():
        expect_in("certificate", error)
    return None


if __name__ == "__main__":
    sys.exit(run_tests(all_tests(globals())))
