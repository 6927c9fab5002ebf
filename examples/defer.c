/* SPDX-License-Identifier: MIT */
/*
 * defer.c - cleanups of a generator, whichever way it ends.
 *
 * What is deferred is called when the function has ended: because the file was
 * read, because the reader was closed or dropped, or because of an error.
 */
#include <errno.h>
#include <string.h>

#include "check.h"

static char text[] = "warp\nweft\nselvedge\n";

/* doc: reader */
static void close_file(void *file)
{
    fclose(file);
    printf("  the file is closed\n");
}

static void *words(void *arg)
{
    FILE *file = fmemopen(text, strlen(text), "r");
    char word[16];
    int rc;

    if (file == NULL)
        return thrum_raise(-errno, "cannot open the words");
    rc = thrum_defer(close_file, file);
    if (rc < 0) {
        fclose(file);
        return thrum_raise(rc, "cannot defer");
    }
    while (fscanf(file, "%15s", word) == 1)
        if (thrum_yield(word, NULL) != 0)
            return NULL;
    return NULL;
}
/* doc: end */

static thrum_generator *begin(const char *how)
{
    thrum_generator *reader;
    void *word;

    CHECK(thrum_generator_new(words, NULL, 0, NULL, &reader));
    CHECK(thrum_generator_next(reader, &word));
    printf("%s, after \"%s\":\n", how, (char *)word);
    return reader;
}

/* doc: ends */
int main(void)
{
    thrum_generator *reader = begin("read to the end");
    int rc;

    while ((rc = thrum_generator_next(reader, NULL)) == 0)
        ;
    thrum_generator_unref(reader);

    reader = begin("closed");
    CHECK(thrum_generator_close(reader, NULL));
    thrum_generator_unref(reader);

    reader = begin("dropped");
    thrum_generator_unref(reader);

    reader = begin("an error thrown in");
    rc = thrum_generator_throw(reader, -EIO, NULL);
    printf("  it passed on: %s\n",
           rc == THRUM_EFAILED ? thrum_generator_error(reader)->message : "no");
    thrum_generator_unref(reader);
    return 0;
}
/* doc: end */
