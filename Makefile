# SPDX-License-Identifier: MIT
# For fingers that know make: everything is done by Meson and script/*.

.PHONY: all run test bench install clean

all:
	script/bootstrap run
	test -f build/build.ninja || meson setup build -Dtests=false \
	    -Dexamples=false
	ninja -C build

run:
	script/run

test:
	script/test

bench:
	script/bench

install: all
	meson install -C build

clean:
	rm -rf build
