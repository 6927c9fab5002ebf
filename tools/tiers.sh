# SPDX-License-Identifier: MIT
#
# tiers.sh - the builds beyond the plain one, each a function; read by `.` after
# frame.sh. Each has its own folder build-<tier>, so that a second run builds
# only what changed.
#
# The source tree is the same in all of them: its checks run in the plain build
# alone.

frame_code_only='--no-suite checks --no-suite headers'

# The clang that is there, looked for when it is needed: it may just have been
# installed.
frame_clang() {
    command -v clang-14 || echo clang
}

# frame_with COMPILER COMMAND...
frame_with() (
    CC=$1
    export CC
    shift
    "$@"
)

# The programs of the suites unit and api, but for some, which are noted.
# tier_names_but TIER FOLDER WHY NAME...: into frame_names
tier_names_but() {
    frame_tier=$1
    frame_names=$(meson test -C "$2" --no-rebuild --list --suite unit \
        --suite api 2>/dev/null | sed 's/.* //')
    frame_why=$3
    shift 3
    for frame_name in "$@"; do
        frame_names=$(printf '%s\n' "$frame_names" | grep -vx "$frame_name")
        frame_note skip "$frame_tier" "$frame_name ($frame_why)"
    done
}

tier_asan() {
    frame_build asan build-asan -Db_sanitize=address,undefined \
        -Db_lundef=false -Dman=disabled || return 0
    frame_test asan build-asan $frame_code_only
}

tier_tsan() {
    frame_with "$(frame_clang)" frame_build tsan build-tsan \
        -Db_sanitize=thread -Db_lundef=false -Dman=disabled || return 0
    # Addresses must not be random, where one may say so.
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        frame_wrap="setarch $(uname -m) -R"
    fi
    frame_test tsan build-tsan $frame_code_only
    frame_wrap=
}

# tier_compiler TIER COMPILER OPTION...: one test, that it builds with -Werror.
tier_compiler() {
    frame_name=$1
    frame_cc=$2
    shift 2
    if frame_with "$frame_cc" frame_build "$frame_name" \
        "build-$frame_name" --werror -Dman=disabled "$@"; then
        frame_note ok "$frame_name" "build"
    fi
}

tier_gcc() {
    tier_compiler gcc gcc
}

tier_clang() {
    tier_compiler clang "$(frame_clang)" -Dfuzz=true
}

# Stacks that are switched by the C library, as on processors without assembly.
tier_ucontext() {
    frame_build ucontext build-ucontext -Dswitch=ucontext -Dman=disabled \
        -Dcommand=disabled || return 0
    frame_test ucontext build-ucontext $frame_code_only
}

# aarch64 by qemu-user: the examples, and the test programs if cmocka is to be
# had for it.
tier_aarch64() {
    if ! command -v aarch64-linux-gnu-gcc >/dev/null ||
        ! command -v qemu-aarch64 >/dev/null; then
        frame_note skip aarch64 "all (no cross compiler or no qemu-user)"
        return 0
    fi
    frame_folder=build-aarch64-cmocka
    if frame_quiet $frame_folder/log tools/aarch64_cmocka.sh $frame_folder; then
        frame_build aarch64 build-aarch64 --cross-file tools/aarch64.ini \
            --cross-file $frame_folder/cmocka.ini \
            -Dman=disabled -Dcommand=disabled || return 0
        tier_aarch64_tests
    else
        frame_note skip aarch64 "the cmocka programs (no cmocka for aarch64)"
        frame_build aarch64 build-aarch64 --cross-file tools/aarch64.ini \
            -Dtests=false -Dman=disabled -Dcommand=disabled || return 0
    fi
    frame_test aarch64-examples build-aarch64 --suite examples
}

# Programs that qemu-user 7.2 itself fails in: it ends in an assertion of its own
# when a child that was forked makes a thread, exits or aborts in one; and adds
# words to those of a program that dies. In other programs single tests are
# skipped for such reasons (TEST_SKIP_EMULATED).
frame_not_by_qemu='exit overflow'

