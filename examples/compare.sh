#!/bin/sh
# SPDX-License-Identifier: MIT
#
# compare.sh - run an example and compare what it prints.
#
#     compare.sh PROGRAM EXPECTED [ARGUMENT...]
#
# stdout must be the bytes of EXPECTED; stderr is passed on. Exits as the
# program does when that is not 0, with 1 when the output differs. A program for
# another processor is run by what Meson says.
set -u

program=$1
expected=$2
shift 2

output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT
${MESON_EXE_WRAPPER-} "$program" "$@" >"$output"
status=$?
diff -u "$expected" "$output" || [ $status -ne 0 ] || status=1
exit $status
