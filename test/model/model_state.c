/* SPDX-License-Identifier: MIT */
/*
 * model_state.c - the state of the program: put back, and recognised.
 *
 * Two runs that come to the same state with the same bounds left go on in the
 * same ways, so the second one can stop there. The state is everything that
 * the program can see: static variables, allocated memory, the live part of
 * every stack with the registers saved on it, thread-local variables, store
 * buffers, and what is left of the bounds. All addresses are the same in each
 * run, so equal states have equal bytes. Rubbish in unused places only makes
 * equal states look different, which costs time and no schedule.
 */
#include "model_core.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>

/* The variables of the executable, by the linker's names. */
extern char __data_start[];
extern char _end[];

static void *state_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        __builtin_trap();
    return memory;
}

/* The first object listed is the executable. */
static int state_find_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_TLS)
            continue;
        model->tls_live = info->dlpi_tls_data;
        model->tls_size = info->dlpi_phdr[i].p_memsz;
    }
    return 1;
}

void model_state_init(void)
{
    model = state_map(sizeof(*model));
    model->seen = state_map(MODEL_SEEN * sizeof(*model->seen));
    dl_iterate_phdr(state_find_tls, NULL);
    model->tls_first = state_map(model->tls_size + 1);
    memcpy(model->tls_first, model->tls_live, model->tls_size);
    for (unsigned i = 0; i <= MODEL_THREADS; i++) {
        model->slots[i].stack = state_map(MODEL_STACK_SIZE);
        model->slots[i].tls = state_map(model->tls_size + 1);
    }
    model->data_size = (size_t)(_end - __data_start);
    model->data = state_map(model->data_size);
    memcpy(model->data, __data_start, model->data_size);
}

void model_state_reset(void)
{
    memcpy(__data_start, model->data, model->data_size);
    memcpy(model->tls_live, model->tls_first, model->tls_size);
    for (unsigned i = 0; i <= MODEL_THREADS; i++)
        memcpy(model->slots[i].tls, model->tls_first, model->tls_size);
}

void model_tls_switch(struct model_slot *from, struct model_slot *to)
{
    memcpy(from->tls, model->tls_live, model->tls_size);
    memcpy(model->tls_live, to->tls, model->tls_size);
}

static uint64_t state_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 29);
}

/* Three lanes, since one waits for its multiplication most of the time. */
static uint64_t state_hash(uint64_t hash, const void *memory, size_t size)
{
    const char *at = memory;
    uint64_t lanes[3] = {hash, ~hash, hash + size};
    uint64_t words[3];

    for (; size >= sizeof(words); size -= sizeof(words)) {
        memcpy(words, at, sizeof(words));
        for (unsigned i = 0; i < 3; i++)
            lanes[i] = state_mix(lanes[i], words[i]);
        at += sizeof(words);
    }
    memset(words, 0, sizeof(words));
    memcpy(words, at, size);
    for (unsigned i = 0; i < 3; i++)
        lanes[i] = state_mix(lanes[i], words[i]);
    return state_mix(state_mix(lanes[0], lanes[1]), lanes[2]);
}

static uint64_t state_hash_slot(uint64_t hash, const struct model_slot *slot)
{
    const char *top = slot->stack + MODEL_STACK_SIZE;
    const char *tls = slot == model_self() ? model->tls_live : slot->tls;

    hash = state_mix(hash, (uint64_t)slot->status);
    hash = state_hash(hash, slot->stores,
                      slot->store_count * sizeof(slot->stores[0]));
    if (slot->status == MODEL_DONE || slot->low == NULL)
        return hash;
    hash = state_mix(hash, (uint64_t)slot->yielded * 2 + slot->timed_out);
    hash = state_mix(hash, (uintptr_t)slot->parked_on);
    hash = state_mix(hash, (uint64_t)slot->deadline);
    hash = state_hash(hash, slot->low, (size_t)(top - slot->low));
    return state_hash(hash, tls, model->tls_size);
}

static uint64_t state_hash_all(unsigned count)
{
    uint64_t hash = state_mix(count, model->current * 16u + model->stop);

    hash = state_hash(hash, &model->left, sizeof(model->left));
    hash = state_mix(hash, (uint64_t)model->now);
    hash = state_hash(hash, __data_start, model->data_size);
    hash = state_hash(hash, model->arena, model->arena_used);
    hash = state_hash(hash, model->grains, model->arena_used / MODEL_GRAIN);
    for (unsigned i = 0; i < model->thread_count; i++)
        hash = state_hash_slot(hash, &model->slots[i]);
    return hash == 0 ? 1 : hash;
}

bool model_state_is_new(unsigned count)
{
    uint64_t hash = state_hash_all(count);
    size_t at = (size_t)hash % MODEL_SEEN;

    while (model->seen[at] != 0) {
        if (model->seen[at] == hash)
            return false;
        at = (at + 1) % MODEL_SEEN;
    }
    if (model->seen_count < MODEL_SEEN / 4 * 3) {
        model->seen[at] = hash;
        model->seen_count++;
    }
    return true;
}

void model_state_forget(void)
{
    madvise(model->seen, MODEL_SEEN * sizeof(*model->seen), MADV_DONTNEED);
    model->seen_count = 0;
}
