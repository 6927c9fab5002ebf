/* SPDX-License-Identifier: MIT */
/*
 * fetch_report.c - the records of a run, by their index in the list.
 */
#include <stdlib.h>
#include <string.h>

#include "fetch.h"

/* Makes room for a record at this index. */
static bool fetch_report_grow(struct fetch_report *report, size_t index)
{
    struct fetch_record *records = report->records;
    size_t capacity = report->capacity > 0 ? report->capacity : 128;

    while (capacity <= index)
        capacity *= 2;
    if (capacity == report->capacity)
        return true;
    records = reallocarray(records, capacity, sizeof(*records));
    if (records == NULL)
        return false;
    memset(records + report->capacity, 0,
           (capacity - report->capacity) * sizeof(*records));
    report->records = records;
    report->capacity = capacity;
    return true;
}

bool fetch_report_keep(struct fetch_report *report, struct fetch_record *record)
{
    if (!fetch_report_grow(report, record->index)) {
        fetch_report_free(report); /* one with gaps is of no use */
        return false;
    }
    report->records[record->index] = *record;
    record->url = NULL;
    return true;
}

void fetch_report_free(struct fetch_report *report)
{
    for (size_t i = 0; i < report->capacity; i++)
        free(report->records[i].url);
    free(report->records);
    report->records = NULL;
    report->capacity = 0;
}
