/* SPDX-License-Identifier: MIT */
/*
 * escape.h - text of others, made safe for JSON, CSV, HTML and a terminal.
 */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* Writes `text` as a JSON string, in quotes. */
void escape_json(FILE *out, const char *text, size_t length);

/* Writes `text` as a field of a CSV file (RFC 4180), quoted if need be. */
void escape_csv(FILE *out, const char *text, size_t length);

/* Writes `text` for an HTML page, in text and in attributes. */
void escape_html(FILE *out, const char *text, size_t length);

/* Writes `text` for people: what could steer a terminal becomes '?'. */
void escape_terminal(FILE *out, const char *text, size_t length);

/* How many bytes the character at `text` has, 1 to 4; 0 when what is there is
 * no UTF-8, `length` being what is left of the text. */
size_t escape_utf8_length(const char *text, size_t length);

#endif /* ESCAPE_H */
