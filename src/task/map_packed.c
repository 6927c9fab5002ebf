/* SPDX-License-Identifier: MIT */
/*
 * task/map_packed.c - several items of a map in one task, as bytes.
 *
 *     +----------+-------+------+-------+------+-------+---
 *     | fn, bytes| count | size | item  | size | item  | ...      there
 *     +----------+-------+------+-------+------+-------+---
 *     | count | phase, size | value or error | phase, size | ...  and back
 *     +-------+-------------+----------------+-------------+---
 *
 * Everything begins at a multiple of 16, so an item is aligned for any type.
 * The way back is read by a process that does not believe what it reads.
 */
#include "task/map_packed.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/error_pack.h"
#include "task/executor.h"
#include "task/future.h"

#define PACKED_ALIGN ((size_t)16)

struct packed_head {
    thrum_fn *fn;
    uint64_t bytes; /* in all */
    uint64_t count;
    uint64_t unused;
};

struct packed_item {
    uint64_t size;
    uint32_t phase; /* on the way back */
    uint32_t null;  /* its value is NULL */
};

static size_t packed_round(size_t size)
{
    return (size + PACKED_ALIGN - 1) / PACKED_ALIGN * PACKED_ALIGN;
}

/* ---- there ---- */

static size_t packed_size(const struct thrumi_map_chunk *chunk)
{
    size_t bytes = sizeof(struct packed_head);
    size_t size;

    for (size_t i = 0; i < thrumi_map_chunk_length(chunk); i++) {
        thrumi_map_chunk_item(chunk, i, &size);
        bytes += sizeof(struct packed_item) + packed_round(size);
    }
    return bytes;
}

void *thrumi_map_packed_new(const struct thrumi_map_chunk *chunk,
                            size_t *ret_size)
{
    size_t count = thrumi_map_chunk_length(chunk);
    size_t bytes = packed_size(chunk);
    struct packed_head head = {thrumi_map_chunk_fn(chunk), bytes, count, 0};
    char *packed = thrumi_alloc_zero(bytes);
    char *at = packed;

    if (packed == NULL)
        return NULL;
    memcpy(at, &head, sizeof(head));
    at += sizeof(head);
    for (size_t i = 0; i < count; i++) {
        struct packed_item item = {0, 0, 0};
        size_t size;
        const void *value = thrumi_map_chunk_item(chunk, i, &size);

        item.size = size;
        memcpy(at, &item, sizeof(item));
        memcpy(at + sizeof(item), value, size);
        at += sizeof(item) + packed_round(size);
    }
    *ret_size = bytes;
    return packed;
}

thrum_fn *thrumi_map_packed_fn(const void *packed)
{
    struct packed_head head;

    memcpy(&head, packed, sizeof(head));
    return head.fn;
}

/* ---- running ---- */

static void packed_run_item(thrum_fn *fn, void *arg, struct thrumi_outcome *ret)
{
    struct thrumi_context *context = thrumi_context_running();
    struct thrumi_body *outer = context->body;
    THRUMI_BODY body;
    void *value;

    thrumi_body_begin(context, &body, outer->future, outer->executor);
    body.part = true;
    value = fn(arg);
    thrumi_body_end(context, &body, value, ret);
    if (ret->phase == THRUMI_VALUE && ret->value != NULL &&
        (ret->payload == NULL || ret->payload->data != ret->value)) {
        thrumi_payload_free(ret->payload);
        ret->payload = NULL;
        ret->phase = THRUMI_ERROR;
        ret->error = thrumi_error_new(
            THRUM_ENOTSHARED,
            "the task returned a plain pointer, not thrum_return(...)");
    }
}

static bool packed_asked(const struct thrumi_body *body)
{
    return (body->future != NULL &&
            atomic_load_explicit(&body->future->cancel_requested,
                                 memory_order_relaxed)) ||
           (body->executor != NULL && body->executor->fast.asked != NULL &&
            body->executor->fast.asked());
}

/* Runs what there is; items that are not run stay cancelled. */
static void packed_run_all(thrum_fn *fn, char *at,
                           struct thrumi_outcome *outcomes, size_t count)
{
    struct thrumi_body *body = thrumi_context_running()->body;

    for (size_t i = 0; i < count; i++) {
        struct packed_item item;

        outcomes[i] =
            (struct thrumi_outcome){THRUMI_CANCELLED, NULL, NULL, NULL};
        memcpy(&item, at, sizeof(item));
        if (i == 0 || !packed_asked(body))
            packed_run_item(fn, at + sizeof(item), &outcomes[i]);
        at += sizeof(item) + packed_round(item.size);
    }
}

