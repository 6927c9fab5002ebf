/* SPDX-License-Identifier: MIT */
/*
 * pool/process_reply.c - what a worker process answers, and how it gets there.
 *
 * Bytes go through the ring; what is too long for it, or finds it full, goes as
 * a file. The storage of a long result is a file from the beginning
 * (thrum_return_alloc()): the task fills it in, the worker lets go of it and
 * seals it, and the owner maps it. Nothing is copied on the way.
 */
#include "pool/process_reply.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/error_pack.h"
#include "sys/children.h"
#include "sys/memfd.h"
#include "sys/message.h"
#include "sys/park.h"
#include "sys/wakefd.h"

/* ---- answers ---- */

void thrumi_reply_wake(struct thrumi_reply *reply)
{
    if (thrumi_bell_rings(&reply->shared->owner_bell))
        thrumi_wakefd_set(reply->bell, true);
}

void thrumi_reply_put(struct thrumi_reply *reply,
                      const struct thrumi_response *response)
{
    reply->shared->responses[reply->out.ring.mine % THRUMI_WIRE_SLOTS] =
        *response;
    thrumi_wire_put(&reply->out);
    thrumi_reply_wake(reply);
}

/* Hands a file over, nameless; the answer that belongs to it follows. So many
 * may be on their way that the kernel takes no more for a moment. */
static void reply_send_file(struct thrumi_reply *reply,
                            struct thrumi_response *response, int fd)
{
    atomic_uint nobody = 0;
    int rc;

    while ((rc = thrumi_message_send(reply->socket, &response->seq,
                                     sizeof(response->seq), &fd, 1)) ==
               -EAGAIN ||
           rc == -ETOOMANYREFS)
        thrumi_park_word(&nobody, 0, thrum_in_ms(1));
    if (rc != 0)
        thrumi_children_exit(1); /* the owner does not want it any more */
    thrumi_close(fd);
    response->in_file = 1;
}

/* Bytes that the ring has no room for. */
static bool reply_bytes_to_file(struct thrumi_reply *reply,
                                struct thrumi_response *response,
                                const void *bytes, size_t size)
{
    int fd =
        thrumi_memfd_new_blank(offsetof(struct thrumi_payload, data) + size);
    char *memory;

    if (fd < 0)
        return false;
    memory = thrumi_memfd_map(fd, offsetof(struct thrumi_payload, data) + size,
                              false);
    if (memory == NULL) {
        thrumi_close(fd);
        return false;
    }
    memcpy(memory + offsetof(struct thrumi_payload, data), bytes, size);
    thrumi_memfd_unmap(memory, offsetof(struct thrumi_payload, data) + size);
    thrumi_memfd_freeze(fd);
    reply_send_file(reply, response, fd);
    return true;
}

static void reply_error(struct thrumi_reply *reply,
                        struct thrumi_response *response,
                        const thrum_error *error);

static void reply_bytes(struct thrumi_reply *reply,
                        struct thrumi_response *response, const void *bytes,
                        size_t size)
{
    response->size = size;
    response->at = 0;
    if (size > 0)
        response->at = thrumi_wire_reserve(&reply->out, size);
    if (response->at != UINT64_MAX) {
        memcpy(reply->out.data + response->at, bytes, size);
    } else if (!reply_bytes_to_file(reply, response, bytes, size)) {
        thrum_error *error =
            thrumi_error_new(-ENOMEM, "no memory to hand over %zu bytes", size);

        reply_error(reply, response, error);
        thrumi_error_free(error);
        return;
    }
    thrumi_reply_put(reply, response);
}

static void reply_error(struct thrumi_reply *reply,
                        struct thrumi_response *response,
                        const thrum_error *error)
{
    size_t size = thrumi_error_pack_size(error);
    char *bytes = thrumi_alloc(size);

    response->kind = THRUMI_RESPONSE_ERROR;
    if (bytes != NULL) {
        thrumi_error_pack(error, bytes);
        reply_bytes(reply, response, bytes, size);
        thrumi_free(bytes);
        return;
    }
    response->size = 0; /* its text is lost */
    thrumi_reply_put(reply, response);
}

/* ---- results ---- */

/* Lets a result's file go that is not to be handed over. */
static void reply_drop_file(void *arg)
{
    struct thrumi_payload *payload = arg;
    int fd = payload->file;

    thrumi_memfd_unmap(payload,
                       offsetof(struct thrumi_payload, data) + payload->size);
    thrumi_close(fd);
}

/* The storage of a large result is a file from the beginning, so that it need
 * not be copied. */
struct thrumi_payload *thrumi_reply_new_payload(size_t size)
{
    size_t bytes = offsetof(struct thrumi_payload, data) + size;
    struct thrumi_payload *payload;
    int fd;

    if (size <= THRUMI_WIRE_MOST)
        return thrumi_payload_new(size);
    if (bytes < size)
        return NULL;
    fd = thrumi_memfd_new_blank(bytes);
    if (fd < 0)
        return NULL;
    payload = thrumi_memfd_map(fd, bytes, false);
    if (payload == NULL) {
        thrumi_close(fd);
        return NULL;
    }
    payload->size = size;
    payload->free_fn = reply_drop_file;
    payload->owned = payload;
    payload->file = fd;
    return payload;
}

/* The worker can write to it no more. Where a child of the task still could,
 * the owner sees that it is not frozen, and copies it. */
static void reply_file(struct thrumi_reply *reply,
                       struct thrumi_response *response,
                       struct thrumi_payload *payload)
{
    int fd = payload->file;

    response->size = payload->size;
    thrumi_memfd_unmap(payload,
                       offsetof(struct thrumi_payload, data) + payload->size);
    thrumi_memfd_freeze(fd);
    reply_send_file(reply, response, fd);
    thrumi_reply_put(reply, response);
}

static void reply_value(struct thrumi_reply *reply,
                        struct thrumi_response *response,
                        struct thrumi_outcome *outcome)
{
    struct thrumi_payload *payload = outcome->payload;

    response->kind =
        outcome->value == NULL ? THRUMI_RESPONSE_NULL : THRUMI_RESPONSE_BYTES;
    if (payload != NULL && payload->file >= 0) {
        reply_file(reply, response, payload);
    } else if (payload != NULL && payload->owned == NULL) {
        reply_bytes(reply, response, payload->data, payload->size);
        thrumi_payload_free(payload);
    } else if (outcome->value == NULL) {
        thrumi_reply_put(reply, response);
    } else {
        thrum_error *error = thrumi_error_new(
            THRUM_ENOTSHARED,
            "the task returned a plain pointer, not thrum_return(...)");

        reply_error(reply, response, error);
        thrumi_error_free(error);
        thrumi_payload_free(payload);
    }
}

void thrumi_reply_outcome(struct thrumi_reply *reply,
                          struct thrumi_response *response,
                          struct thrumi_outcome *outcome)
{
    if (outcome->phase == THRUMI_VALUE) {
        reply_value(reply, response, outcome);
    } else if (outcome->phase == THRUMI_ERROR) {
        reply_error(reply, response, outcome->error);
        thrumi_error_free(outcome->error);
    } else {
        response->kind = THRUMI_RESPONSE_CANCELLED;
        thrumi_reply_put(reply, response);
    }
}
