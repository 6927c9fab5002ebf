#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `thrum fetch -x processes` promises: a worker that dies is one URL's
bad luck.

    fetch_apart_test.py PATH-OF-THRUM [TEST...]

Workers are found by a variable of the environment that they inherit, and by
the name that the library gives them.
"""
import os
import signal
import sys
import threading
import uuid

sys.dont_write_bytecode = True  # the source folder stays as it is
from fetch_e2e import (  # noqa: E402
    FAILED, LIMIT, OK, by_url, expect, expect_in, http_server, read_json)
from fetch_support import (  # noqa: E402
    acquire, all_tests, bars, echo_server, run_tests)

VARIABLE = "THRUM_TEST_FETCH_APART"


def marked():
    """An environment that is known again."""
    return {**os.environ, VARIABLE: uuid.uuid4().hex}


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:  # it has ended meanwhile
        return b""


def workers(env):
    """The worker processes that have this environment."""
    mark = f"{VARIABLE}={env[VARIABLE]}".encode()
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit()
            and read(f"/proc/{pid}/comm").startswith(b"thrum-worker")
            and mark in read(f"/proc/{pid}/environ").split(b"\0")]


def test_a_worker_that_is_killed_fails_one_url(bench):
    env = marked()
    killed = []

    def answer(handler):
        if handler.path == "/die" and not killed:
            killed.extend(workers(env))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
            return
        handler.send_response(204)
        handler.end_headers()

    page = bench.path("timeline.html")
    with http_server(answer) as base:
        urls = [f"{base}/{name}" for name in ("a", "die", "b", "c")]
        run, records = bench.fetch_json("-x", "processes", "-j", "1",
                                        "--timeline", page, *urls, env=env)
    expect(run.status, FAILED, run.err)
    expect(len(killed), 1, "the number of workers")
    expect([records[url]["status"] for url in urls], [204, 0, 204, 204])
    expect_in(f"process {killed[0]} of the task was killed by signal 9 "
              "(SIGKILL)", records[urls[1]]["error"])
    expect_in("3 fetched, 1 failed", run.err)
    expect(len(bars(page)[0]), 4, "the number of bars")
    expect(workers(env), [], "the workers that were left")


def test_bodies_of_all_workers(bench):
    folder = bench.path("bodies")
    with echo_server() as server:
        urls = [f"{server.base}/{n}/page" for n in range(60)]
        run = bench.fetch("-x", "processes", "-j", "4", "-o", folder, *urls)
    expect(run.status, OK, run.err)
    texts = []
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            texts.append(file.read())
    expect(sorted(texts), sorted(f"/{n}/page" for n in range(60)))


def interrupt(bench, send):
    """The records of a run with two URLs under way that was told to stop."""
    hung = threading.Semaphore(0)
    path = bench.path("results.json")
    with echo_server(hung=hung) as server:
        process = bench.start("-x", "processes", "-j", "2", "--results", path,
                              *[f"{server.base}/hang/{n}" for n in range(9)],
                              start_new_session=True)
        acquire(hung, 2)
        send(process)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, 130, err)
    return by_url(read_json(path)), err


def test_ctrl_c_of_a_terminal_reaches_the_workers_too(bench):
    for send in (lambda process: process.send_signal(signal.SIGINT),
                 lambda process: os.killpg(process.pid, signal.SIGINT)):
        records, err = interrupt(bench, send)
        errors = sorted(record["error"] for record in records.values())
        expect(errors, ["not begun"] * 7 + ["stopped"] * 2, err)


if __name__ == "__main__":
    sys.exit(run_tests(all_tests(globals())))
