/* SPDX-License-Identifier: MIT */
/*
 * handles.h - libcurl's easy handles, lent to one transfer at a time.
 */
#ifndef HANDLES_H
#define HANDLES_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

struct handle {
    CURL *curl;
    unsigned long server; /* whom it was last for */
};

/* For this URL: one that is free, as new but for its open connections, or a new
 * one. With `same_server` a free one for another server is not used. False if
 * there is no memory. */
bool handles_take(const char *url, bool same_server, struct handle *ret);

/* Gives it back. */
void handles_put(const struct handle *handle);

/* Frees all that are free, with their connections. */
void handles_free(void);

#endif /* HANDLES_H */
