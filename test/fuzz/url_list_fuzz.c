/* SPDX-License-Identifier: MIT */
/*
 * url_list_fuzz.c - any bytes as a list of URLs.
 *
 * What must hold: a URL has something in it, no line end and no blanks around
 * it, is no comment, and is not longer than a line may be; there are at most
 * as many as lines; the list ends without an error.
 */
#include <ctype.h>
#include <string.h>

#include "fuzz.h"
#include "url_list.h"

static void fuzz_check_url(const char *url)
{
    size_t length = strlen(url);

    FUZZ_CHECK(length > 0 && length < URL_LIST_LINE_MAX + 32);
    FUZZ_CHECK(url[0] != '#' && strchr(url, '\n') == NULL);
    FUZZ_CHECK(!isspace((unsigned char)url[0]));
    FUZZ_CHECK(!isspace((unsigned char)url[length - 1]));
}

static size_t fuzz_lines(const uint8_t *data, size_t size)
{
    size_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *stream = tmpfile();
    struct url_list list;
    const char *url;
    size_t count;
    size_t urls = 0;
    int rc;

    FUZZ_CHECK(stream != NULL && fwrite(data, 1, size, stream) == size);
    rewind(stream);
    url_list_init(&list);
    FUZZ_CHECK(url_list_read(&list, stream) == 0);
    count = url_list_count(&list);
    while ((url = url_list_next(&list, &rc)) != NULL) {
        FUZZ_CHECK(rc == 0);
        fuzz_check_url(url);
        urls++;
    }
    FUZZ_CHECK(rc == 0 && urls == count && urls <= fuzz_lines(data, size));
    url_list_close(&list);
    return 0;
}
