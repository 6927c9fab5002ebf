/* SPDX-License-Identifier: MIT */
/*
 * base/error_pack.c - errors as bytes, for another process.
 *
 *     +--------+---------+------+-----------+--------+---------+ ...
 *     | fields | message | file | backtrace | fields | message | ...
 *     +--------+---------+------+-----------+--------+---------+ ...
 *       the error itself                      its cause
 *
 * Whoever reads believes nothing: lengths are checked, and each text is ended
 * by a copy that ends it.
 */
#include "base/error_pack.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

#define ERROR_PACK_CAUSES 8     /* deeper ones stay behind */
#define ERROR_PACK_TEXT   4096u /* a longer text is cut */

struct error_pack_fields {
    int32_t code;
    int32_t line;
    int32_t pid;
    int32_t signal;
    int32_t exit_code;
    uint32_t lengths[3]; /* of the texts, their ends included; 0: none */
};

static uint32_t error_pack_length(const char *text)
{
    size_t length = text == NULL ? 0 : strlen(text) + 1;

    return length < ERROR_PACK_TEXT ? (uint32_t)length : ERROR_PACK_TEXT;
}

static struct error_pack_fields error_pack_fields_of(const thrum_error *error)
{
    return (struct error_pack_fields){error->code,
                                      error->line,
                                      error->pid,
                                      error->signal,
                                      error->exit_code,
                                      {error_pack_length(error->message),
                                       error_pack_length(error->file),
                                       error_pack_length(error->backtrace)}};
}

size_t thrumi_error_pack_size(const thrum_error *error)
{
    size_t size = 0;

    for (unsigned i = 0; i < ERROR_PACK_CAUSES && error != NULL; i++) {
        struct error_pack_fields fields = error_pack_fields_of(error);

        size += sizeof(fields) + fields.lengths[0] + fields.lengths[1] +
                fields.lengths[2];
        error = error->cause;
    }
    return size;
}

static char *error_pack_text(char *at, const char *text, uint32_t length)
{
    if (length > 0) {
        memcpy(at, text, length - 1);
        at[length - 1] = '\0';
    }
    return at + length;
}

void thrumi_error_pack(const thrum_error *error, char *at)
{
    for (unsigned i = 0; i < ERROR_PACK_CAUSES && error != NULL; i++) {
        struct error_pack_fields fields = error_pack_fields_of(error);

        memcpy(at, &fields, sizeof(fields));
        at += sizeof(fields);
        at = error_pack_text(at, error->message, fields.lengths[0]);
        at = error_pack_text(at, error->file, fields.lengths[1]);
        at = error_pack_text(at, error->backtrace, fields.lengths[2]);
        error = error->cause;
    }
}

/* ---- reading ---- */

/* Takes one text off; NULL for none. False: the bytes end before. */
static bool error_unpack_text(const char **at, size_t *left, uint32_t length,
                              const char **ret)
{
    *ret = NULL;
    if (length == 0)
        return true;
    if (length > *left || (*at)[length - 1] != '\0')
        return false;
    *ret = *at;
    *at += length;
    *left -= length;
    return true;
}

static thrum_error *error_unpack_one(const char **at, size_t *left)
{
    struct error_pack_fields fields;
    struct thrumi_error_parts parts;

    if (*left < sizeof(fields))
        return NULL;
    memcpy(&fields, *at, sizeof(fields));
    *at += sizeof(fields);
    *left -= sizeof(fields);
    if (!error_unpack_text(at, left, fields.lengths[0], &parts.message) ||
        !error_unpack_text(at, left, fields.lengths[1], &parts.file) ||
        !error_unpack_text(at, left, fields.lengths[2], &parts.backtrace) ||
        parts.message == NULL || fields.code >= 0)
        return NULL;
    parts.code = fields.code;
    parts.line = fields.line;
    parts.pid = fields.pid;
    parts.signal = fields.signal;
    parts.exit_code = fields.exit_code;
    return thrumi_error_of(&parts);
}

thrum_error *thrumi_error_unpack(const char *bytes, size_t size)
{
    thrum_error *first = error_unpack_one(&bytes, &size);
    thrum_error *last = first;

    if (first == NULL)
        return thrumi_error_new(THRUM_EFAILED,
                                "the error of the task could not be read");
    for (unsigned i = 1; i < ERROR_PACK_CAUSES && size > 0; i++) {
        thrum_error *cause = error_unpack_one(&bytes, &size);

        if (cause == NULL)
            break;
        thrumi_error_set_cause(last, cause);
        if (last->cause != cause)
            break; /* it is of the stock: it has none, and has freed it */
        last = cause;
    }
    return first;
}
