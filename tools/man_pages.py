#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the man pages tell of the whole public API.

For each function of include/thrum/*.h: its header's page names it in bold,
and man/meson.build makes an alias for it. For each code of thrum/error.h: the
page thrum_error tells it. For each page: the sections, in their order.
"""

import pathlib
import re
import sys

SECTIONS = ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'RETURN VALUE', 'ERRORS',
            'CONTEXTS', 'EXAMPLE', 'SEE ALSO', 'SINCE']
FUNCTION = re.compile(r'^THRUM_API[^;]*?\b(thrum_\w+)\(', re.M | re.S)
MACROS = {'error.h': ['thrum_raise'], 'base.h': ['thrum_at_ns']}


def functions_of(header):
    text = header.read_text()
    names = FUNCTION.findall(re.sub(r'/\*.*?\*/', '', text, flags=re.S))
    return names + MACROS.get(header.name, [])


def check_header(header, man, aliases):
    page = man / f'thrum_{header.stem}.3.scd'
    if not page.exists():
        yield f'{header.name} has no page {page.name}'
        return
    text = page.read_text()
    # statistics are described with their struct
    text += (man / 'thrum_stats.3.scd').read_text()
    for name in functions_of(header):
        if f'*{name}*' not in text:
            yield f'{page.name} does not tell of {name}'
        if f"'{name}'" not in aliases:
            yield f'man/meson.build has no alias for {name}'


def check_sections(page):
    found = re.findall(r'^# (.*)$', page.read_text(), re.M)
    if [name for name in found if name in SECTIONS] != SECTIONS:
        yield f'{page.name}: sections are {", ".join(found)}'


def check_codes(root):
    page = (root / 'man' / 'thrum_error.3.scd').read_text()
    header = (root / 'include' / 'thrum' / 'error.h').read_text()
    for name in re.findall(r'^ X\((E\w+)', header, re.M):
        if f'\n*THRUM_{name}*\n' not in page:
            yield f'thrum_error.3.scd does not tell of THRUM_{name}'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else '.')
    man = root / 'man'
    aliases = (man / 'meson.build').read_text()
    problems = list(check_codes(root))
    for header in sorted((root / 'include' / 'thrum').glob('*.h')):
        problems += check_header(header, man, aliases)
    for page in sorted(man.glob('*.[37].scd')):
        problems += check_sections(page)
    print('\n'.join(problems) or 'every function has its page')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
