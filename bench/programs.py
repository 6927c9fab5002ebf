# SPDX-License-Identifier: MIT
"""What the suites say about their implementations: how each is started.

An implementation is (command of a build folder, file that it needs there or
None, Debian package or None).
"""
import os
import shutil


def program(suite, name, package=None):
    """One that bench/<suite>/meson.build makes: <suite>-<name>."""
    file = f'{suite}-{name}'
    return lambda built: [os.path.join(built, file)], file, package


def python3():
    """Debian's, so that the version is known; else that of the PATH."""
    debian = '/usr/bin/python3'
    return debian if os.path.exists(debian) else shutil.which('python3')


def script(suite_file, name, package):
    """A Python program beside the suite.py that asks for it."""
    path = os.path.join(os.path.dirname(suite_file), name)
    return lambda _built: [python3(), path], None, package
