/* SPDX-License-Identifier: MIT */
/*
 * test/unit/fd_test.c - the table of descriptors, and who is woken first.
 */
#include <errno.h>
#include <string.h>

#include "hub/fd.h"
#include "thrum_test.h"

TEST(entries_are_made_when_asked_for_and_stay_where_they_are)
{
    struct thrumi_fd_table table;
    struct thrumi_fd *first;

    thrumi_fd_init(&table);
    assert_null(thrumi_fd_find(&table, 0));
    assert_null(thrumi_fd_find(&table, -1));
    assert_null(thrumi_fd_get(&table, -1));
    first = thrumi_fd_get(&table, 3);
    assert_non_null(first);
    assert_true(thrumi_list_empty(&first->waits));
    assert_non_null(thrumi_fd_get(&table, 100000));
    assert_ptr_equal(thrumi_fd_find(&table, 3), first);
    assert_non_null(thrumi_fd_find(&table, 4)); /* of the same page */
    assert_null(thrumi_fd_find(&table, 50000));
    assert_null(thrumi_fd_find(&table, 1000000));
    thrumi_fd_fini(&table);
    assert_null(thrumi_fd_find(&table, 3));
}

TEST(a_table_without_memory_stays_as_it_is)
{
    struct thrumi_fd_table table;
    struct thrumi_fd *entry = NULL;

    thrumi_fd_init(&table);
    FOR_EACH_FAILURE(n)
    {
        entry = thrumi_fd_get(&table, 5000);
        if (entry == NULL)
            assert_null(thrumi_fd_find(&table, 5000));
    }
    assert_non_null(entry);
    thrumi_fd_fini(&table);
}

TEST(all_entries_are_found_from_any_number_on)
{
    struct thrumi_fd_table table;
    struct thrumi_fd *entry;
    unsigned count = 0;

    thrumi_fd_init(&table);
    for (int fd = 0; thrumi_fd_next(&table, &fd, &entry); fd++)
        count++;
    assert_int_equal(count, 0);
    assert_non_null(thrumi_fd_get(&table, 300));
    assert_non_null(thrumi_fd_get(&table, 3000));
    for (int fd = 0; thrumi_fd_next(&table, &fd, &entry); fd++) {
        assert_ptr_equal(entry, thrumi_fd_find(&table, fd));
        count++;
    }
    assert_int_equal(count, 256); /* two pages */
    thrumi_fd_fini(&table);
}

TEST(another_life_knows_nothing_of_the_one_before)
{
    struct thrumi_fd_table table;
    struct thrumi_fd *entry;

    thrumi_fd_init(&table);
    entry = thrumi_fd_get(&table, 7);
    entry->ready = THRUMI_READABLE;
    entry->sticky = THRUMI_READABLE;
    entry->kind = THRUMI_IO_TCP;
    entry->registered = true;
    entry->nonblocking = true;
    thrumi_fd_renew(entry);
    assert_int_equal(entry->generation, 1);
    assert_int_equal(entry->ready, 0);
    assert_int_equal(entry->sticky, 0);
    assert_int_equal(entry->kind, THRUMI_IO_UNKNOWN);
    assert_false(entry->registered);
    assert_false(entry->nonblocking);
    thrumi_fd_fini(&table);
}

/* ---- who is woken ---- */

static const struct thrumi_io reading = {.op = THRUMI_IO_READ};
static const struct thrumi_io writing = {.op = THRUMI_IO_WRITE};
static const struct thrumi_io polling = {.op = THRUMI_IO_POLL};

struct line {
    struct thrumi_fd entry;
    struct thrumi_fd_wait waits[4];
};

static void line_add(struct line *line, int place, const struct thrumi_io *io,
                     unsigned readiness)
{
    thrumi_fd_wait_init(&line->waits[place], line->entry.generation, io,
                        readiness);
    thrumi_list_append(&line->entry.waits, &line->waits[place].link);
}

static void line_open(struct line *line)
{
    memset(line, 0, sizeof(*line));
    thrumi_list_init(&line->entry.waits);
    line_add(line, 0, &polling, THRUMI_READABLE);
    line_add(line, 1, &writing, THRUMI_WRITABLE);
    line_add(line, 2, &reading, THRUMI_READABLE);
    line_add(line, 3, &reading, THRUMI_READABLE);
}

static bool line_waits(const struct line *line, int place)
{
    return thrumi_link_listed(&line->waits[place].link);
}

TEST(the_first_of_its_direction_is_woken)
{
    struct line line;

    line_open(&line);
    assert_true(thrumi_fd_wake_first(&line.entry, THRUMI_READABLE));
    assert_false(line_waits(&line, 2));
    assert_true(line_waits(&line, 0) && line_waits(&line, 1) &&
                line_waits(&line, 3));
    assert_true(thrumi_fd_wake_first(&line.entry, THRUMI_READABLE));
    assert_false(line_waits(&line, 3));
    assert_false(thrumi_fd_wake_first(&line.entry, THRUMI_READABLE));
    assert_true(thrumi_fd_wake_first(&line.entry, THRUMI_WRITABLE));
    assert_false(line_waits(&line, 1));
}

TEST(all_polls_are_woken_and_nobody_else)
{
    struct line line;

    line_open(&line);
    thrumi_fd_wake_polls(&line.entry, THRUMI_WRITABLE);
    assert_true(line_waits(&line, 0));
    thrumi_fd_wake_polls(&line.entry, THRUMI_READABLE);
    assert_false(line_waits(&line, 0));
    assert_true(line_waits(&line, 1) && line_waits(&line, 2) &&
                line_waits(&line, 3));
}

TEST(all_are_told_why_it_was_taken_away)
{
    struct line line;

    line_open(&line);
    thrumi_fd_wake_all(&line.entry, -EBADF);
    for (int i = 0; i < 4; i++) {
        assert_false(line_waits(&line, i));
        assert_int_equal(line.waits[i].code, -EBADF);
    }
    assert_true(thrumi_list_empty(&line.entry.waits));
}

TEST(a_turn_is_passed_on_in_its_own_life_only)
{
    struct line line;

    line_open(&line);
    line.entry.ready = THRUMI_READABLE;
    thrumi_fd_pass_turn(&line.entry, THRUMI_READABLE,
                        line.entry.generation + 1);
    assert_true(line_waits(&line, 2));
    thrumi_fd_pass_turn(&line.entry, THRUMI_READABLE, line.entry.generation);
    assert_false(line_waits(&line, 2));
    thrumi_fd_pass_turn(&line.entry, THRUMI_READABLE, line.entry.generation);
    assert_int_equal(line.entry.ready, THRUMI_READABLE); /* the last has it */
    thrumi_fd_pass_turn(&line.entry, THRUMI_READABLE, line.entry.generation);
    assert_int_equal(line.entry.ready, 0);
}

TEST_MAIN("fd")
