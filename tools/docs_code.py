#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps the code in the documentation equal to the code of the examples.

A part of an example is marked, and shown in a page by naming it:

    /* doc: submit */               <!-- code: async.c submit -->
    ...                             ```c
    /* doc: end */                  ...
                                    ```

In a man page the naming line is `; code: async.c submit`. Every block of C in
README.md and the guide must be named, so that no line of C there was never
compiled. Without an option differences are shown and the exit status is 1;
--update writes the examples' code into the pages.
"""

import argparse
import difflib
import pathlib
import re
import sys
import textwrap

NAMED = re.compile(r'^(?:<!-- code: (\S+) (\S+) -->|; code: (\S+) (\S+))$')
BEGIN = re.compile(r'^\s*/\* doc: (\S+) \*/$')


def parts_of(example):
    """The marked parts of an example: {name: [line, ...]}, dedented."""
    parts, name = {}, None
    for line in example.read_text().splitlines():
        begin = BEGIN.match(line)
        if begin and begin.group(1) == 'end':
            name = None
        elif begin:
            name = begin.group(1)
            if name in parts:
                sys.exit(f'{example}: {name} is marked twice')
            parts[name] = []
        elif name is not None:
            parts[name].append(line)
    if name is not None:
        sys.exit(f'{example}: {name} has no end')
    return {name: textwrap.dedent('\n'.join(lines)).splitlines()
            for name, lines in parts.items()}


def rewrite(page, root):
    """The page as it should be, and complaints about it."""
    man = page.suffix == '.scd'
    result, complaints, named, inside = [], [], None, False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        match = NAMED.match(line)
        if inside:
            inside = not line.startswith('```')
            if named is None or not inside:
                result.append(line)
            if not inside:
                named = None
            continue
        result.append(line)
        if match:
            named = [group for group in match.groups() if group]
        elif line.startswith('```'):
            inside = True
            if named is not None:
                parts = parts_of(root / 'examples' / named[0])
                if named[1] not in parts:
                    complaints.append(f'{page}:{number}: {named[0]} has no '
                                      f'part {named[1]}')
                lines = parts.get(named[1], [])
                if man:  # where a backslash quotes, also in a literal block
                    lines = [line.replace('\\', '\\\\') for line in lines]
                result.extend(lines)
            elif line == '```c' and not man:
                complaints.append(f'{page}:{number}: C that no example has')
        elif line.strip():
            named = None
    if inside:
        complaints.append(f'{page}: a block without its end')
    return result, complaints


def pages(root):
    yield root / 'README.md'
    yield from sorted((root / 'docs' / 'guide').glob('*.md'))
    yield from sorted((root / 'man').glob('*.scd'))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--root', type=pathlib.Path,
                        default=pathlib.Path(__file__).parent.parent)
    parser.add_argument('--update', action='store_true')
    options = parser.parse_args()
    failed = False
    for page in pages(options.root):
        before = page.read_text().splitlines()
        after, complaints = rewrite(page, options.root)
        for complaint in complaints:
            print(complaint)
        failed |= bool(complaints)
        if before == after:
            continue
        if options.update:
            page.write_text('\n'.join(after) + '\n')
            continue
        failed = True
        sys.stdout.writelines(line + '\n' for line in difflib.unified_diff(
            before, after, str(page), 'examples/', lineterm=''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
