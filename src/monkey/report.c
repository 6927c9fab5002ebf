/* SPDX-License-Identifier: MIT */
/*
 * monkey/report.c - what is patched and what is not.
 *
 *     /lib/libexample.so.1: 7 patched, 2 not
 *         not patched, family select: poll, select
 *         no hook, messages: msgrcv, semop
 *
 * A name is told of once, whatever number of slots it has. The first lists are
 * of functions that have a hook, whose family is not patched or whose slot holds
 * what somebody else has put there; the next ones of those in blocking.h, which
 * have none. All is written when the walk over the objects is over, since the
 * loader waits for that.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/monkey.h>

#include "base/container.h"
#include "monkey/captured.h"
#include "monkey/objects.h"
#include "monkey/patch.h"
#include "monkey/table.h"
#include "sys/code.h"
#include "sys/namespaces.h"

#define REPORT_COLUMNS 79
#define REPORT_MOST    16u /* names of those that an object defines itself */

enum report_group {
    REPORT_DESCRIPTORS,
    REPORT_NAMES,
    REPORT_PROCESSES,
    REPORT_STDIO,
    REPORT_MESSAGES,
    REPORT_SIGNALS,
    REPORT_RAW,
    REPORT_GROUPS,
};

static const char *const report_labels[REPORT_GROUPS] = {
    [REPORT_DESCRIPTORS] = "no hook, descriptors",
    [REPORT_NAMES] = "no hook, names",
    [REPORT_PROCESSES] = "no hook, processes",
    [REPORT_STDIO] = "no hook, stdio of pipes and terminals",
    [REPORT_MESSAGES] = "no hook, messages",
    [REPORT_SIGNALS] = "no hook, signals",
    [REPORT_RAW] = "no hook, whatever it is used for",
};

/* By the number of the bit. */
static const char *const report_families[] = {"socket", "select",  "time",
                                              "dns",    "process", "file",
                                              "stdio",  "lock",    "signal"};

#define REPORT_FAMILIES (sizeof(report_families) / sizeof(report_families[0]))

_Static_assert((1u << REPORT_FAMILIES) - 1 == THRUM_MONKEY_ALL,
               "each family has a name");

static const struct {
    const char *name;
    enum report_group group;
} report_blocking[] = {
#define BLOCKS(group, name) {#name, REPORT_##group},
#define HARMLESS(name)
#include "monkey/blocking.h"
#undef BLOCKS
#undef HARMLESS
};

#define REPORT_BLOCKING (sizeof(report_blocking) / sizeof(report_blocking[0]))

static const char *const report_harmless[] = {
#define BLOCKS(group, name)
#define HARMLESS(name) #name,
#include "monkey/blocking.h"
#undef BLOCKS
#undef HARMLESS
};

/* What is known of a row of the table, for one object. */
struct report_row {
    bool missing; /* a slot of it holds something else than the hook */
    bool kept;    /* a pointer to the original */
    bool defined; /* by the object itself */
};

struct report {
    FILE *stream;
    unsigned patched; /* slots */
    unsigned missing;
    unsigned pointers; /* slots in data that are patched */
    bool blocks[REPORT_BLOCKING];
    struct report_row *rows;
    /* of the list that is being written: */
    int column;
    unsigned listed;
};

/* ---- lists of names ---- */

static void report_list_begin(struct report *report)
{
    report->listed = 0;
}

static void report_list_add(struct report *report, const char *label,
                            const char *name)
{
    int length = (int)strlen(name);

    if (report->listed++ == 0) {
        report->column = fprintf(report->stream, "    %s: %s", label, name);
    } else if (report->column + 2 + length < REPORT_COLUMNS) {
        report->column += fprintf(report->stream, ", %s", name);
    } else {
        fprintf(report->stream, ",\n        %s", name);
        report->column = 8 + length;
    }
}

static void report_list_end(struct report *report)
{
    if (report->listed > 0)
        fputc('\n', report->stream);
}

/* ---- an object ---- */

static bool report_is_harmless(const char *name)
{
    for (size_t i = 0; i < sizeof(report_harmless) / sizeof(report_harmless[0]);
         i++)
        if (strcmp(report_harmless[i], name) == 0)
            return true;
    return false;
}

static void report_see_blocking(struct report *report, const char *name)
{
    for (size_t i = 0; i < REPORT_BLOCKING; i++)
        if (strcmp(report_blocking[i].name, name) == 0)
            report->blocks[i] = true;
}

static bool report_see_slot(const struct thrumi_import *slot, void *arg)
{
    const struct thrumi_monkey_row *row = thrumi_monkey_find(slot->name);
    struct report *report = arg;
    bool patched;

    if (row == NULL || slot->own) {
        if (!slot->own)
            report_see_blocking(report, slot->name);
        return true;
    }
    patched = thrumi_import_get(slot) == row->hook;
    report->patched += patched;
    report->missing += !patched;
    report->pointers += patched && slot->kind == THRUMI_SLOT_DATA;
    if (!patched)
        report->rows[row - thrumi_monkey_rows].missing = true;
    return true;
}

static void report_see_kept(size_t row, void *arg)
{
    struct report *report = arg;

    report->rows[row].kept = true;
}