# Of patching, the programs that do not ask for what it lacks: preadv2 and
# epoll_pwait2, filters of system calls, leases, another process's memory.
frame_patched_by_qemu='monkey-dns monkey-interrupt monkey-lock monkey-setting
monkey-signal monkey-stdio monkey-time'

tier_aarch64_tests() {
    tier_names_but aarch64 build-aarch64 "not by qemu-user" $frame_not_by_qemu
    THRUM_TEST_SCALE=3
    export THRUM_TEST_SCALE
    frame_test aarch64 build-aarch64 --suite unit --suite api $frame_names
    frame_test aarch64-monkey build-aarch64 --suite monkey $frame_patched_by_qemu
    frame_note skip aarch64 "the other programs of monkey (not by qemu-user)"
    unset THRUM_TEST_SCALE
}

# The rest is for script/test --full.

# tier_options TIER OPTION...: the whole suite with other options.
tier_options() {
    frame_name=$1
    shift
    frame_build "$frame_name" "build-$frame_name" -Dman=disabled "$@" ||
        return 0
    frame_test "$frame_name" "build-$frame_name" $frame_code_only
}

tier_variants() {
    frame_with "$(frame_clang)" tier_options clang-test --werror
    frame_with "$(frame_clang)" tier_options clang-O0 --werror \
        -Doptimization=0
    tier_options unity -Dunity=on -Dunity_size=1000
    tier_options static -Ddefault_library=static
    tier_options O0 -Doptimization=0
    tier_options O3 -Doptimization=3
    tier_options Os -Doptimization=s
    tier_options lto -Doptimization=2 -Db_lto=true
    tier_options stack-clash -Doptimization=2 \
        -Dc_args=-fstack-clash-protection
    tier_options fortify --werror -Doptimization=2 \
        -Dc_args=-D_FORTIFY_SOURCE=2
}

# Valgrind 3.19 knows no pidfd, which process pools stand on.
frame_not_by_valgrind='child overflow process_crash process_end process_functions
process_inside process_kill process_loaded process_owner process_pool
process_worker unit-process_faults'

# Reads the plain build.
tier_valgrind() {
    if ! command -v valgrind >/dev/null; then
        frame_note skip valgrind "all (not installed)"
        return 0
    fi
    tier_names_but valgrind build "its faults are meant, or its pidfds unknown" \
        $frame_not_by_valgrind
    THRUM_TEST_SCALE=2 THRUM_TEST_TIMEOUT=900
    export THRUM_TEST_SCALE THRUM_TEST_TIMEOUT
    frame_test valgrind build --suite unit --suite api --wrapper \
        'valgrind -q --error-exitcode=99 --fair-sched=yes' \
        --timeout-multiplier 10 $frame_names
    unset THRUM_TEST_SCALE THRUM_TEST_TIMEOUT
}

tier_stress() {
    THRUM_STRESS_SECONDS=${THRUM_STRESS_SECONDS:-120}
    THRUM_TEST_TIMEOUT=3600
    export THRUM_STRESS_SECONDS THRUM_TEST_TIMEOUT
    frame_test stress build --suite stress --timeout-multiplier 30
    unset THRUM_STRESS_SECONDS THRUM_TEST_TIMEOUT
}

# The library against the dumps of its releases, which begin with 1.0.
tier_abi() {
    for frame_dump in abi/*.abi; do
        if [ ! -f "$frame_dump" ]; then
            frame_note skip abi "all (no release has a dump yet)"
        elif ! command -v abidiff >/dev/null; then
            frame_note skip abi "$frame_dump (no abidiff)"
        elif abidiff --no-added-syms "$frame_dump" build/src/libthrum.so; then
            frame_note ok abi "$frame_dump"
        else
            frame_note fail abi "$frame_dump"
        fi
    done
}
