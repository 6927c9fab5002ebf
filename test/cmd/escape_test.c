/* SPDX-License-Identifier: MIT */
/*
 * escape_test.c - any bytes, in four notations.
 */
#include "thrum_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

typedef void escape_fn(FILE *out, const char *text, size_t length);

static void assert_escaped(escape_fn *escape, const char *text, size_t length,
                           const char *expected)
{
    char *written = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&written, &size);

    assert_non_null(out);
    escape(out, text, length);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(written, expected);
    free(written);
}

#define ASSERT_ESCAPED(escape, text, expected) \
 assert_escaped(escape, text, sizeof(text) - 1, expected)

TEST(json_quotes_what_it_must)
{
    ASSERT_ESCAPED(escape_json, "", "\"\"");
    ASSERT_ESCAPED(escape_json, "http://a/?b=c&d", "\"http://a/?b=c&d\"");
    ASSERT_ESCAPED(escape_json, "say \"\\\"", "\"say \\\"\\\\\\\"\"");
    ASSERT_ESCAPED(escape_json, "a\0b\n\x7F", "\"a\\u0000b\\u000a\\u007f\"");
}

TEST(json_keeps_utf8_and_escapes_what_is_none)
{
    ASSERT_ESCAPED(escape_json, "\u00e9\u20ac\U0001f600",
                   "\"\u00e9\u20ac\U0001f600\"");
    ASSERT_ESCAPED(escape_json, "\xE9!", "\"\\u00e9!\"");
    ASSERT_ESCAPED(escape_json, "\xE2\x82", "\"\\u00e2\\u0082\"");
}

TEST(overlong_forms_and_surrogates_are_no_utf8)
{
    ASSERT_ESCAPED(escape_json, "\xC0\xAF", "\"\\u00c0\\u00af\"");
    ASSERT_ESCAPED(escape_json, "\xED\xA0\x80", "\"\\u00ed\\u00a0\\u0080\"");
    ASSERT_ESCAPED(escape_json, "\xF4\x90\x80\x80",
                   "\"\\u00f4\\u0090\\u0080\\u0080\"");
    ASSERT_ESCAPED(escape_json, "\xF0\x80\x80\x80",
                   "\"\\u00f0\\u0080\\u0080\\u0080\"");
}

TEST(csv_quotes_only_what_it_must)
{
    ASSERT_ESCAPED(escape_csv, "", "");
    ASSERT_ESCAPED(escape_csv, "plain", "plain");
    ASSERT_ESCAPED(escape_csv, "a,b", "\"a,b\"");
    ASSERT_ESCAPED(escape_csv, "a\nb", "\"a\nb\"");
    ASSERT_ESCAPED(escape_csv, "a\"b", "\"a\"\"b\"");
    ASSERT_ESCAPED(escape_csv, " a", "\" a\"");
    ASSERT_ESCAPED(escape_csv, "a\0b", "a%00b");
    ASSERT_ESCAPED(escape_csv, "\xE9,", "\"%E9,\"");
}

TEST(html_is_only_text)
{
    ASSERT_ESCAPED(escape_html, "<a href='x'>&\"",
                   "&#60;a href=&#39;x&#39;&#62;&#38;&#34;");
    ASSERT_ESCAPED(escape_html, "a\xFF\tb", "a??b");
}

TEST(a_terminal_cannot_be_steered)
{
    ASSERT_ESCAPED(escape_terminal, "\033[2Ja\xC2\x9B\r\u00e9",
                   "?[2Ja??\u00e9");
}

TEST_MAIN("escape")
