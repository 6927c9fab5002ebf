/* SPDX-License-Identifier: MIT */
/*
 * task/iter_sources.c - iterators over what a program has.
 */
#include <thrum/iter.h>

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"

/* Makes an iterator of a source that was allocated here; `self` may be NULL,
 * for no memory. */
static int source_new(int (*next)(void *, thrum_item *),
                      void (*free_fn)(void *), void *self, thrum_iter **ret)
{
    thrum_iter_ops ops = {sizeof(ops), next, free_fn};
    int rc = self == NULL ? -ENOMEM : thrum_iter_new(&ops, self, ret);

    if (rc != 0 && self != NULL)
        free_fn(self);
    return rc;
}

/* ---- array, pointers ---- */

struct array_source {
    const char *base;
    size_t size; /* of an element; 0: they are the pointers */
    size_t count;
    size_t at;
};

static int array_next(void *self, thrum_item *item)
{
    struct array_source *source = self;
    size_t size = source->size == 0 ? sizeof(void *) : source->size;
    const char *element = source->base + source->at * size;

    if (source->at == source->count)
        return THRUM_ESTOP;
    source->at++;
    item->size = source->size;
    if (source->size == 0)
        item->value = *(void *const *)(const void *)element;
    else
        item->value = (void *)(uintptr_t)element;
    return 0;
}

static int array_new(const void *base, size_t count, size_t size,
                     thrum_iter **ret)
{
    struct array_source *source;

    if (base == NULL && count > 0)
        return -EINVAL;
    source = thrumi_alloc_zero(sizeof(*source));
    if (source != NULL) {
        source->base = base;
        source->size = size;
        source->count = count;
    }
    return source_new(array_next, thrumi_free, source, ret);
}

int thrum_iter_array(const void *base, size_t count, size_t size,
                     thrum_iter **ret)
{
    return size == 0 ? -EINVAL : array_new(base, count, size, ret);
}

int thrum_iter_pointers(void *const *pointers, size_t count, thrum_iter **ret)
{
    return array_new(pointers, count, 0, ret);
}

/* ---- range ---- */

struct range_source {
    int64_t next;
    int64_t end;
    int64_t value; /* the one given last */
};

static int range_next(void *self, thrum_item *item)
{
    struct range_source *source = self;

    if (source->next == source->end)
        return THRUM_ESTOP;
    source->value = source->next++;
    item->value = &source->value;
    item->size = sizeof(source->value);
    return 0;
}

int thrum_iter_range(int64_t begin, int64_t end, thrum_iter **ret)
{
    struct range_source *source;

    if (end < begin)
        return -EINVAL;
    source = thrumi_alloc_zero(sizeof(*source));
    if (source != NULL) {
        source->next = begin;
        source->end = end;
    }
    return source_new(range_next, thrumi_free, source, ret);
}

/* ---- lines ---- */

struct lines_source {
    FILE *stream;
    char *line; /* getline()'s */
    size_t size;
};

static int lines_next(void *self, thrum_item *item)
{
    struct lines_source *source = self;
    ssize_t length;

    errno = 0;
    length = getline(&source->line, &source->size, source->stream);
    if (length < 0) {
        if (ferror(source->stream) || errno == ENOMEM)
            return errno != 0 ? -errno : -EIO;
        return THRUM_ESTOP;
    }
    if (length > 0 && source->line[length - 1] == '\n')
        source->line[--length] = '\0';
    item->value = source->line;
    item->size = (size_t)length + 1;
    return 0;
}

static void lines_free(void *self)
{
    struct lines_source *source = self;

    free(source->line);
    thrumi_free(source);
}

int thrum_iter_lines(FILE *stream, thrum_iter **ret)
{
    struct lines_source *source;

    if (stream == NULL)
        return -EINVAL;
    source = thrumi_alloc_zero(sizeof(*source));
    if (source != NULL)
        source->stream = stream;
    return source_new(lines_next, lines_free, source, ret);
}

/* ---- zip ---- */

struct zip_source {
    size_t n;
    thrum_iter **iters;
    void *values[]; /* the item: one of each */
};

static int zip_next(void *self, thrum_item *item)
{
    struct zip_source *source = self;

    for (size_t i = 0; i < source->n; i++) {
        int rc = thrum_iter_next(source->iters[i], &source->values[i]);

        if (rc != 0) {
            item->error = thrum_iter_error(source->iters[i]);
            return rc;
        }
    }
    item->value = source->values;
    item->size = source->n * sizeof(source->values[0]);
    return 0;
}

static void zip_free_iters(thrum_iter *const *iters, size_t n)
{
    for (size_t i = 0; i < n; i++)
        thrum_iter_free(iters[i]);
}

static void zip_free(void *self)
{
    struct zip_source *source = self;

    zip_free_iters(source->iters, source->n);
    thrumi_free(source->iters);
    thrumi_free(source);
}

static struct zip_source *zip_new(thrum_iter *const *iters, size_t n)
{
    struct zip_source *source =
        thrumi_alloc_zero(sizeof(*source) + n * sizeof(source->values[0]));

    if (source == NULL)
        return NULL;
    source->iters = thrumi_alloc_array(n, sizeof(source->iters[0]));
    if (source->iters == NULL) {
        thrumi_free(source);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        source->iters[i] = iters[i];
    source->n = n;
    return source;
}

int thrum_iter_zip(thrum_iter *const *iters, size_t n, thrum_iter **ret)
{
    struct zip_source *source;

    if (n == 0 || iters == NULL)
        return -EINVAL;
    source = zip_new(iters, n);
    if (source == NULL) {
        zip_free_iters(iters, n);
        return -ENOMEM;
    }
    return source_new(zip_next, zip_free, source, ret);
}
