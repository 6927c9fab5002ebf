#!/bin/sh
# SPDX-License-Identifier: MIT
#
# debian_source.sh - get the source of a Debian package into a folder.
#
#     tools/debian_source.sh PACKAGE FOLDER
#
# FOLDER/PACKAGE is the result: what the package's authors released, without
# Debian's patches, of the version that this system's release has. apt checks the
# signatures; it is given sources, lists and a cache of its own, so that nothing
# of the system changes. What is there already is not asked for again. Without
# network, apt or Debian there is no result, nothing half done either, and the
# status is 1 with the reason as the last line.
set -eu

if [ $# -ne 2 ]; then
    echo "usage: tools/debian_source.sh PACKAGE FOLDER" >&2
    exit 2
fi
package=$1
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

give_up() {
    echo "no source of $package: $*" >&2
    exit 1
}

if [ -d "$2/$package" ]; then
    exit 0
fi
release=$(. /etc/os-release && [ "$ID" = debian ] &&
    echo "$VERSION_CODENAME") || give_up "this is not Debian"
command -v apt-get >/dev/null || give_up "there is no apt"
[ -f $keyring ] || give_up "Debian's keys are missing"

mkdir -p "$2"
new=$(mktemp -d "$2/new-XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 1' HUP INT TERM
new=$(cd "$new" && pwd)
mkdir -p "$new/lists/partial" "$new/cache/archives/partial" "$new/root"
echo "deb-src [signed-by=$keyring] http://deb.debian.org/debian $release main" \
    >"$new/sources.list"

apt() {
    apt-get -q -o Dir::Etc::SourceList="$new/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$new/lists" \
        -o Dir::Cache="$new/cache" -o APT::Sandbox::User=root \
        -o Acquire::Languages=none -o Acquire::Retries=0 \
        -o Acquire::http::Timeout=20 -o APT::Update::Error-Mode=any "$@" \
        </dev/null >>"$new/log" 2>&1
}

(cd "$new" && apt update && apt source --download-only "$package") ||
    give_up "$(sed -n 's/^E: //p' "$new/log" | head -n 1)"
tar -xf "$new/$package"_*.orig.tar.* -C "$new/root" --strip-components=1 ||
    give_up "it cannot be unpacked"
# whoever else has got it meanwhile has got the same
mv -T "$new/root" "$2/$package" 2>/dev/null || [ -d "$2/$package" ]
