/* SPDX-License-Identifier: MIT */
/*
 * url_list.h - the URLs to fetch: from arguments, then from a stream.
 *
 *     rc = url_list_open(&list, "urls.txt");
 *     while ((url = url_list_next(&list, &rc)) != NULL)
 *         fetch(url);
 *     url_list_close(&list);
 */
#ifndef URL_LIST_H
#define URL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define URL_LIST_LINE_MAX 65536 /* bytes; the rest of a line is dropped */

struct url_list {
    char *const *arguments; /* come first; borrowed */
    size_t argument_count;
    size_t next_argument;
    FILE *stream; /* then its lines, or NULL */
    size_t lines; /* read until now */
    char *line;   /* URL_LIST_LINE_MAX bytes and a few */
};

/* An empty list; its arguments are set by url_list_set_arguments(). */
void url_list_init(struct url_list *list);
void url_list_set_arguments(struct url_list *list, char *const *arguments,
                            size_t count);

/* Lets the lines of a file follow; "-" is the standard input. Returns 0 or
 * -errno. url_list_read() is the same for an open stream, which it takes. */
int url_list_open(struct url_list *list, const char *path);
int url_list_read(struct url_list *list, FILE *stream);

/* The next URL, valid until the next call; NULL at the end, or when reading
 * failed: then *ret_error is -errno, and 0 otherwise. */
const char *url_list_next(struct url_list *list, int *ret_error);

/* How many URLs there will be; 0 when only reading them tells. */
size_t url_list_count(struct url_list *list);

void url_list_close(struct url_list *list);

#endif /* URL_LIST_H */
