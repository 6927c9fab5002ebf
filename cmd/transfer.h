/* SPDX-License-Identifier: MIT */
/*
 * transfer.h - one URL over HTTP, with a plain blocking call.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include "fetch.h"
#include "save.h"

#define TRANSFER_URL_MAX 65536 /* bytes; a longer one is no URL */

struct transfer_options {
    double timeout; /* seconds per attempt; 0: none */
    int retries;
    uint64_t max_bytes;       /* per body; 0: no limit */
    struct save_dir *save;    /* where bodies go, or NULL */
    bool one_connection;      /* per handle: there are many of those */
    bool (*is_stopped)(void); /* asked often: give up now? */
};

/* Sets libcurl up, and takes it down: once per program, in its main thread.
 * 0 or a negative code. */
int transfer_begin(void);
void transfer_end(void);

/* Closes the connections that are kept for later. Nothing may be under way. */
void transfer_forget(void);

/* Fetches record->url, again if that may help, and fills in status, bytes,
 * attempts, ok, cancelled and error. Blocks; call it from any thread, and where
 * libc is patched from greenlets. */
void transfer_run(const struct transfer_options *options,
                  struct fetch_record *record);

#endif /* TRANSFER_H */
