/* SPDX-License-Identifier: MIT */
/*
 * sys/slots.h - the import slots of a loaded object: words in its data through
 * which it calls, or points to, what other objects define.
 *
 * The loader fills them in, at the start or when a slot is first called through;
 * many of them lie in pages that it makes read-only afterwards (RELRO). Whoever
 * puts another address into a slot has the object call that.
 *
 *     kind     written by the loader       what it is for
 *     CALL     at the first call, or now   f()
 *     ADDRESS  now                         f() without a PLT, &f in code
 *     DATA     now                         a pointer in data that holds &f
 */
#ifndef THRUMI_SYS_SLOTS_H
#define THRUMI_SYS_SLOTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum thrumi_import_kind {
    THRUMI_SLOT_CALL,
    THRUMI_SLOT_ADDRESS,
    THRUMI_SLOT_DATA,
};

struct thrumi_import {
    uintptr_t *at;
    const char *name; /* of the symbol */
    enum thrumi_import_kind kind;
    bool own;     /* the object defines the symbol itself */
    bool unbound; /* leads back into the object, until it is called */
};

/* An object, as the loader describes it. */
struct thrumi_slots {
    uintptr_t base;
    uintptr_t low; /* where it lies */
    uintptr_t high;
    uintptr_t sealed_low; /* what the loader made read-only; whole pages */
    uintptr_t sealed_high;
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * tables[2]; /* those of DT_RELA and DT_JMPREL */
    size_t counts[2];
    const uint32_t *hash; /* its table of names, of GNU's kind; or NULL */
};

/* False: it has no slots, or this processor's are not known. */
bool thrumi_slots_open(struct thrumi_slots *slots,
                       const struct dl_phdr_info *info);

/* Calls fn with each slot that has a name, until it returns false. */
void thrumi_slots_each(const struct thrumi_slots *slots,
                       bool (*fn)(const struct thrumi_import *slot, void *arg),
                       void *arg);

/* Does the object define a function of that name which others can call? */
bool thrumi_slots_defines(const struct thrumi_slots *slots, const char *name);

/* Is that read-only by now? While an object is being loaded it is not yet, and the
 * loader goes on writing there. */
bool thrumi_slots_are_sealed(const struct thrumi_slots *slots);

/* Makes what is read-only of it writable, and read-only again. 0 or -errno. */
int thrumi_slots_unseal(const struct thrumi_slots *slots);
int thrumi_slots_seal(const struct thrumi_slots *slots);

/* Is that one of the read-only ones? */
static inline bool thrumi_slots_sealed(const struct thrumi_slots *slots,
                                       const struct thrumi_import *slot)
{
    uintptr_t at = (uintptr_t)slot->at;

    return at >= slots->sealed_low && at < slots->sealed_high;
}

/* The address that is in it. Others may be calling through it. */
static inline uintptr_t thrumi_import_get(const struct thrumi_import *slot)
{
    return __atomic_load_n(slot->at, __ATOMIC_RELAXED);
}

/* release: whoever calls through it sees what was prepared for that */
static inline void thrumi_import_set(const struct thrumi_import *slot,
                                     uintptr_t address)
{
    __atomic_store_n(slot->at, address, __ATOMIC_RELEASE);
}

#endif /* THRUMI_SYS_SLOTS_H */
