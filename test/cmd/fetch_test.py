#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `thrum fetch` promises to the programs that read what it writes.

    fetch_test.py PATH-OF-THRUM [TEST...]

fetch_e2e.py asks whether each option works. Here are the promises that hold
across them: JSON and CSV say the same, no URL breaks a format or leaves a
folder, an interrupted run reports all it did, and long lists take little
memory. What people look at is in fetch_display_test.py.

Nothing here is measured: what hangs is ended by LIMIT.
"""
import os
import re
import signal
import subprocess
import sys
import threading

sys.dont_write_bytecode = True  # the source folder stays as it is
from fetch_e2e import (  # noqa: E402
    FAILED, LIMIT, OK, OUTPUT, USAGE, by_url, expect, expect_in, http_server,
    read_csv, read_json, refusing_port, write)
from fetch_support import (  # noqa: E402
    HOSTILE, acquire, all_tests, bars, echo_server, run_tests)

MEMORY_KIB = 150 * 1024
# ---- results ----

def without_times(text):
    return re.sub(r"\d+ ms", "N ms", text)


def both_formats(bench, *arguments):
    """The records of two runs of the same list: as JSON, as CSV."""
    rows = []
    for ending, read in (("json", read_json), ("csv", read_csv)):
        path = bench.path("results." + ending)
        bench.fetch("-x", "inline", "-q", "--results", path, "--",
                    *arguments)
        rows.append(read(path))
    return rows


def test_json_and_csv_say_the_same(bench):
    urls = [bench.url("/item/1"), bench.url("/status/404"),
            bench.url("/bytes/0"), bench.url("/redirect/2"), *HOSTILE]
    from_json, from_csv = both_formats(bench, *urls)
    expect([record["url"] for record in from_json], urls, "JSON's URLs")
    expect([record["url"] for record in from_csv], urls, "CSV's URLs")
    for one, other in zip(from_json, from_csv):
        for field in ("status", "bytes"):
            expect(str(one[field]), other[field], f"{field} of {one['url']}")
        expect(without_times(one["error"]), without_times(other["error"]))
        for record in (one, other):
            assert float(record["start"]) >= 0
            assert float(record["seconds"]) >= 0


def test_bytes_that_are_no_text(bench):
    from_json, from_csv = both_formats(bench, b"http://127.0.0.1:1/\xff\xfe")
    expect(from_json[0]["url"], "http://127.0.0.1:1/\u00ff\u00fe")
    expect(from_csv[0]["url"], "http://127.0.0.1:1/%FF%FE")


def test_lost_results_win_over_a_failed_url(bench):
    if not os.access("/dev/full", os.W_OK):
        return "there is no /dev/full here"
    folder = bench.path("bodies")
    run = bench.fetch("--results", "/dev/full", "-o", folder,
                      bench.url("/status/404"), bench.url("/bytes/5"))
    expect(run.status, OUTPUT, run.err)
    expect(len(os.listdir(folder)), 1, "the bodies that were saved")
    run = bench.fetch("--demo", "--demo-urls", "2", "--demo-delay", "1",
                      "--results", "/dev/full", "--timeline",
                      bench.path("timeline.html"))
    expect(run.status, OUTPUT, run.err)
    return None


# ---- lists ----

def test_every_kind_of_line(bench):
    long = "http://127.0.0.1:1/" + "x" * 100000
    last = bench.url("/item/3")
    text = "\n".join(["# " + bench.url("/item/0"), "", "   \t", long,
                      bench.url("/item/1#no-comment") + "  ", "#", last])
    path = write(bench.path("urls"), text)
    run, records = bench.fetch_json("-i", path)
    expect(run.status, FAILED)
    expect(len(records), 3, "the number of records")
    expect(records[last]["status"], 200)
    expect(records[bench.url("/item/1#no-comment")]["status"], 200)
    cut = [url for url in records if url.startswith(long[:100])]
    expect_in("not a URL", records[cut[0]]["error"])
    assert len(run.err) < 2000, "the whole line is shown"


def test_an_empty_list_of_each_kind(bench):
    for arguments, text in ((["-i", "-"], ""), (["-i", "-"], "\n# none"),
                            (["-i", "/dev/null"], "")):
        run = bench.fetch(*arguments, input=text)
        expect(run.status, USAGE, f"the status of {arguments}")
        expect_in("no URLs", run.err)


def test_no_more_at_once_than_asked(bench):
    lock = threading.Lock()
    counts = {"now": 0, "most": 0}

    def answer(handler):
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        handler.send_response(204)
        with lock:  # before the client can know
            counts["now"] -= 1
        handler.end_headers()

    for arguments, most in ((["-j", "1"], 1), (["-j", "64"], 64),
                            (["-x", "inline", "-j", "64"], 1)):
        counts["most"] = 0
        with http_server(answer) as base:
            run = bench.fetch(*arguments, *[f"{base}/{n}" for n in range(100)])
        expect(run.status, OK, run.err)
        assert 1 <= counts["most"] <= most, (arguments, counts["most"])


def test_a_thousand_by_sixty_four(bench):
    urls = [bench.url(f"/item/{n}") for n in range(1000)]
    path = write(bench.path("urls"), "\n".join(urls))
    run, records = bench.fetch_json("-j", "64", "-i", path)
    expect(run.status, OK, run.err)
    expect(sorted(records), sorted(urls), "the URLs")
    expect({record["status"] for record in records.values()}, {200})
    expect_in("1000 fetched, 0 failed", run.err)


def is_sanitized(path):
    with open(path, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def test_a_long_list_takes_little_memory(bench):
    with refusing_port() as port:
        path = write(bench.path("urls"), "".join(
            f"http://127.0.0.1:{port}/{n}\n" for n in range(20000)))
        results = bench.path("results.json")
        with subprocess.Popen([bench.thrum, "fetch", "-q", "-j", "16", "-i",
                               path, "--results", results]) as process:
            killer = threading.Timer(LIMIT, process.kill)
            killer.start()
            _, status, usage = os.wait4(process.pid, 0)
            killer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
    expect(process.returncode, FAILED)
    expect(len(read_json(results)), 20000, "the number of records")
    if is_sanitized(bench.thrum):
        return "a sanitizer's memory says nothing"
    assert usage.ru_maxrss < MEMORY_KIB, f"{usage.ru_maxrss} KiB"
    return None


# ---- what fails ----

def test_a_timeout_of_each_attempt(bench):
    run, records = bench.fetch_json("--timeout", "0.3", "--retries", "1",
                                    bench.url("/hang"), bench.url("/item/1"))
    expect(run.status, FAILED)
    expect_in("timed out", records[bench.url("/hang")]["error"].lower())
    expect(records[bench.url("/item/1")]["error"], "")


def test_retries_come_to_an_end(bench):
    path = bench.path("timeline.html")
    run, records = bench.fetch_json("--retries", "1", "--timeline", path,
                                    bench.url("/flaky/9"))
    expect(run.status, FAILED)
    expect(records[bench.url("/flaky/9")]["status"], 503)
    with open(path, encoding="utf-8") as file:
        expect_in("2 attempts", file.read())


def test_a_redirect_to_another_protocol(bench):
    for target in ("ftp://127.0.0.1:1/", "file:///etc/hostname",
                   "gopher://127.0.0.1:1/"):
        def answer(handler, target=target):
            handler.send_response(302)
            handler.send_header("Location", target)
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        folder = bench.path("bodies")
        with http_server(answer) as base:
            run, records = bench.fetch_json(base + "/", "-o", folder)
        expect(run.status, FAILED)
        expect_in("neither http nor https", records[base + "/"]["error"])
        expect(os.listdir(folder), [], f"what {target} left")


def test_messages_say_what_to_do(bench):
    for arguments, part in (
            (["-j", "65537"], "from 1 to 65536"), (["-j", "2x"], "from 1 to"),
            (["-j", ""], "from 1 to"), (["--retries", "-1"], "from 0 to"),
            (["--retries", "9" * 30], "from 0 to"),
            (["--timeout", "0"], "above 0"),
            (["--timeout", "nan"], "above 0"),
            (["--max-bytes", "-5"], "above 0"),
            (["--max-bytes", "1k"], "above 0"),
            (["-x", "fibres"], "threads"), (["--format", "xml"], "json or csv"),
            (["--progress", "often"], "auto, always or never"),
            (["--demo"], "--demo"), (["--demo-urls", "0"], "from 1 to"),
            (["--nonsense"], "--help"), (["-Z"], "--help"),
            (["--results"], "--help")):
        # First: "--results" takes what follows.
        run = bench.fetch("http://127.0.0.1:1/", *arguments)
        expect(run.status, USAGE, f"the status of {arguments}")
        expect(run.out, "", f"the output of {arguments}")
        expect_in(part, run.err)
        if arguments[0] != "-Z":
            expect_in(arguments[0].lstrip("-"), run.err)


def test_commands_that_there_are_not(bench):
    for arguments in ([], ["fetsch"], ["help", "fetsch"]):
        run = subprocess.run([bench.thrum, *arguments], capture_output=True,
                             text=True, timeout=LIMIT, check=False)
        expect(run.returncode, USAGE, f"the status of {arguments}")
        expect(run.stdout, "")
        expect_in("--help", run.stderr)


# ---- bodies ----

def test_names_that_try_to_leave(bench):
    parent = bench.path("parent")
    os.mkdir(parent)
    folder = os.path.join(parent, "bodies")
    with echo_server() as server:
        urls = [server.base + path for path in (
            "", "/", "/?a=/../b", "/../../up", "/%2e%2e", "/%2e%2e/",
            "/a/%2e%2e%2fup", "/..%5cup", "/" + "n" * 3000, "/%00", "/a%0ab",
            "/.bashrc", "/-rf", "/~", "/con:aux|", "/\u00fc", "/a.b.")]
        run = bench.fetch("-o", folder, *urls)
        expect(run.status, OK, run.err)
        expect(len(server.paths), len(urls), "the number of requests")
    expect(os.listdir(parent), ["bodies"], "what is beside the folder")
    bodies = []
    for entry in os.scandir(folder):
        assert entry.is_file(follow_symlinks=False), entry.name
        assert re.fullmatch(r"[\w.+=,@-]+", entry.name, re.ASCII), entry.name
        assert entry.name[0] not in ".-" and len(entry.name) < 256, entry.name
        with open(entry.path, encoding="latin-1") as file:
            bodies.append(file.read())
    expect(sorted(bodies), sorted(server.paths), "the bodies")


def test_names_that_are_taken_are_numbered(bench):
    folder = bench.path("bodies")
    with echo_server() as server:
        bench.fetch("-x", "inline", "-o", folder, *[
            server.base + path for path in ("/a.txt?1", "/a.txt?2", "/b",
                                            "/b?2", "/x/a.txt")])
    bodies = {}
    for entry in os.scandir(folder):
        with open(entry.path, encoding="ascii") as file:
            bodies[entry.name] = file.read()
    expect(bodies, {"a.txt": "/a.txt?1", "a-2.txt": "/a.txt?2", "b": "/b",
                    "b-4": "/b?2", "a-5.txt": "/x/a.txt"}, "the files")


def test_a_link_is_not_followed(bench):
    folder, victim = bench.path("bodies"), bench.path("victim")
    os.mkdir(folder)
    os.symlink(write(victim, "mine"), os.path.join(folder, "a"))
    run = bench.fetch("-o", folder, bench.url("/bytes/1?"), bench.url("/a"))
    expect(run.status, FAILED)
    with echo_server() as server:
        run = bench.fetch("-o", folder, server.base + "/a")
    expect(run.status, OK, run.err)
    with open(victim, encoding="ascii") as file:
        expect(file.read(), "mine", "what the link points to")


# ---- Ctrl-C ----

def test_an_interrupted_run_reports_all_it_did(bench):
    hung = threading.Semaphore(0)
    path, page, folder = (bench.path(name) for name in (
        "results.csv", "timeline.html", "bodies"))
    with echo_server(hung=hung) as server:
        urls = [f"{server.base}/fine/{n}" for n in range(5)] + [
            f"{server.base}/hang/{n}" for n in range(300)]
        process = bench.start("-j", "4", "--results", path, "--timeline", page,
                              "-o", folder, *urls)
        acquire(hung, 4)  # all the workers: so the others are done
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, 130, err)
    records = by_url(read_csv(path))
    for url in urls[:5]:
        expect(records[url]["status"], "200")
    stopped = [url for url in records if records[url]["error"]]
    assert len(stopped) >= 4, stopped
    expect(len(records), 5 + len(stopped), "the number of records")
    expect_in(f"interrupted: 5 fetched, 0 failed, {len(stopped)} stopped", err)
    expect(len(bars(page)[0]), len(records), "the number of bars")
    expect(sorted(os.listdir(folder)), [str(n) for n in range(5)])


def test_an_interrupt_between_attempts(bench):
    hits = threading.Semaphore(0)

    def answer(handler):
        hits.release()
        handler.send_response(503)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    for executor in ("inline", "threads", "green", "processes"):
        with http_server(answer) as base:
            process = bench.start("-x", executor, "--retries", "1000", base)
            acquire(hits, 2)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=LIMIT)
        expect(process.returncode, 130, err)
        expect_in("1 stopped", err)


def test_an_interrupt_while_the_list_is_awaited(bench):
    hung = threading.Semaphore(0)
    with echo_server(hung=hung) as server:
        process = bench.start("-i", "-", stdin=subprocess.PIPE)
        process.stdin.write(server.base + "/hang\n")
        process.stdin.flush()
        acquire(hung, 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, 130, err)
    expect_in("interrupted: 0 fetched, 0 failed, 1 stopped", err)


def test_a_request_to_terminate(bench):
    hung = threading.Semaphore(0)
    with echo_server(hung=hung) as server:
        process = bench.start(server.base + "/hang")
        acquire(hung, 1)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=LIMIT)
    expect(process.returncode, 128 + signal.SIGTERM, err)


if __name__ == "__main__":
    sys.exit(run_tests(all_tests(globals())))
