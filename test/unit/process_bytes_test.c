/* SPDX-License-Identifier: MIT */
/*
 * process_bytes_test.c - what an owner reads that a worker wrote: errors, chunks
 * and rings, right ones and any others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/error_pack.h"
#include "pool/process_wire.h"
#include "task/future.h"
#include "task/map_packed.h"

#include "futures.h"

static uint64_t seed = 88172645463325252u;

static unsigned any(unsigned below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % below;
}

/* A copy that ends where its memory does. */
static char *exact(const void *bytes, size_t size)
{
    char *copy = malloc(size == 0 ? 1 : size);

    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

/* ---- errors ---- */

static thrum_error *deep_error(unsigned depth)
{
    const struct thrumi_error_parts parts = {
        THRUM_ECRASHED, 12, 345, 6, 7, "what it was", "file.c", "#0 main\n"};
    thrum_error *error = thrumi_error_of(&parts);

    if (depth > 0)
        thrumi_error_set_cause(error, deep_error(depth - 1));
    return error;
}

static unsigned depth_of(const thrum_error *error)
{
    unsigned depth = 0;

    for (; error != NULL; error = error->cause)
        depth++;
    return depth;
}

TEST(an_error_comes_back_as_it_was)
{
    thrum_error *error = deep_error(3);
    size_t size = thrumi_error_pack_size(error);
    char *bytes = malloc(size);
    thrum_error *back;

    thrumi_error_pack(error, bytes);
    back = thrumi_error_unpack(bytes, size);
    assert_int_equal(depth_of(back), 4);
    assert_int_equal(back->code, THRUM_ECRASHED);
    assert_int_equal(back->line, 12);
    assert_int_equal(back->pid, 345);
    assert_int_equal(back->signal, 6);
    assert_int_equal(back->exit_code, 7);
    assert_string_equal(back->message, "what it was");
    assert_string_equal(back->file, "file.c");
    assert_string_equal(back->backtrace, "#0 main\n");
    thrumi_error_free(back);
    thrumi_error_free(error);
    free(bytes);
}

TEST(an_error_that_is_very_deep_or_long_is_cut)
{
    thrum_error *deep = deep_error(30);
    char *text = calloc(1, 100001);
    struct thrumi_error_parts parts = {.code = -EIO, .message = text};
    thrum_error *wide;
    thrum_error *back;
    size_t size = thrumi_error_pack_size(deep);
    char *bytes = malloc(size);

    thrumi_error_pack(deep, bytes);
    back = thrumi_error_unpack(bytes, size);
    assert_in_range(depth_of(back), 2, 30);
    thrumi_error_free(back);
    free(bytes);
    memset(text, 'x', 100000);
    wide = thrumi_error_of(&parts);
    size = thrumi_error_pack_size(wide);
    assert_in_range(size, 100, 10000);
    bytes = malloc(size);
    thrumi_error_pack(wide, bytes);
    back = thrumi_error_unpack(bytes, size);
    assert_int_equal(back->code, -EIO);
    assert_in_range(strlen(back->message), 100, 10000);
    thrumi_error_free(back);
    thrumi_error_free(wide);
    thrumi_error_free(deep);
    free(bytes);
    free(text);
}

/* Cut anywhere, or with any byte changed: an error it is. */
TEST(any_bytes_are_an_error)
{
    thrum_error *error = deep_error(2);
    size_t size = thrumi_error_pack_size(error);
    char *bytes = malloc(size);

    thrumi_error_pack(error, bytes);
    for (unsigned round = 0; round < test_scale(20000); round++) {
        size_t cut = any((unsigned)size + 1);
        char *copy = exact(bytes, cut);
        thrum_error *back;

        for (unsigned i = any(4); i > 0 && cut > 0; i--)
            copy[any((unsigned)cut)] = (char)any(256);
        back = thrumi_error_unpack(copy, cut);
        assert_non_null(back);
        assert_true(back->code < 0);
        assert_non_null(back->message);
        thrumi_error_free(back);
        free(copy);
    }
    thrumi_error_free(error);
    free(bytes);
}

/* ---- chunks ---- */

static void *double_it(void *arg)
{
    int n = *(int *)arg;

    if (n == 2)
        return thrum_raise(-EIO, "no %d", n);
    n *= 2;
    return n == 0 ? NULL : thrum_return(&n, sizeof(n));
}

static struct thrumi_map_chunk *chunk_of(unsigned n)
{
    struct thrumi_map_chunk *chunk = thrumi_map_chunk_new(double_it, n);

    assert_non_null(chunk);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(thrumi_map_chunk_add(chunk, &i, sizeof(i)), 0);
    return chunk;
}

static void chunk_free(struct thrumi_map_chunk *chunk)
{
    thrumi_map_chunk_unref(chunk);
    thrumi_map_chunk_unref(chunk);
}

/* What a chunk's items come to, as bytes. */
static char *chunk_result(struct thrumi_map_chunk *chunk, size_t *ret_size)
{
    thrum_executor *here = inline_new();
    thrum_future *future = NULL;
    void *value = NULL;
    char *result;
    size_t size;
    void *packed = thrumi_map_packed_new(chunk, &size);

    assert_non_null(packed);
    assert_int_equal(thrum_executor_submit(here, thrumi_map_packed_entry,
                                           packed, size, &future),
                     0);
    assert_int_equal(thrum_future_result(future, THRUM_NOW, &value), 0);
    *ret_size = thrum_future_result_size(future);
    result = exact(value, *ret_size);
    thrum_future_unref(future);
    thrumi_free(packed);
    executor_end(here);
    return result;
}

TEST(a_chunk_comes_back_item_by_item)
{
    struct thrumi_map_chunk *chunk = chunk_of(4);
    size_t size;
    char *result = chunk_result(chunk, &size);

    thrumi_map_packed_read(chunk, result, size);
    assert_int_equal(thrumi_map_chunk_outcome(chunk, 0)->phase, THRUMI_VALUE);
    assert_null(thrumi_map_chunk_outcome(chunk, 0)->value);
    assert_int_equal(*(int *)thrumi_map_chunk_outcome(chunk, 1)->value, 2);
    assert_int_equal(thrumi_map_chunk_outcome(chunk, 2)->error->code, -EIO);
    assert_int_equal(*(int *)thrumi_map_chunk_outcome(chunk, 3)->value, 6);
    free(result);
    chunk_free(chunk);
}

TEST(any_bytes_are_outcomes_of_a_chunk)
{
    struct thrumi_map_chunk *chunk = chunk_of(4);
    size_t size;
    char *result = chunk_result(chunk, &size);

    for (unsigned round = 0; round < test_scale(20000); round++) {
        size_t cut = any(3) == 0 ? any((unsigned)size + 1) : size;
        char *copy = exact(result, cut);
        struct thrumi_map_chunk *fresh = chunk_of(4);

        for (unsigned i = any(6); i > 0 && cut > 0; i--)
            copy[any((unsigned)cut)] = (char)any(256);
        thrumi_map_packed_read(fresh, copy, cut);
        for (unsigned i = 0; i < 4; i++)
            assert_in_range(thrumi_map_chunk_outcome(fresh, i)->phase,
                            THRUMI_VALUE, THRUMI_CANCELLED);
        chunk_free(fresh);
        free(copy);
    }
    free(result);
    chunk_free(chunk);
}

/* ---- rings ---- */

static void check_filled(const char *bytes, size_t size, char with)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != with)
            fail_msg("byte %zu of %zu", i, size);
}

