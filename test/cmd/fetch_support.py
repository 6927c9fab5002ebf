# SPDX-License-Identifier: MIT
"""What the tests of `thrum fetch` in more than one file use."""
import collections
import contextlib
import html.parser
import os
import re
import sys
import tempfile
import threading
import xml.etree.ElementTree

from fetch_e2e import LIMIT, Bench, expect, http_server, run_test

# Texts that break what does not escape them; none can be fetched.
HOSTILE = [
    'http://127.0.0.1:1/"quoted",and,commas',
    "http://127.0.0.1:1/back\\slash'apostrophe",
    "http://127.0.0.1:1/<script>alert(1)</script>&amp;-->]]>",
    "http://127.0.0.1:1/\u00fc\u2028\U0001f980",
    "two\nlines,\r\nand \"a\ttab\"",
    " blanks around ",
    "=1 + 1",
    "\033[2J\x01\x7f",
    "",
]


@contextlib.contextmanager
def echo_server(hanging="/hang", hung=None):
    """Answers with the path it was asked for, and keeps these in `.paths`;
    a path that begins with `hanging` gets no answer, but is released to
    `hung`, a semaphore."""
    seen = collections.namedtuple("Seen", "base paths")
    paths = []
    end = threading.Event()

    def answer(handler):
        paths.append(handler.path)
        if handler.path.startswith(hanging):
            if hung is not None:
                hung.release()
            end.wait(LIMIT)
            return
        body = handler.path.encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with http_server(answer) as base:
        try:
            yield seen(base, paths)
        finally:
            end.set()


def acquire(semaphore, times):
    for _ in range(times):
        assert semaphore.acquire(timeout=LIMIT), "too few requests came"


class Page(html.parser.HTMLParser):
    """Wants each element closed, and in order."""

    EMPTY = {"meta", "link", "br", "hr", "img", "input"}

    def __init__(self):
        super().__init__()
        self.open, self.tags = [], collections.Counter()

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] += 1

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open)
        self.open.pop()


def bars(path):
    """Of each panel the titles of its bars, from a page that is sound."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    page = Page()
    page.feed(text)
    page.close()
    expect(page.open, [], "what was not closed")
    assert not page.tags["script"] and not page.tags["b"] > page.tags["h2"]
    panels = []
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        found = [rect for rect in
                 xml.etree.ElementTree.fromstring(svg).iter("rect")
                 if rect.find("title") is not None]
        panels.append([rect.find("title").text for rect in found])
        for rect in found:
            assert float(rect.get("width")) > 0 and float(rect.get("x")) >= 0
    return [panel for panel in panels if panel]


def all_tests(names):
    return [value for name, value in sorted(names.items())
            if name.startswith("test_")]


def run_tests(tests):
    """Runs those that the command line names, or all; the exit status."""
    wanted = sys.argv[2:]
    tests = [test for test in tests
             if not wanted or test.__name__[len("test_"):] in wanted]
    print(f"1..{len(tests)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="thrum-") as folder:
        bench = Bench(os.path.abspath(sys.argv[1]), folder)
        try:
            fine = [run_test(number, test, bench)
                    for number, test in enumerate(tests, 1)]
        finally:
            bench.close()
    return 0 if all(fine) else 1