static void report_see(struct report *report,
                       const struct thrumi_object_seen *object)
{
    report->patched = 0;
    report->missing = 0;
    report->pointers = 0;
    memset(report->blocks, 0, sizeof(report->blocks));
    memset(report->rows, 0, thrumi_monkey_row_count * sizeof(*report->rows));
    thrumi_slots_each(&object->slots, report_see_slot, report);
    thrumi_captured_each(object, report_see_kept, report);
    for (size_t i = 0; i < thrumi_monkey_row_count; i++)
        report->rows[i].defined =
            thrumi_slots_defines(&object->slots, thrumi_monkey_rows[i].name);
}

/* ---- and in words ---- */

/* Is the row's first family that one, and it is not patched? REPORT_FAMILIES:
 * is one of its families patched? */
static bool report_is_of(const struct thrumi_monkey_row *row, unsigned family)
{
    if ((row->families & thrumi_monkey_families()) != 0)
        return family == REPORT_FAMILIES;
    return (unsigned)__builtin_ctz(row->families) == family;
}

static void report_tell_missing(struct report *report, unsigned family)
{
    char label[64] = "taken by somebody else";

    if (family < REPORT_FAMILIES)
        snprintf(label, sizeof(label), "not patched, family %s",
                 report_families[family]);
    report_list_begin(report);
    for (size_t i = 0; i < thrumi_monkey_row_count; i++) {
        const struct thrumi_monkey_row *row = &thrumi_monkey_rows[i];

        if (report->rows[i].missing && report_is_of(row, family) &&
            !report_is_harmless(row->name))
            report_list_add(report, label, row->name);
    }
    report_list_end(report);
}

static void report_tell_group(struct report *report, enum report_group group)
{
    report_list_begin(report);
    for (size_t i = 0; i < REPORT_BLOCKING; i++)
        if (report->blocks[i] && report_blocking[i].group == group)
            report_list_add(report, report_labels[group],
                            report_blocking[i].name);
    report_list_end(report);
}

/* A sanitizer puts a hundred of them into a program. */
static void report_tell_defined(struct report *report)
{
    unsigned more = 0;

    report_list_begin(report);
    for (size_t i = 0; i < thrumi_monkey_row_count; i++) {
        if (!report->rows[i].defined)
            continue;
        if (report->listed < REPORT_MOST)
            report_list_add(report, "defines itself",
                            thrumi_monkey_rows[i].name);
        else
            more++;
    }
    if (more > 0)
        fprintf(report->stream, " and %u more", more);
    report_list_end(report);
}

static void report_tell_pointers(struct report *report)
{
    if (report->pointers > 0)
        fprintf(report->stream, "    pointers in its data, patched: %u\n",
                report->pointers);
    report_list_begin(report);
    for (size_t i = 0; i < thrumi_monkey_row_count; i++)
        if (report->rows[i].kept && !report->rows[i].missing)
            report_list_add(report, "pointers in its data to originals",
                            thrumi_monkey_rows[i].name);
    report_list_end(report);
}

static void report_tell(struct report *report,
                        const struct thrumi_object_seen *object)
{
    size_t calls = thrumi_code_system_calls(object->info);

    fprintf(report->stream, "%u patched", report->patched);
    if (report->missing > 0)
        fprintf(report->stream, ", %u not", report->missing);
    fputc('\n', report->stream);
    for (unsigned family = 0; family <= REPORT_FAMILIES; family++)
        report_tell_missing(report, family);
    for (int group = 0; group < REPORT_GROUPS; group++)
        report_tell_group(report, (enum report_group)group);
    report_tell_defined(report);
    report_tell_pointers(report);
    if (calls > 0)
        fprintf(report->stream, "    system calls without libc, perhaps: %zu\n",
                calls);
}

static bool report_object(const struct thrumi_object_seen *object, void *arg)
{
    struct report *report = arg;

    fprintf(report->stream,
            "%s: ", object->path[0] == '\0' ? "the program" : object->path);
    if (object->left_alone != NULL) {
        fprintf(report->stream, "left alone: %s\n", object->left_alone);
        return true;
    }
    report_see(report, object);
    report_tell(report, object);
    return true;
}

/* ---- all ---- */

static void report_other_namespace(const char *path, void *arg)
{
    struct report *report = arg;

    fprintf(report->stream, "%s: never patched: in another namespace\n", path);
}

static void report_all(struct report *report)
{
    unsigned late = thrumi_monkey_late_objects();
    unsigned answers = thrumi_dlsym_answers();

    thrumi_objects_each(report_object, report);
    thrumi_namespaces_each(report_other_namespace, report);
    if (late > 0)
        fprintf(report->stream,
                "loaded after patching, so that constructors have escaped: "
                "%u objects\n",
                late);
    if (answers > 0)
        fprintf(report->stream, "hooks given by dlsym: %u\n", answers);
}

/* The text, to be freed; or NULL. */
static char *report_text(struct report *report)
{
    char *text = NULL;
    size_t size = 0;

    report->stream = open_memstream(&text, &size);
    if (report->stream == NULL)
        return NULL;
    report_all(report);
    if (fclose(report->stream) == 0)
        return text;
    free(text);
    return NULL;
}

int thrum_monkey_report(FILE *stream)
{
    struct report *report = calloc(1, sizeof(*report));
    char *text = NULL;
    int rc = -ENOMEM;

    thrumi_monkey_resolve();
    if (report != NULL)
        report->rows = calloc(thrumi_monkey_row_count, sizeof(*report->rows));
    if (report != NULL && report->rows != NULL)
        text = report_text(report);
    if (text != NULL)
        rc = fputs(text, stream) < 0 || ferror(stream) ? -EIO : 0;
    free(text);
    if (report != NULL)
        free(report->rows);
    free(report);
    return rc;
}
