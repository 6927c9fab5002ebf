/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns_entry.h - entries of the system's databases: hosts, services,
 * users, groups.
 *
 * libc writes such an entry into a struct, and what that points to into a buffer
 * of the caller's. One that is asked for elsewhere is written into a job, so that
 * nobody writes to a caller who is gone, and is then moved.
 */
#ifndef THRUMI_MONKEY_DNS_ENTRY_H
#define THRUMI_MONKEY_DNS_ENTRY_H

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdbool.h>

#include <thrum/local.h>

#include "monkey/elsewhere.h"

/* Where the pointers of such a struct are. */
struct thrumi_entry_shape {
    size_t size;
    size_t texts[5]; /* offsets of each char *; up to the count */
    size_t lists[2]; /* of each char **, which ends with NULL */
    unsigned text_count;
    unsigned list_count;
};

/* What is asked: which of these depends on the function. */
struct thrumi_entry_question {
    const char *name; /* or an address, of `length` bytes */
    const char *protocol;
    socklen_t length; /* 0: the name ends with a 0 */
    int family;
    long number;
};

union thrumi_entry {
    struct hostent host;
    struct servent service;
    struct passwd user;
    struct group group;
};

struct thrumi_entry_job {
    struct thrumi_job job; /* the first member */
    struct thrumi_entry_question question;
    union thrumi_entry entry;
    char *buffer; /* in `memory`, as the texts of the question */
    size_t room;
    void *found; /* what the call gives as its result: &entry or NULL */
    int rc;
    int host_error; /* h_errno, of hosts */
    char memory[];
};

/* One call, in the terms of the functions whose names end in _r. */
struct thrumi_entry_ask {
    const struct thrumi_entry_shape *shape;
    void (*run)(struct thrumi_job *job);
    struct thrumi_entry_question question;
    void *into;
    char *buffer;
    size_t room;
    int host_error; /* is filled in */
    bool at_once;   /* nobody will be asked: it need not be elsewhere */
};

/* Asks elsewhere. Returns what the call returned: 0 or an error number; that of
 * the wait when it was ended, then h_errno is NETDB_INTERNAL. `*ret_found` is
 * `into` or NULL. errno is as the call left it. */
int thrumi_entry_ask(struct thrumi_entry_ask *ask, void **ret_found);

/* The same for functions that return an entry of their own: each greenlet has
 * one for each such function, in `own`. NULL: there is none. */
void *thrumi_entry_ask_own(struct thrumi_entry_ask *ask, thrum_local *own);

/* The destroy function of `own`. */
void thrumi_entry_free_own(void *own);

#endif /* THRUMI_MONKEY_DNS_ENTRY_H */
