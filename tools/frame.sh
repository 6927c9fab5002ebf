# SPDX-License-Identifier: MIT
#
# frame.sh - what script/* and .ci/run share; read by `.` from the top of the
# tree.
#
# A run is a row of steps. Each leaves a line in the record, and frame_end()
# counts them (tools/count_tests.py has the record's format).

frame_record=build/test-record.tsv
frame_wrap= # a command before `meson test`
frame_at_once=$(($(nproc) * 2)) # programs, which wait half of the time

frame_say() {
    printf '\n== %s\n' "$*"
}

# frame_note ok|fail|skip|log TIER WHAT
frame_note() {
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$frame_record"
}

# Runs a command whose words matter only if it fails.
# frame_quiet LOG COMMAND...
frame_quiet() {
    frame_log=$1
    shift
    mkdir -p "$(dirname "$frame_log")"
    if "$@" >"$frame_log" 2>&1; then
        return 0
    fi
    grep -n -A6 -E '(error|ERROR|undefined reference)' "$frame_log" |
        head -n 80 || true
    tail -n 20 "$frame_log"
    echo "failed: $* (all of it: $frame_log)"
    return 1
}

# Makes the build folder, or changes its options if they are others than last
# time.
# frame_setup FOLDER OPTION...
frame_setup() {
    frame_dir=$1
    frame_stamp=$1/frame-options
    shift
    if [ -f "$frame_dir/build.ninja" ]; then
        if [ "$(cat "$frame_stamp" 2>/dev/null)" = "$*" ]; then
            return 0
        fi
        frame_quiet "$frame_dir/frame-setup.log" \
            meson configure "$frame_dir" "$@" || return 1
    else
        frame_quiet "$frame_dir/frame-setup.log" \
            meson setup "$frame_dir" "$@" || return 1
    fi
    echo "$*" >"$frame_stamp"
}

# Builds everything of a tier. Its warnings are shown, for they are news.
# frame_build TIER FOLDER OPTION...
frame_build() {
    frame_tier=$1
    frame_folder=$2
    shift 2
    frame_say "${frame_tier:-plain}: build"
    if frame_setup "$frame_folder" "$@" &&
        frame_quiet "$frame_folder/frame-build.log" \
            ninja -k 0 -C "$frame_folder"
    then
        grep -A6 'warning:' "$frame_folder/frame-build.log" || true
        return 0
    fi
    frame_note fail "$frame_tier" "build"
    return 1
}

# Runs the tests of a tier that was built.
# frame_test TIER FOLDER ARGUMENT-OF-MESON-TEST...
frame_test() {
    frame_tier=$1
    frame_folder=$2
    shift 2
    frame_say "${frame_tier:-plain}: test"
    frame_logs=log-${frame_tier:-plain}
    rm -f "$frame_folder/meson-logs/$frame_logs.json" \
        "$frame_folder/meson-logs/$frame_logs-valgrind.json"
    # Meson's status is not needed: the record tells.
    $frame_wrap meson test -C "$frame_folder" --no-rebuild \
        --num-processes $frame_at_once --print-errorlogs \
        --logbase "$frame_logs" "$@" </dev/null || true
    # with a wrapper its name is part of the log's
    if [ -f "$frame_folder/meson-logs/$frame_logs-valgrind.json" ]; then
        frame_logs=$frame_logs-valgrind
    fi
    frame_note log "$frame_tier" "$frame_folder/meson-logs/$frame_logs.json"
}

# Starts an empty record.
frame_begin() {
    mkdir -p "$(dirname "$frame_record")"
    : >"$frame_record"
}

# Prints what was skipped, what failed, and the one line with the numbers.
frame_end() {
    echo
    python3 tools/count_tests.py "$frame_record"
}