static size_t packed_outcome_size(const struct thrumi_outcome *outcome)
{
    if (outcome->phase == THRUMI_VALUE)
        return outcome->payload == NULL ? 0 : outcome->payload->size;
    return outcome->phase == THRUMI_ERROR
               ? thrumi_error_pack_size(outcome->error)
               : 0;
}

static char *packed_write_outcome(char *at, struct thrumi_outcome *outcome)
{
    struct packed_item item = {packed_outcome_size(outcome), outcome->phase,
                               outcome->value == NULL};

    memcpy(at, &item, sizeof(item));
    at += sizeof(item);
    if (outcome->phase == THRUMI_ERROR)
        thrumi_error_pack(outcome->error, at);
    else if (outcome->payload != NULL)
        memcpy(at, outcome->payload->data, item.size);
    thrumi_outcome_free(outcome);
    return at + packed_round(item.size);
}

static void *packed_return(struct thrumi_outcome *outcomes, size_t count)
{
    size_t bytes = PACKED_ALIGN;
    uint64_t count_there = count;
    char *result;
    char *at;

    for (size_t i = 0; i < count; i++)
        bytes += sizeof(struct packed_item) +
                 packed_round(packed_outcome_size(&outcomes[i]));
    result = thrum_return_alloc(bytes);
    if (result == NULL) {
        for (size_t i = 0; i < count; i++)
            thrumi_outcome_free(&outcomes[i]);
        return NULL;
    }
    memcpy(result, &count_there, sizeof(count_there));
    at = result + PACKED_ALIGN;
    for (size_t i = 0; i < count; i++)
        at = packed_write_outcome(at, &outcomes[i]);
    return result;
}

void *thrumi_map_packed_run(thrum_fn *fn, const void *packed, size_t size)
{
    struct packed_head head;
    struct thrumi_outcome *outcomes;
    void *result;

    memcpy(&head, packed, sizeof(head));
    if (size < sizeof(head))
        return thrum_raise(-EINVAL, "this is no chunk");
    outcomes = thrumi_alloc_array(head.count, sizeof(*outcomes));
    if (outcomes == NULL)
        return thrum_raise(-ENOMEM, "no memory for the results of a chunk");
    packed_run_all(fn, (char *)(uintptr_t)packed + sizeof(head), outcomes,
                   head.count);
    result = packed_return(outcomes, head.count);
    thrumi_free(outcomes);
    return result;
}

void *thrumi_map_packed_entry(void *packed)
{
    struct packed_head head;

    memcpy(&head, packed, sizeof(head));
    return thrumi_map_packed_run(head.fn, packed, head.bytes);
}

/* ---- and back ---- */

static void packed_read_value(const struct packed_item *item, const char *bytes,
                              struct thrumi_outcome *ret)
{
    ret->phase = THRUMI_VALUE;
    if (item->null != 0)
        return;
    ret->payload = thrumi_payload_new(item->size);
    if (ret->payload == NULL) {
        ret->phase = THRUMI_ERROR;
        ret->error = thrumi_error_new(-ENOMEM, "no memory for a result");
        return;
    }
    memcpy(ret->payload->data, bytes, item->size);
    ret->value = ret->payload->data;
}

static void packed_read_outcome(const struct packed_item *item,
                                const char *bytes, struct thrumi_outcome *ret)
{
    if (item->phase == THRUMI_VALUE) {
        packed_read_value(item, bytes, ret);
    } else if (item->phase == THRUMI_ERROR) {
        ret->phase = THRUMI_ERROR;
        ret->error = thrumi_error_unpack(bytes, item->size);
    }
}

void thrumi_map_packed_read(struct thrumi_map_chunk *chunk, const void *result,
                            size_t size)
{
    const char *at = result;
    uint64_t count;

    if (at == NULL || size < PACKED_ALIGN)
        return;
    memcpy(&count, at, sizeof(count));
    at += PACKED_ALIGN;
    size -= PACKED_ALIGN;
    for (size_t i = 0; i < count && i < thrumi_map_chunk_length(chunk); i++) {
        struct packed_item item;

        if (size < sizeof(item))
            return;
        memcpy(&item, at, sizeof(item));
        size -= sizeof(item);
        if (item.size > size || packed_round(item.size) > size)
            return;
        packed_read_outcome(&item, at + sizeof(item),
                            thrumi_map_chunk_result(chunk, i));
        at += sizeof(item) + packed_round(item.size);
        size -= packed_round(item.size);
    }
}
