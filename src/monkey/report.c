/* SPDX-License-Identifier: MIT */
/*
 * monkey/report.c - what is patched and what is not.
 */
#include <errno.h>
#include <stdio.h>

#include <thrum/monkey.h>

#include "monkey/objects.h"
#include "monkey/table.h"

struct report_count {
    unsigned patched;
    unsigned original;
};

static bool report_count_slot(const struct thrumi_slot *slot, void *arg)
{
    const struct thrumi_monkey_row *row = thrumi_monkey_find(slot->name);
    struct report_count *count = arg;
    uintptr_t now = thrumi_slot_get(slot);

    if (row == NULL || slot->own)
        return true;
    count->patched += now == row->hook;
    count->original += now != row->hook;
    return true;
}

static bool report_object(const struct thrumi_object_seen *object, void *arg)
{
    struct report_count count = {0, 0};
    FILE *stream = arg;

    thrumi_slots_each(&object->slots, report_count_slot, &count);
    fprintf(stream,
            "%s: ", object->path[0] == '\0' ? "the program" : object->path);
    if (object->left_alone)
        fprintf(stream, "left alone\n");
    else
        fprintf(stream, "%u patched, %u not\n", count.patched, count.original);
    return true;
}

int thrum_monkey_report(FILE *stream)
{
    thrumi_objects_each(report_object, stream);
    return ferror(stream) ? -EIO : 0;
}
