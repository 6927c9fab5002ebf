#!/bin/sh
# SPDX-License-Identifier: MIT
#
# aarch64_cmocka.sh - get cmocka for aarch64 into a folder, and a Meson cross
# file that finds it there.
#
#     tools/aarch64_cmocka.sh FOLDER
#
# Debian's packages for that processor, downloaded and unpacked but not
# installed: apt is given lists and a cache of its own, so that the system does
# not come to know of a second architecture. FOLDER/cmocka.ini is the result;
# without network or apt there is none, and the status is 1.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: tools/aarch64_cmocka.sh FOLDER" >&2
    exit 2
fi
mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/root"
folder=$(cd "$1" && pwd)
libraries=$folder/root/usr/lib/aarch64-linux-gnu

apt() {
    apt-get -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 \
        -o Dir::State::lists="$folder/lists" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root "$@" \
        </dev/null
}

if [ ! -e "$libraries/libcmocka.so" ]; then
    apt update
    (cd "$folder" && apt download libcmocka0 libcmocka-dev)
    for package in "$folder"/*.deb; do
        dpkg-deb -x "$package" "$folder/root"
    done
fi
cat >"$folder/cmocka.ini" <<END
[binaries]
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu',
               '-E', 'LD_LIBRARY_PATH=$libraries']

[properties]
sys_root = '$folder/root'
pkg_config_libdir = '$libraries/pkgconfig'
END
