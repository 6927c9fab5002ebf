#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs a build into an empty place and uses it from there.

A small program is built against it as its users would: with the flags of
pkg-config, shared and static; through CMake's pkg_check_modules; and with the
source tree as a Meson subproject. Each is run. One TAP line for each.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

from checks import Report

PROGRAM = """\
#include <stdio.h>
#include <thrum.h>

static void *twice(void *arg)
{
    int product = *(int *)arg * 2;

    return thrum_return(&product, sizeof(product));
}

int main(void)
{
    THRUM_AUTO(thrum_executor) pool = NULL;
    THRUM_AUTO(thrum_future) future = NULL;
    void *result = NULL;
    int number = 21;
    int rc = thrum_thread_pool_new(NULL, &pool);

    if (rc == 0)
        rc = thrum_executor_submit(pool, twice, &number, sizeof(number),
                                   &future);
    if (rc == 0)
        rc = thrum_future_result(future, thrum_in_s(60), &result);
    if (rc != 0) {
        fprintf(stderr, "%s\\n", thrum_strerror(rc));
        return 1;
    }
    printf("%d %s\\n", *(int *)result, thrum_version_string());
    return thrum_version() == THRUM_VERSION ? 0 : 1;
}
"""
PATCHED = """\
#include <stdio.h>
#include <unistd.h>
#include <thrum.h>
#include <thrum/monkey.h>

static int ends[2];

static void *feed(void *arg)
{
    (void)arg;
    return write(ends[1], "*", 1) == 1 ? ends : NULL;
}

int main(void)
{
    char number = 0;
    int rc = pipe(ends);

    if (rc == 0)
        rc = thrum_monkey_patch_all();
    if (rc == 0)
        rc = thrum_spawn(feed, NULL, 0, NULL);
    if (rc != 0 || read(ends[0], &number, 1) != 1)
        return 1;
    printf("%d patched\\n", number);
    return 0;
}
"""
CMAKE = """\
cmake_minimum_required(VERSION 3.18)
project(user C)
find_package(PkgConfig REQUIRED)
pkg_check_modules(THRUM REQUIRED IMPORTED_TARGET thrum)
add_executable(user user.c)
target_link_libraries(user PkgConfig::THRUM)
"""
MESON = """\
project('user', 'c')
executable('user', 'user.c', dependencies: dependency('thrum',
  fallback: ['thrum', 'thrum_dep']))
"""


class Failed(Exception):
    pass


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}\n"
                     + done.stdout)
    return done.stdout


def write(folder, name, text):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def expect(output):
    if not output.startswith("42 "):
        raise Failed(f"the program wrote {output!r}")


class Place:
    """An empty folder with the program, and the build installed beside it."""

    def __init__(self, folder, args):
        self.folder, self.args = folder, args
        self.installed = os.path.join(folder, "installed")
        write(folder, "user.c", PROGRAM)
        write(folder, "patched.c", PATCHED)

    def install(self):
        run(*self.args.meson, "install", "-C", self.args.build,
            "--no-rebuild", "--destdir", self.installed)
        for where, _, names in os.walk(self.installed):
            if "thrum.pc" in names:
                self.libraries = os.path.dirname(where)
                return
        raise Failed("no thrum.pc was installed")

    def env(self):
        """For programs that look into the installed tree and run from it."""
        return dict(os.environ, PKG_CONFIG_SYSROOT_DIR=self.installed,
                    PKG_CONFIG_LIBDIR=os.path.join(self.libraries, "pkgconfig"),
                    LD_LIBRARY_PATH=self.libraries)

    def pkg_config(self, *options, name="thrum"):
        return run("pkg-config", *options, name, env=self.env()).split()

    def shared(self):
        user = os.path.join(self.folder, "user-shared")
        run(*self.args.cc, os.path.join(self.folder, "user.c"), "-o", user,
            *self.pkg_config("--cflags", "--libs"))
        expect(run(user, env=self.env()))
        if "libthrum.so" not in run("ldd", user, env=self.env()):
            raise Failed("the program does not use libthrum.so")

    def has_monkey(self):
        return os.path.exists(os.path.join(self.libraries, "pkgconfig",
                                           "thrum-monkey.pc"))

    def monkey(self):
        """Patches its own read(), which would block for ever."""
        user = os.path.join(self.folder, "user-patched")
        run(*self.args.cc, os.path.join(self.folder, "patched.c"), "-o", user,
            *self.pkg_config("--cflags", "--libs", name="thrum-monkey"))
        expect(run(user, env=self.env(), timeout=60))

    def debugger(self):
        """gdb looks for a script under the real name of the library."""
        library = os.path.realpath(os.path.join(self.libraries, "libthrum.so"))
        place = library[len(os.path.realpath(self.installed)):] + "-gdb.py"
        for where, _, names in os.walk(self.installed):
            if os.path.basename(place) in names:
                found = os.path.join(where, os.path.basename(place))
                break
        else:
            raise Failed("no script for gdb was installed")
        if not found.endswith("/gdb/auto-load" + place):
            raise Failed(f"gdb does not look for {found}")

    def static(self):
        user = os.path.join(self.folder, "user-static")
        libs = [option.replace("-lthrum", "-l:libthrum.a") for option in
                self.pkg_config("--cflags", "--libs", "--static")]
        run(*self.args.cc, os.path.join(self.folder, "user.c"), "-o", user,
            *libs)
        expect(run(user))

    def cmake(self):
        source = os.path.join(self.folder, "cmake")
        write(source, "user.c", PROGRAM)
        write(source, "CMakeLists.txt", CMAKE)
        env = dict(self.env(), CC=" ".join(self.args.cc))
        run("cmake", "-S", source, "-B", source + "/build", env=env)
        run("cmake", "--build", source + "/build", env=env)
        expect(run(source + "/build/user", env=self.env()))

    def subproject(self):
        source = os.path.join(self.folder, "subproject")
        write(source, "user.c", PROGRAM)
        write(source, "meson.build", MESON)
        os.mkdir(source + "/subprojects")
        os.symlink(self.args.source, source + "/subprojects/thrum")
        env = dict(os.environ, CC=" ".join(self.args.cc))
        run(*self.args.meson, "setup", source + "/build", source,
            "--wrap-mode=forcefallback", env=env)
        run(*self.args.meson, "compile", "-C", source + "/build", "user",
            env=env)
        expect(run(source + "/build/user"))


def attempt(report, name, step):
    try:
        step()
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        report.rule(name, str(error).splitlines())
        return False
    report.rule(name, [])
    return True


def check(report, place):
    if attempt(report, "install", place.install):
        attempt(report, "pkg-config, shared", place.shared)
        if place.has_monkey():
            attempt(report, "pkg-config, thrum-monkey", place.monkey)
        attempt(report, "the script for gdb", place.debugger)
        attempt(report, "pkg-config, static", place.static)
        if shutil.which("cmake"):
            attempt(report, "CMake, pkg_check_modules", place.cmake)
        else:
            report.skip("CMake, pkg_check_modules", "cmake is not installed")
    attempt(report, "Meson subproject", place.subproject)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--meson", required=True, nargs="+")
    parser.add_argument("--cc", required=True, nargs="+")
    parser.add_argument("--not-here", metavar="WHY")
    args = parser.parse_args()
    report = Report()
    if args.not_here:
        report.skip("installed package", args.not_here)
    else:
        with tempfile.TemporaryDirectory() as folder:
            check(report, Place(folder, args))
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
