/* SPDX-License-Identifier: MIT */
/*
 * map.c - call a function with every item, in parallel.
 *
 * Items come from an iterator: an array, several iterators zipped, the lines
 * of a stream, or one of your own. The results come in the order of the items,
 * and each has its own outcome.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "check.h"

/* doc: array */
static void *root(void *arg)
{
    double x = *(double *)arg, guess = 1;

    if (x < 0)
        return thrum_raise(-EDOM, "%g has no real root", x);
    for (int i = 0; i < 30; i++)
        guess = (guess + x / guess) / 2;
    return thrum_return(&guess, sizeof(guess));
}

static void map_array(thrum_executor *pool)
{
    static const double numbers[] = {4, 9, -1, 25};
    thrum_iter *items, *results;
    void *result;
    int rc;

    CHECK(thrum_iter_array(numbers, 4, sizeof(numbers[0]), &items));
    CHECK(thrum_executor_map(pool, root, items, NULL, &results));
    while ((rc = thrum_iter_next(results, &result)) != THRUM_ESTOP)
        if (rc == 0)
            printf("root: %g\n", *(double *)result);
        else
            printf("root: %s\n", thrum_iter_error(results)->message);
    thrum_iter_free(results);
}
/* doc: end */

/* doc: zip */
static void *repeat(void *arg)
{
    void **pair = arg; /* an item of each iterator */
    const char *word = pair[0];
    const size_t *times = pair[1];
    size_t length = strlen(word), n = *times;
    char *text = thrum_return_alloc(length * n + 1);

    if (text == NULL)
        return NULL; /* -ENOMEM is raised already */
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * length, word, length);
    text[n * length] = '\0';
    return text;
}

static void map_zip(thrum_executor *pool)
{
    static char warp[] = "warp ", weft[] = "weft ";
    static const size_t times[] = {1, 2, 3};
    void *words[] = {warp, weft};
    thrum_iter *both[2], *items, *results;
    void *text;

    CHECK(thrum_iter_pointers(words, 2, &both[0]));
    CHECK(thrum_iter_array(times, 3, sizeof(times[0]), &both[1]));
    CHECK(thrum_iter_zip(both, 2, &items)); /* as long as the shortest */
    CHECK(thrum_executor_map(pool, repeat, items, NULL, &results));
    while (thrum_iter_next(results, &text) == 0)
        printf("repeat: %s\n", (char *)text);
    thrum_iter_free(results);
}
/* doc: end */

/* doc: lines */
static void *shout(void *line)
{
    for (char *c = line; *c != '\0'; c++) /* our copy: we may write to it */
        *c = (char)toupper((unsigned char)*c);
    return thrum_return(line, strlen(line) + 1);
}

static void map_lines(thrum_executor *pool, FILE *stream)
{
    thrum_iter *lines, *results;
    void *text;
    int rc;

    CHECK(thrum_iter_lines(stream, &lines));
    CHECK(thrum_executor_map(pool, shout, lines, NULL, &results));
    while ((rc = thrum_iter_next(results, &text)) == 0)
        printf("line %zu: %s\n", thrum_iter_index(results), (char *)text);
    if (rc != THRUM_ESTOP)
        printf("reading failed: %s\n", thrum_strerror(rc));
    thrum_iter_free(results);
}
/* doc: end */

int main(void)
{
    static char poem[] = "the shuttle goes\nthe shuttle comes\n";
    FILE *stream = fmemopen(poem, strlen(poem), "r");
    thrum_executor *pool;

    if (stream == NULL)
        return 1;
    CHECK(thrum_thread_pool_new(NULL, &pool));
    map_array(pool);
    map_zip(pool);
    map_lines(pool, stream);
    CHECK(thrum_executor_shutdown(pool, THRUM_WAIT, THRUM_FOREVER));
    thrum_executor_unref(pool);
    fclose(stream);
    return 0;
}
