/* SPDX-License-Identifier: MIT */
/*
 * model_memory.c - what atomics do in a model, and the program's memory.
 *
 * A store that is not sequentially consistent may be delayed, at the price of
 * one unit of the bound: it and those after it wait in the thread's buffer.
 * They go out one at a time, whenever the schedule says so, and all together
 * before a read-modify-write, a full fence or a system call. The thread itself sees what is in its buffer. A store with release
 * order goes out after all before it; a relaxed one may overtake those to other
 * addresses, as on machines weaker than x86-64, which costs another unit.
 *
 * Memory comes from an arena that nothing is given back to, so a freed block
 * is never reused within a run: each atomic access checks that its address is
 * not in one. `grains` has a byte for each 16 bytes of it.
 */
#include "model_core.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "model_shim.h"

enum {
    GRAIN_NONE = 0,
    GRAIN_LIVE = 1,
    GRAIN_FREED = 2,
};

static unsigned char *memory_grain(const volatile void *address)
{
    uintptr_t offset = (uintptr_t)address - (uintptr_t)model->arena;

    if (offset >= MODEL_ARENA_SIZE)
        return NULL;
    return &model->grains[offset / MODEL_GRAIN];
}

static void memory_check(const volatile void *address, const char *what)
{
    const unsigned char *grain = memory_grain(address);

    if (grain != NULL && *grain == GRAIN_FREED)
        model_fail("use after free: %s", what);
    if (grain != NULL && *grain == GRAIN_NONE)
        model_fail("use of memory that is not allocated: %s", what);
}

/* ---- the store buffer ---- */

/* A write of what is there already is none for those who spin. */
static void memory_write(volatile void *address, const void *value, size_t size)
{
    void *memory = (void *)(uintptr_t)address;

    if (memcmp(memory, value, size) == 0)
        return;
    memcpy(memory, value, size);
    model_written();
}

bool model_may_flush(const struct model_slot *slot, unsigned entry)
{
    const struct model_entry *stores = slot->stores;

    for (unsigned i = 0; i < entry; i++)
        if (stores[entry].release || stores[i].address == stores[entry].address)
            return false;
    return true;
}

void model_flush(struct model_slot *slot, unsigned entry)
{
    struct model_entry *store = &slot->stores[entry];

    memory_write(store->address, &store->value, store->size);
    slot->store_count--;
    memmove(store, store + 1, (slot->store_count - entry) * sizeof(*store));
}

void model_drain(struct model_slot *slot)
{
    while (slot->store_count > 0)
        model_flush(slot, 0);
}

static void memory_read(const volatile void *address, void *ret, size_t size)
{
    const struct model_slot *slot = model_self();

    for (unsigned i = slot->store_count; i-- > 0;) {
        if (slot->stores[i].address != address)
            continue;
        memcpy(ret, &slot->stores[i].value, size);
        return;
    }
    memcpy(ret, (const void *)(uintptr_t)address, size);
}

static bool memory_delays(struct model_slot *slot, const volatile void *address)
{
    if (slot->store_count > 0)
        return true;
    if (model->current == MODEL_MAIN || model->left.delays == 0)
        return false;
    if (!model_is_visible(address)) {
        model_expand(2);
        return false;
    }
    if (model_pick(2) == 0)
        return false;
    model->left.delays--;
    model_trace_step(model->current, "... and it stays in the store buffer");
    return true;
}

/* ---- the operations of model_shim.h ---- */

void model_load(const volatile void *address, void *ret, size_t size,
                const char *what)
{
    model_halt(MODEL_AT_POINT, address, what);
    memory_check(address, what);
    model_touch(address, false);
    memory_read(address, ret, size);
}

void model_store(volatile void *address, const void *value, size_t size,
                 memory_order order, const char *what)
{
    struct model_slot *slot;
    struct model_entry *entry;

    model_halt(MODEL_AT_POINT, address, what);
    memory_check(address, what);
    model_touch(address, true);
    slot = model_self();
    if (order == memory_order_seq_cst)
        model_drain(slot);
    if (order == memory_order_seq_cst || !memory_delays(slot, address)) {
        memory_write(address, value, size);
        return;
    }
    if (slot->store_count == MODEL_STORES)
        model_flush(slot, 0);
    entry = &slot->stores[slot->store_count++];
    *entry = (struct model_entry){(void *)(uintptr_t)address, 0, (unsigned)size,
                                  order != memory_order_relaxed};
    memcpy(&entry->value, value, size);
}

void model_rmw_read(volatile void *address, void *ret, size_t size,
                    const char *what)
{
    model_halt(MODEL_AT_POINT, address, what);
    memory_check(address, what);
    model_touch(address, true);
    model_drain(model_self());
    memory_read(address, ret, size);
}

void model_rmw_write(volatile void *address, const void *value, size_t size)
{
    memory_write(address, value, size);
}

bool model_weak_fails(void)
{
    if (model->current == MODEL_MAIN || model->left.spurious == 0 ||
        model_pick(2) == 0)
        return false;
    model->left.spurious--;
    model_trace_step(model->current, "... and it fails for no reason");
    return true;
}

void model_fence(memory_order order, const char *what)
{
    model_halt(MODEL_AT_POINT, model, what);
    if (order == memory_order_seq_cst)
        model_drain(model_self());
}

/* ---- allocation: base/alloc.h ---- */

void model_memory_reset(void)
{
    memset(model->grains, GRAIN_NONE, model->arena_used / MODEL_GRAIN);
    model->arena_used = 0;
    model->blocks = 0;
}

size_t model_live_blocks(void)
{
    return model->blocks;
}

void *thrumi_alloc_zero(size_t bytes)
{
    size_t size = (bytes + MODEL_GRAIN) / MODEL_GRAIN * MODEL_GRAIN;
    char *block = model->arena + model->arena_used;

    if (size > MODEL_ARENA_SIZE - model->arena_used)
        model_fail("the model's memory is used up");
    memset(block, 0, size);
    memset(memory_grain(block), GRAIN_LIVE, size / MODEL_GRAIN);
    model->block_sizes[model->arena_used / MODEL_GRAIN] = (unsigned)size;
    model->arena_used += size;
    model->blocks++;
    return block;
}

/* Zeroed too, since all bytes are part of the state. */
void *thrumi_alloc(size_t bytes)
{
    return thrumi_alloc_zero(bytes);
}

void *thrumi_alloc_array(size_t count, size_t bytes)
{
    return thrumi_alloc_zero(count * bytes);
}

char *thrumi_strdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(thrumi_alloc_zero(size), text, size);
}

void thrumi_free(void *memory)
{
    unsigned char *grain = memory_grain(memory);
    size_t size;

    if (memory == NULL)
        return;
    if (grain == NULL || *grain != GRAIN_LIVE)
        model_fail(grain == NULL ? "free of what was not allocated"
                                 : "double free");
    size = model->block_sizes[grain - model->grains];
    memset(grain, GRAIN_FREED, size / MODEL_GRAIN);
    memset(memory, 0xdd, size);
    for (size_t i = 0; i < size; i += 8)
        model_touch((char *)memory + i, true);
    model->blocks--;
}
