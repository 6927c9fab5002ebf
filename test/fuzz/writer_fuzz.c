/* SPDX-License-Identifier: MIT */
/*
 * writer_fuzz.c - any bytes as a text in JSON, CSV, HTML and on a terminal.
 *
 * JSON and CSV are read back by a reader of their grammar, written here
 * without a look at the writer, and must give what went in; a byte that is no
 * UTF-8 comes back as told in escape.c. All four must be UTF-8 throughout, by
 * the table of well-formed sequences in the Unicode standard (3-7).
 */
#include <stdbool.h>
#include <string.h>

#include "escape.h"
#include "fuzz.h"

/* A text that grows; bounded by what the target reads. */
struct fuzz_text {
    char *bytes;
    size_t length;
};

typedef void fuzz_writer(FILE *out, const char *text, size_t length);

static struct fuzz_text fuzz_written(fuzz_writer *write, const char *text,
                                     size_t length)
{
    struct fuzz_text result = {NULL, 0};
    FILE *out = open_memstream(&result.bytes, &result.length);

    FUZZ_CHECK(out != NULL);
    write(out, text, length);
    FUZZ_CHECK(fclose(out) == 0);
    return result;
}

static bool fuzz_between(uint8_t byte, uint8_t least, uint8_t most)
{
    return byte >= least && byte <= most;
}

/* The bytes of the well-formed sequence at `at`, 0 if there is none. */
static size_t fuzz_sequence(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first, last, low, high;
        size_t length;
    } rows[] = {
        {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    size_t row = 0;

    while (row < 9 && !fuzz_between(at[0], rows[row].first, rows[row].last))
        row++;
    if (row == 9 || rows[row].length > left)
        return 0;
    for (size_t i = 1; i < rows[row].length; i++)
        if (!fuzz_between(at[i], i == 1 ? rows[row].low : 0x80,
                          i == 1 ? rows[row].high : 0xBF))
            return 0;
    return rows[row].length;
}

static void fuzz_check_utf8(const struct fuzz_text *text)
{
    size_t i = 0;

    while (i < text->length) {
        size_t n =
            fuzz_sequence((const uint8_t *)text->bytes + i, text->length - i);

        FUZZ_CHECK(n > 0);
        i += n;
    }
}

static unsigned fuzz_hex(const char *digits, int n)
{
    char text[8] = "";
    char *end;
    unsigned long value;

    memcpy(text, digits, (size_t)n);
    value = strtoul(text, &end, 16);
    FUZZ_CHECK(end == text + n);
    return (unsigned)value;
}

/* Reads one character of a JSON string: the byte of the input that it stands
 * for if it is one, otherwise it stands for itself. */
static const char *fuzz_read_json(const char *at, uint8_t *ret_byte)
{
    if (*at != '\\') {
        *ret_byte = (uint8_t)*at;
        return at + 1;
    }
    if (at[1] == 'u') {
        unsigned value = fuzz_hex(at + 2, 4);

        FUZZ_CHECK(value < 0x100);
        *ret_byte = (uint8_t)value;
        return at + 6;
    }
    FUZZ_CHECK(at[1] == '"' || at[1] == '\\');
    *ret_byte = (uint8_t)at[1];
    return at + 2;
}

static void fuzz_check_json(const char *input, size_t size)
{
    struct fuzz_text text = fuzz_written(escape_json, input, size);
    const char *end = text.bytes + text.length - 1;
    const char *at = text.bytes + 1;
    uint8_t byte;

    FUZZ_CHECK(text.length >= 2 && text.bytes[0] == '"' && *end == '"');
    for (size_t i = 0; i < size; i++) {
        FUZZ_CHECK(at < end && *at != '"' && (uint8_t)*at >= 0x20);
        at = fuzz_read_json(at, &byte);
        FUZZ_CHECK(byte == (uint8_t)input[i]);
    }
    FUZZ_CHECK(at == end);
    fuzz_check_utf8(&text);
    free(text.bytes);
}

/* Reads one byte of a CSV field. */
static const char *fuzz_read_csv(const char *at, bool quoted, uint8_t expected)
{
    bool plain = (uint8_t)*at == expected;

    if (expected == '"') {
        FUZZ_CHECK(quoted && at[0] == '"' && at[1] == '"');
        return at + 2;
    }
    if (plain && expected != '\0') {
        FUZZ_CHECK(quoted || strchr(",\r\n", expected) == NULL);
        return at + 1;
    }
    FUZZ_CHECK(*at == '%' && fuzz_hex(at + 1, 2) == expected);
    return at + 3;
}

static void fuzz_check_csv(const char *input, size_t size)
{
    struct fuzz_text text = fuzz_written(escape_csv, input, size);
    bool quoted = text.length > 0 && text.bytes[0] == '"';
    const char *at = text.bytes + quoted;

    for (size_t i = 0; i < size; i++)
        at = fuzz_read_csv(at, quoted, (uint8_t)input[i]);
    FUZZ_CHECK(!quoted || *at == '"');
    FUZZ_CHECK(at + quoted == text.bytes + text.length);
    fuzz_check_utf8(&text);
    free(text.bytes);
}

static void fuzz_check_html(const char *input, size_t size)
{
    struct fuzz_text text = fuzz_written(escape_html, input, size);

    for (size_t i = 0; i < text.length; i++) {
        FUZZ_CHECK(strchr("<>\"'", text.bytes[i]) == NULL);
        FUZZ_CHECK(text.bytes[i] != '&' || text.bytes[i + 1] == '#');
    }
    fuzz_check_utf8(&text);
    free(text.bytes);
}

static void fuzz_check_terminal(const char *input, size_t size)
{
    struct fuzz_text text = fuzz_written(escape_terminal, input, size);

    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = (uint8_t)text.bytes[i];

        FUZZ_CHECK(byte >= 0x20 && byte != 0x7F);
        FUZZ_CHECK(byte != 0xC2 || (uint8_t)text.bytes[i + 1] >= 0xA0);
    }
    fuzz_check_utf8(&text);
    free(text.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *input = size > 0 ? (const char *)data : "";

    fuzz_check_json(input, size);
    fuzz_check_csv(input, size);
    fuzz_check_html(input, size);
    fuzz_check_terminal(input, size);
    return 0;
}
