/* SPDX-License-Identifier: MIT */
/*
 * pool/process_wire.h - the memory that a pool and one of its worker processes
 * share.
 *
 *     0 KiB   bells, indexes, last words    struct thrumi_wire_shared
 *     4       requests[64]                  written by the owner of the pool
 *     8       responses[64]                 written by the worker
 *     12      request data, 128 KiB         owner
 *     140     response data, 128 KiB        worker
 *
 * Two rings of base/spsc.h: requests to the worker, responses from it. Each has
 * a ring of data beside it, from which a slot takes what its payload needs, in
 * order, in one piece; what is too long for it, or finds no room, travels as a
 * file (sys/memfd.h) through a socket.
 *
 * A request keeps its slot and its data until the worker has answered, so that
 * a task's argument lies there while it runs, and a slot tells what became of
 * it whatever became of the worker:
 *
 *     QUEUED --worker--> BEGUN       it runs, or has run
 *         \--owner--> REVOKED        the worker will pass over it
 *
 * Nothing that the worker wrote is trusted: each word is read once, lengths and
 * places are checked before they are used.
 */
#ifndef THRUMI_POOL_PROCESS_WIRE_H
#define THRUMI_POOL_PROCESS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bell.h"
#include "base/spsc.h"
#include "sys/object.h"

#define THRUMI_WIRE_SLOTS     64u
#define THRUMI_WIRE_DATA      ((size_t)128 * 1024)
#define THRUMI_WIRE_MOST      ((size_t)32 * 1024) /* longer: a file */
#define THRUMI_WIRE_LAST      3072u               /* bytes of last words */
#define THRUMI_WIRE_FILE_HEAD ((size_t)4096)      /* before a result's bytes */

enum thrumi_request_state {
    THRUMI_REQUEST_QUEUED,
    THRUMI_REQUEST_BEGUN,
    THRUMI_REQUEST_REVOKED,
};

enum thrumi_request_kind {
    THRUMI_REQUEST_CALL,   /* answered */
    THRUMI_REQUEST_CHUNK,  /* a CALL for each of several items; answered */
    THRUMI_REQUEST_INIT,   /* the first one; answered */
    THRUMI_REQUEST_OBJECT, /* what a number in later requests means */
    THRUMI_REQUEST_LEAVE,  /* the last one */
};

enum thrumi_request_flags {
    THRUMI_REQUEST_FILE = 1u, /* the argument comes as a file */
    THRUMI_REQUEST_TELL = 2u, /* the owner is to be woken when it begins */
    THRUMI_REQUEST_TIME = 4u, /* when it begins and ends is to be told */
};

struct thrumi_request {
    alignas(THRUMI_CACHE_LINE) atomic_uint state;
    uint16_t kind;
    uint16_t flags;
    uint32_t object;   /* that the function is in; 0: no function */
    atomic_uint asked; /* to stop, set by the owner */
    uint64_t offset;   /* of the function in the object */
    uint64_t size;     /* of the argument */
    uint64_t at;       /* where it begins in the data */
    int64_t start_by;  /* not to be begun after this; 0: whenever */
    _Atomic int64_t begun_at;
};

/* What an OBJECT request carries, before the path. */
struct thrumi_wire_object {
    struct thrumi_object_id id;
    uint32_t number;
};

enum thrumi_response_kind {
    THRUMI_RESPONSE_NULL = 1,  /* the task returned NULL */
    THRUMI_RESPONSE_BYTES,     /* a value of `size` bytes */
    THRUMI_RESPONSE_ERROR,     /* packed, see base/error_pack.h */
    THRUMI_RESPONSE_CANCELLED, /* it was asked to stop, and did */
    THRUMI_RESPONSE_INIT,      /* the initializer has returned well */
};

struct thrumi_response {
    uint64_t seq; /* of the request */
    uint64_t size;
    uint64_t at;      /* in the data */
    int64_t begun_at; /* if that was asked for, this and the next */
    int64_t ended_at;
    uint32_t kind;
    uint32_t in_file; /* the bytes come as a file */
};

struct thrumi_wire_shared {
    alignas(THRUMI_CACHE_LINE) atomic_uint worker_bell;
    alignas(THRUMI_CACHE_LINE) atomic_uint owner_bell;
    atomic_uint news; /* a task has begun whose time is limited, or there is
                       * room that no answer tells of */
    struct thrumi_spsc requests_index;
    struct thrumi_spsc responses_index;
    atomic_uint last_length; /* of the last words of a worker that crashed */
    char last_words[THRUMI_WIRE_LAST];
    alignas(4096) struct thrumi_request requests[THRUMI_WIRE_SLOTS];
    alignas(4096) struct thrumi_response responses[THRUMI_WIRE_SLOTS];
    alignas(4096) char request_data[THRUMI_WIRE_DATA];
    char response_data[THRUMI_WIRE_DATA];
};

/* What one side knows of the ring that it writes. */
struct thrumi_wire_out {
    struct thrumi_spsc_side ring;
    char *data;
    uint64_t tail;                    /* of the data; counts up */
    uint64_t ends[THRUMI_WIRE_SLOTS]; /* of the data, slot by slot */
};

void thrumi_wire_out_init(struct thrumi_wire_out *out,
                          struct thrumi_spsc *index, char *data);
/* Room for `size` bytes of data that go with the slot at out->ring.mine: where
 * they begin, or UINT64_MAX when there is none now. */
uint64_t thrumi_wire_reserve(struct thrumi_wire_out *out, size_t size);
/* Hands the slot at out->ring.mine over, and the data that was reserved. */
void thrumi_wire_put(struct thrumi_wire_out *out);

static inline struct thrumi_request *
thrumi_wire_request(struct thrumi_wire_shared *shared, uint64_t seq)
{
    return &shared->requests[seq % THRUMI_WIRE_SLOTS];
}

/* Either side takes a request that is queued, for itself; one of them does. */
static inline bool thrumi_request_take(struct thrumi_request *request,
                                       enum thrumi_request_state state)
{
    unsigned queued = THRUMI_REQUEST_QUEUED;

    /* acq_rel: this exchange is before or after the other side's */
    return atomic_compare_exchange_strong_explicit(&request->state, &queued,
                                                   state, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Copies a response that the worker may be writing to: each word is read once.
 */
struct thrumi_response
thrumi_wire_response(const struct thrumi_wire_shared *shared, uint64_t index);
/* Where its bytes lie, if they are not in a file; NULL for a place that cannot
 * be. */
const char *thrumi_wire_response_bytes(const struct thrumi_wire_shared *shared,
                                       const struct thrumi_response *response);

#endif /* THRUMI_POOL_PROCESS_WIRE_H */
