/* SPDX-License-Identifier: MIT */
/*
 * results.c - a line per URL, in JSON or CSV.
 *
 *     {"url":"http://a/","status":200,"bytes":5,
 *      "start":"2026-01-31T12:00:00.250Z","seconds":0.101,"error":null}
 *
 * Each line is handed to the system when it is there: a program that reads
 * along sees it, and a full disk is noticed at once. What is not known is null
 * in JSON and empty in CSV: no status without an answer, no error where none
 * was.
 */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "escape.h"

enum fetch_format results_format_of(const char *path)
{
    const char *ending = strrchr(path, '.');

    if (ending != NULL && strcasecmp(ending, ".csv") == 0)
        return FETCH_FORMAT_CSV;
    return FETCH_FORMAT_JSON;
}

int results_open(struct results *results, const char *path,
                 enum fetch_format format)
{
    if (format == FETCH_FORMAT_AUTO)
        format = results_format_of(path);
    results->format = format;
    results->is_standard_output = strcmp(path, "-") == 0;
    results->stream = stdout;
    if (!results->is_standard_output)
        results->stream = fopen(path, "we");
    if (results->stream == NULL)
        return -errno;
    if (format == FETCH_FORMAT_CSV)
        fputs("url,status,bytes,start,seconds,error\n", results->stream);
    return 0;
}

/* The format of RFC 3339, in UTC, to the millisecond. */
static void results_write_time(FILE *out, double start)
{
    int64_t ms = (int64_t)floor(start * 1000);
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[32];

    if (gmtime_r(&seconds, &parts) == NULL)
        memset(&parts, 0, sizeof(parts));
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    fprintf(out, "%s.%03dZ", text, (int)(ms % 1000));
}

static double results_seconds(const struct fetch_record *record)
{
    return (double)record->duration_ns / 1e9;
}

void results_write_json(FILE *out, const struct fetch_record *record,
                        double start)
{
    fputs("{\"url\":", out);
    escape_json(out, record->url, strlen(record->url));
    if (record->status > 0)
        fprintf(out, ",\"status\":%ld", record->status);
    else
        fputs(",\"status\":null", out);
    fprintf(out, ",\"bytes\":%" PRIu64 ",\"start\":\"", record->bytes);
    results_write_time(out, start);
    fprintf(out, "\",\"seconds\":%.6f,\"error\":", results_seconds(record));
    if (record->ok)
        fputs("null", out);
    else
        escape_json(out, record->error, strlen(record->error));
    fputs("}\n", out);
}

void results_write_csv(FILE *out, const struct fetch_record *record,
                       double start)
{
    escape_csv(out, record->url, strlen(record->url));
    fputc(',', out);
    if (record->status > 0)
        fprintf(out, "%ld", record->status);
    fprintf(out, ",%" PRIu64 ",", record->bytes);
    results_write_time(out, start);
    fprintf(out, ",%.6f,", results_seconds(record));
    escape_csv(out, record->error, strlen(record->error));
    fputc('\n', out);
}

static int results_give_up(struct results *results, int code)
{
    if (results->stream != NULL && !results->is_standard_output)
        fclose(results->stream);
    results->stream = NULL;
    return code;
}

int results_add(struct results *results, const struct fetch_record *record,
                double start)
{
    if (results->stream == NULL)
        return 0;
    errno = 0;
    if (results->format == FETCH_FORMAT_CSV)
        results_write_csv(results->stream, record, start);
    else
        results_write_json(results->stream, record, start);
    if (fflush(results->stream) == 0 && !ferror(results->stream))
        return 0;
    return results_give_up(results, errno != 0 ? -errno : -EIO);
}

int results_close(struct results *results)
{
    FILE *stream = results->stream;
    int rc;

    results->stream = NULL;
    if (stream == NULL)
        return 0;
    rc = results->is_standard_output ? fflush(stream) : fclose(stream);
    return rc == 0 ? 0 : -errno;
}
