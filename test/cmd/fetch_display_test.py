#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `thrum fetch` shows to people: its bar, its lines and its pages.

    fetch_display_test.py PATH-OF-THRUM [TEST...]

A terminal is played here: what is drawn over must be gone at the end, however
the run ends. Pages are read back as HTML, and their pictures as XML.
"""
import fcntl
import functools
import os
import pty
import re
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
import threading

sys.dont_write_bytecode = True  # the source folder stays as it is
from fetch_e2e import (  # noqa: E402
    FAILED, LIMIT, OK, OUTPUT, expect, expect_in, read_csv, read_json)
from fetch_support import (  # noqa: E402
    HOSTILE, all_tests, bars, echo_server, run_tests)

RATE = re.compile(r"\d\.\d/s")  # in each bar, in no other line


# ---- a terminal ----

def on_terminal(bench, columns, *arguments, term="xterm", hung=None, times=1):
    """Runs it on a terminal: the status, and all that was written to it. It
    is interrupted, so many times, as soon as `hung` is released."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ,
                struct.pack("HHHH", 24, columns, 0, 0))
    before = termios.tcgetattr(master)
    process = subprocess.Popen(
        [bench.thrum, "fetch", *arguments], stdin=slave, stdout=slave,
        stderr=slave, env={**os.environ, "TERM": term})
    killer = threading.Timer(LIMIT, process.kill)
    killer.start()
    text = b""
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.05)[0]:
            text += os.read(master, 65536)
        if hung is not None and hung.acquire(blocking=False):
            times -= 1
            process.send_signal(signal.SIGINT)
            if times > 0:
                hung.release()
    killer.cancel()
    expect(termios.tcgetattr(master), before, "the terminal's settings")
    os.close(slave)
    os.close(master)
    return process.returncode, text.decode()


def needs_terminals(test):
    """A bare chroot has no /dev/pts: the test is skipped there."""
    @functools.wraps(test)
    def run(bench):
        try:
            master, slave = pty.openpty()
        except OSError:
            return "there are no pseudo terminals here"
        os.close(master)
        os.close(slave)
        return test(bench)

    return run


def screen(text):
    """The lines that stay, and those that were drawn over."""
    lines, drawn = [""], []
    for part in re.findall(r"\r\n|\r|\033\[K|[^\r\033]+|\033", text):
        if part == "\r\n":
            lines.append("")
        elif part == "\r":
            drawn.append(lines[-1])
            lines[-1] = "\r" + lines[-1]
        elif part == "\033[K":
            lines[-1] = lines[-1] if lines[-1][:1] != "\r" else ""
        else:
            assert part != "\033", "an escape sequence that nobody expects"
            old = lines[-1][1:] if lines[-1][:1] == "\r" else ""
            lines[-1] = part + old[len(part):]
    return [line for line in lines if line], drawn


def expect_clean(text, columns):
    lines, drawn = screen(text)
    drawn = [line for line in drawn if RATE.search(line)]
    assert drawn, "there was no bar"
    for line in drawn:
        assert len(line) < columns, f"{line!r} is too wide"
    for line in lines:
        assert not RATE.search(line), f"{line!r} was left"
    return lines


@needs_terminals
def test_a_bar_in_forty_columns(bench):
    urls = [bench.url(f"/item/{n}") for n in range(30)]
    for columns in (40, 10, 200):
        status, text = on_terminal(bench, columns, "-x", "inline", *urls,
                                   bench.url("/status/500"))
        expect(status, FAILED, text)
        if columns >= 40:  # else there is no room for what tells a bar
            expect_clean(text, columns)
        lines, _ = screen(text)
        expect(len(lines), 2, f"what is left at {columns} columns")
        expect_in("30 fetched, 1 failed", lines[-1])


@needs_terminals
def test_an_interrupt_leaves_a_clean_terminal(bench):
    hung = threading.Semaphore(0)
    with echo_server(hung=hung) as server:
        urls = [bench.url(f"/item/{n}") for n in range(20)]
        status, text = on_terminal(bench, 60, "-x", "inline", *urls,
                                   server.base + "/hang", hung=hung)
    expect(status, 130, text)
    # The terminal may show ^C, but nobody typed it.
    lines = expect_clean(text, 60)
    expect(len(lines), 1, f"the lines left, {lines}")
    expect_in("interrupted: 20 fetched", lines[0])


@needs_terminals
def test_a_second_interrupt_leaves_a_clean_terminal(bench):
    hung = threading.Semaphore(0)
    with echo_server(hung=hung) as server:
        urls = [bench.url(f"/item/{n}") for n in range(20)]
        status, text = on_terminal(bench, 60, "-x", "inline", *urls,
                                   server.base + "/hang", hung=hung, times=2)
    expect(status, 130, text)
    # There are last lines only if it was done before the second signal.
    for line in expect_clean(text, 60):
        expect_in("interrupted: ", line)


