/* SPDX-License-Identifier: MIT */
/*
 * results.c - what came of each URL, as a line of JSON or CSV.
 *
 * Lines are in the order in which the URLs were done. The first error of a
 * write is kept, for it says why; what comes after it is dropped.
 */
#include "results.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "escape.h"

struct results {
    FILE *out;
    void (*write)(FILE *out, const struct fetch_record *record);
    int error; /* 0, or the first -errno */
};

static double results_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

void results_write_json(FILE *out, const struct fetch_record *record)
{
    fputs("{\"url\":", out);
    escape_json(out, record->url, strlen(record->url));
    fprintf(out,
            ",\"status\":%ld,\"bytes\":%" PRIu64
            ",\"start\":%.6f,\"seconds\":%.6f,\"error\":",
            record->status, record->bytes, results_seconds(record->start_ns),
            results_seconds(record->duration_ns));
    escape_json(out, record->error, strlen(record->error));
    fputs("}\n", out);
}

void results_write_csv_header(FILE *out)
{
    fputs("url,status,bytes,start,seconds,error\n", out);
}

void results_write_csv(FILE *out, const struct fetch_record *record)
{
    escape_csv(out, record->url, strlen(record->url));
    fprintf(out, ",%ld,%" PRIu64 ",%.6f,%.6f,", record->status, record->bytes,
            results_seconds(record->start_ns),
            results_seconds(record->duration_ns));
    escape_csv(out, record->error, strlen(record->error));
    fputc('\n', out);
}

static bool results_is_csv(const char *path, enum fetch_format format)
{
    size_t length = strlen(path);

    if (format != FETCH_FORMAT_AUTO)
        return format == FETCH_FORMAT_CSV;
    return length >= 4 && strcasecmp(path + length - 4, ".csv") == 0;
}

/* Keeps the error of the stream's last call, if it is the first. */
static int results_check(struct results *results)
{
    if (results->error == 0 && ferror(results->out))
        results->error = errno != 0 ? -errno : -EIO;
    return results->error;
}

int results_open(const char *path, enum fetch_format format, bool append,
                 struct results **ret)
{
    bool csv = results_is_csv(path, format);
    struct results *results = calloc(1, sizeof(*results));

    if (results == NULL)
        return -ENOMEM;
    results->out =
        strcmp(path, "-") == 0 ? stdout : fopen(path, append ? "ae" : "we");
    if (results->out == NULL) {
        int rc = -errno;

        free(results);
        return rc;
    }
    results->write = csv ? results_write_csv : results_write_json;
    if (csv && !append)
        results_write_csv_header(results->out);
    *ret = results;
    return 0;
}

int results_add(struct results *results, const struct fetch_record *record)
{
    if (results->error != 0)
        return results->error;
    errno = 0;
    results->write(results->out, record);
    return results_check(results);
}

int results_flush(struct results *results)
{
    if (results->error != 0)
        return results->error;
    errno = 0;
    fflush(results->out);
    return results_check(results);
}

int results_close(struct results *results)
{
    int rc;

    if (results == NULL)
        return 0;
    rc = results_flush(results);
    /* Some file systems tell only here that they are full. */
    if (results->out != stdout && fclose(results->out) != 0 && rc == 0)
        rc = -errno;
    free(results);
    return rc;
}
