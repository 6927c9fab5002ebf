/* SPDX-License-Identifier: MIT */
/*
 * pool/process_reply.h - what a worker process answers, and how it gets there.
 */
#ifndef THRUMI_POOL_PROCESS_REPLY_H
#define THRUMI_POOL_PROCESS_REPLY_H

#include "pool/process_wire.h"
#include "task/body.h"

struct thrumi_reply {
    struct thrumi_wire_shared *shared;
    struct thrumi_wire_out out;
    int bell;   /* wakes the owner */
    int socket; /* for files */
};

/* Wakes the owner if it sleeps, which it does only when it has nothing to do. */
void thrumi_reply_wake(struct thrumi_reply *reply);
/* Hands an answer over that has no bytes. */
void thrumi_reply_put(struct thrumi_reply *reply,
                      const struct thrumi_response *response);
/* Answers with what a task came to; takes it. */
void thrumi_reply_outcome(struct thrumi_reply *reply,
                          struct thrumi_response *response,
                          struct thrumi_outcome *outcome);

/* Storage of a result. */
struct thrumi_payload *thrumi_reply_new_payload(size_t size);

#endif /* THRUMI_POOL_PROCESS_REPLY_H */
