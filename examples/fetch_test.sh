#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fetch_test.sh - run the example fetch on files of known sizes.
#
#     fetch_test.sh PROGRAM
#
# Lines come in any order, so they are sorted before they are compared. libcurl
# without file:// skips the test (exit status 77).
set -eu

program=$1
case $("$program" file:///dev/null) in
*"nsupported protocol"*) exit 77 ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for size in 10 200 3000; do
    head -c "$size" /dev/zero >"$folder/$size"
    echo "file://$folder/$size: $size bytes" >>"$folder/expected"
done
"$program" "file://$folder/10" "file://$folder/200" "file://$folder/3000" \
    >"$folder/output"
LC_ALL=C sort "$folder/expected" >"$folder/expected.sorted"
LC_ALL=C sort "$folder/output" >"$folder/output.sorted"
diff -u "$folder/expected.sorted" "$folder/output.sorted"

# A file that is not there is told, and the other one goes on.
"$program" "file://$folder/none" "file://$folder/10" >"$folder/output"
grep -q '/10: 10 bytes$' "$folder/output"
grep -q '/none: ' "$folder/output"