@needs_terminals
def test_a_terminal_that_cannot_redraw(bench):
    status, text = on_terminal(bench, 80, bench.url("/item/1"), term="dumb")
    expect(status, OK)
    assert "\033" not in text, text


def test_progress_into_a_pipe(bench):
    run = bench.fetch("--timeout", "3", bench.url("/hang"))
    expect(run.status, FAILED)
    expect_in("0/1", run.err)
    assert "\033" not in run.err and "\r" not in run.err, run.err
    # The bar is a bar wherever it was asked for.
    run = subprocess.run([bench.thrum, "fetch", "--progress", "always",
                          bench.url("/item/1")], capture_output=True,
                         timeout=LIMIT, check=False)
    expect(run.returncode, OK)
    text = run.stderr.decode().replace("\n", "\r\n")
    expect(len(expect_clean(text, 80)), 1, "the lines left")


def test_quiet_is_silent(bench):
    run = bench.fetch("-q", bench.url("/status/404"), "no URL",
                      bench.url("/item/1"))
    expect((run.status, run.out, run.err), (FAILED, "", ""))


# ---- pages ----

def test_a_page_has_a_bar_for_each_request(bench):
    urls = [bench.url(f"/item/{n}") for n in range(40)] + HOSTILE
    for executor in ("inline", "threads", "green", "processes"):
        path = bench.path("timeline.html")
        run = bench.fetch("-x", executor, "-q", "--timeline", path, "--",
                          *urls)
        expect(run.status, FAILED)
        panels = bars(path)
        expect(len(panels), 1, "the number of panels")
        expect(len(panels[0]), len(urls), "the number of bars")
        shown = [title.split("\n")[0] for title in panels[0]]
        expect(shown[:43], urls[:43], "the URLs")


def test_a_page_into_a_pipe(bench):
    path = bench.path("pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run = bench.fetch("--timeline", path, bench.url("/item/1"))
        expect(run.status, OK, run.err)
        assert stat.S_ISFIFO(os.stat(path).st_mode), "the pipe was replaced"
        expect_in(b"</html>", os.read(reader, 65536))
    finally:
        os.close(reader)


def test_a_page_that_cannot_be_written(bench):
    path = os.path.join(bench.folder, "nowhere", "timeline.html")
    run = bench.fetch("--timeline", path, bench.url("/item/1"))
    expect(run.status, OUTPUT)
    expect_in(path, run.err)


def test_the_demonstration_compares(bench):
    folder = bench.path("here")
    os.mkdir(folder)
    # It fetches from this machine, whatever proxy is set.
    run = bench.fetch("--demo", "--demo-urls", "6", "--demo-delay", "20",
                      "-j", "3", cwd=folder,
                      env={**os.environ, "no_proxy": "",
                           "http_proxy": "http://127.0.0.1:1/"})
    expect(run.status, OK, run.err)
    for row in (r"^inline +1 .* 6 +0$", r"^threads +3 .* 6 +0$",
                r"^processes +3 .* 6 +0$",
                rf"^{re.escape(bench.green)} +3 .* 6 +0$"):
        assert re.search(row, run.out, re.MULTILINE), (row, run.out)
    expect(os.listdir(folder), ["thrum-timeline.html"])
    expect_in("thrum-timeline.html", run.out)
    panels = bars(os.path.join(folder, "thrum-timeline.html"))
    expect([len(panel) for panel in panels], [6, 6, 6, 6], "the bars")


def test_the_demonstration_keeps_the_results_of_all(bench):
    page = bench.path("timeline.html")
    for read, name in ((read_json, "results.json"), (read_csv, "results.csv")):
        path = bench.path(name)
        # What is there from another day goes.
        with open(path, "w", encoding="utf-8") as file:
            file.write("old\n")
        run = bench.fetch("--demo", "--demo-urls", "4", "--demo-delay", "1",
                          "--results", path, "--timeline", page)
        expect(run.status, OK, run.err)
        items = [record["url"].rsplit("/", 1)[1] for record in read(path)]
        expect(items[:4], list("0123"), "the items of the inline executor")
        expect(sorted(items[4:8]), list("0123"), "the items of the threads")
        expect(sorted(items[8:12]), list("0123"),
               "the items of the processes")
        expect(sorted(items[12:]), list("0123"), "the items of the greenlets")


if __name__ == "__main__":
    sys.exit(run_tests(all_tests(globals())))
