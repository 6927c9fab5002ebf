/* SPDX-License-Identifier: MIT */
/*
 * pool/process_wire.c - the memory that a pool and one of its worker processes
 * share.
 */
#include "pool/process_wire.h"

_Static_assert(sizeof(struct thrumi_request) == 64, "a cache line");
_Static_assert(offsetof(struct thrumi_wire_shared, requests) == 4096,
               "the head is a page");

void thrumi_wire_out_init(struct thrumi_wire_out *out,
                          struct thrumi_spsc *index, char *data)
{
    thrumi_spsc_init(&out->ring, index, THRUMI_WIRE_SLOTS);
    out->data = data;
    out->tail = 0;
}

/* Up to where the other side is done with the data. */
static uint64_t wire_freed(const struct thrumi_wire_out *out)
{
    uint64_t head = out->ring.others;

    return head == 0 ? 0 : out->ends[(head - 1) % THRUMI_WIRE_SLOTS];
}

uint64_t thrumi_wire_reserve(struct thrumi_wire_out *out, size_t size)
{
    uint64_t bytes =
        (size + THRUMI_CACHE_LINE - 1) & ~(uint64_t)(THRUMI_CACHE_LINE - 1);
    uint64_t begin = out->tail;

    if (size > THRUMI_WIRE_MOST)
        return UINT64_MAX;
    if (begin % THRUMI_WIRE_DATA + bytes > THRUMI_WIRE_DATA)
        begin += THRUMI_WIRE_DATA - begin % THRUMI_WIRE_DATA;
    if (begin + bytes - wire_freed(out) > THRUMI_WIRE_DATA) {
        thrumi_spsc_see_head(&out->ring);
        if (begin + bytes - wire_freed(out) > THRUMI_WIRE_DATA)
            return UINT64_MAX;
    }
    out->tail = begin + bytes;
    return begin % THRUMI_WIRE_DATA;
}

void thrumi_wire_put(struct thrumi_wire_out *out)
{
    out->ends[out->ring.mine % THRUMI_WIRE_SLOTS] = out->tail;
    thrumi_spsc_put(&out->ring);
}

struct thrumi_response
thrumi_wire_response(const struct thrumi_wire_shared *shared, uint64_t index)
{
    const volatile struct thrumi_response *slot =
        &shared->responses[index % THRUMI_WIRE_SLOTS];

    return (struct thrumi_response){slot->seq,      slot->size,     slot->at,
                                    slot->begun_at, slot->ended_at, slot->kind,
                                    slot->in_file};
}

const char *thrumi_wire_response_bytes(const struct thrumi_wire_shared *shared,
                                       const struct thrumi_response *response)
{
    if (response->size > THRUMI_WIRE_MOST ||
        response->at > THRUMI_WIRE_DATA - response->size)
        return NULL;
    return shared->response_data + response->at;
}