/* Data of every size, in order, through a ring whose consumer is behind by a
 * random number. */
TEST(data_beside_a_ring_is_never_given_out_twice)
{
    struct thrumi_wire_shared *shared =
        aligned_alloc(4096, (sizeof(*shared) + 4095) / 4096 * 4096);
    struct thrumi_spsc_side consumer;
    struct thrumi_wire_out out;
    uint64_t begins[THRUMI_WIRE_SLOTS];
    size_t lengths[THRUMI_WIRE_SLOTS];

    memset(shared, 0, sizeof(*shared));
    thrumi_wire_out_init(&out, &shared->requests_index, shared->request_data);
    thrumi_spsc_init(&consumer, &shared->requests_index, THRUMI_WIRE_SLOTS);
    for (unsigned round = 0; round < test_scale(200000); round++) {
        size_t size = any(4) == 0 ? any(THRUMI_WIRE_MOST) : any(300);
        uint64_t slot = out.ring.mine % THRUMI_WIRE_SLOTS;

        if (thrumi_spsc_has_room(&out.ring) &&
            (begins[slot] = thrumi_wire_reserve(&out, size)) != UINT64_MAX) {
            assert_true(begins[slot] + size <= THRUMI_WIRE_DATA);
            lengths[slot] = size;
            memset(out.data + begins[slot], (int)(slot + 1), size);
            thrumi_wire_put(&out);
        }
        if (any(3) > 0 && thrumi_spsc_has_item(&consumer)) {
            slot = consumer.mine % THRUMI_WIRE_SLOTS;
            check_filled(out.data + begins[slot], lengths[slot],
                         (char)(slot + 1));
            thrumi_spsc_take(&consumer);
        }
    }
    assert_true(thrumi_wire_reserve(&out, THRUMI_WIRE_MOST + 1) == UINT64_MAX);
    free(shared);
}

TEST(a_place_that_cannot_be_is_not_read)
{
    static struct thrumi_wire_shared shared;
    struct thrumi_response response = {.size = 10, .at = 0};

    assert_non_null(thrumi_wire_response_bytes(&shared, &response));
    response.at = THRUMI_WIRE_DATA - 10;
    assert_non_null(thrumi_wire_response_bytes(&shared, &response));
    response.at++;
    assert_null(thrumi_wire_response_bytes(&shared, &response));
    response.at = UINT64_MAX - 3;
    assert_null(thrumi_wire_response_bytes(&shared, &response));
    response.at = 0;
    response.size = UINT64_MAX;
    assert_null(thrumi_wire_response_bytes(&shared, &response));
    response.size = THRUMI_WIRE_MOST + 1;
    assert_null(thrumi_wire_response_bytes(&shared, &response));
}

TEST_MAIN("unit-process_bytes")
