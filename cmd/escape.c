/* SPDX-License-Identifier: MIT */
/*
 * escape.c - four notations, one walk over the text.
 *
 * URLs and messages come from files and servers: they hold any bytes. Each
 * writer gets the text character by character; what is no UTF-8 comes byte by
 * byte and is told in the notation's own way, so that the output is UTF-8
 * whatever the input was: \u00e9 in JSON, %E9 in CSV, a question mark in HTML
 * and on a terminal.
 */
#include "escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The smallest code point that needs so many bytes. */
static const uint32_t escape_smallest[] = {0, 0, 0x80, 0x800, 0x10000};

static size_t escape_sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xC2 || first > 0xF4)
        return 0;
    if (first < 0xE0)
        return 2;
    return first < 0xF0 ? 3 : 4;
}

size_t escape_utf8_length(const char *text, size_t length)
{
    size_t n = escape_sequence_length((unsigned char)text[0]);
    uint32_t point;

    if (n < 2 || n > length)
        return n > length ? 0 : n;
    point = (unsigned char)text[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | ((unsigned char)text[i] & 0x3F);
    }
    if (point < escape_smallest[n] || point > 0x10FFFF)
        return 0;
    return point >= 0xD800 && point <= 0xDFFF ? 0 : n;
}

/* Writes one character of n bytes; n 0: one byte that is no UTF-8. */
typedef void escape_put(FILE *out, const char *text, size_t n);

static void escape_each(FILE *out, const char *text, size_t length,
                        escape_put *put)
{
    while (length > 0) {
        size_t n = escape_utf8_length(text, length);
        size_t step = n > 0 ? n : 1;

        put(out, text, n);
        text += step;
        length -= step;
    }
}

static bool escape_is_control(const char *text, size_t n)
{
    unsigned char byte = (unsigned char)text[0];

    /* U+0080 to U+009F are controls too: 0xC2 0x80 to 0xC2 0x9F. */
    if (n == 2)
        return byte == 0xC2 && (unsigned char)text[1] < 0xA0;
    return n == 1 && (byte < 0x20 || byte == 0x7F);
}

static void escape_put_json(FILE *out, const char *text, size_t n)
{
    if (n == 1 && (*text == '"' || *text == '\\'))
        fprintf(out, "\\%c", *text);
    else if (n == 0 || (n == 1 && escape_is_control(text, n)))
        fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
    else
        fwrite(text, 1, n, out);
}

void escape_json(FILE *out, const char *text, size_t length)
{
    fputc('"', out);
    escape_each(out, text, length, escape_put_json);
    fputc('"', out);
}

static void escape_put_csv(FILE *out, const char *text, size_t n)
{
    if (n == 1 && *text == '"')
        fputs("\"\"", out);
    else if (n == 0 || *text == '\0')
        fprintf(out, "%%%02X", (unsigned)(unsigned char)*text);
    else
        fwrite(text, 1, n, out);
}

void escape_csv(FILE *out, const char *text, size_t length)
{
    bool quote = length > 0 && (text[0] == ' ' || text[length - 1] == ' ');

    for (size_t i = 0; i < length && !quote; i++)
        quote = strchr(",\"\r\n", text[i]) != NULL && text[i] != '\0';
    if (quote)
        fputc('"', out);
    escape_each(out, text, length, escape_put_csv);
    if (quote)
        fputc('"', out);
}

static void escape_put_html(FILE *out, const char *text, size_t n)
{
    if (n == 0 || escape_is_control(text, n))
        fputc('?', out);
    else if (n == 1 && strchr("&<>\"'", *text) != NULL)
        fprintf(out, "&#%d;", *text);
    else
        fwrite(text, 1, n, out);
}

void escape_html(FILE *out, const char *text, size_t length)
{
    escape_each(out, text, length, escape_put_html);
}

static void escape_put_terminal(FILE *out, const char *text, size_t n)
{
    if (n == 0 || escape_is_control(text, n))
        fputc('?', out);
    else
        fwrite(text, 1, n, out);
}

void escape_terminal(FILE *out, const char *text, size_t length)
{
    escape_each(out, text, length, escape_put_terminal);
}
