/* SPDX-License-Identifier: MIT */
/*
 * sys/slots.c - reading an object's tables of relocations.
 *
 * Slots are found anew each time and never remembered: an object may be gone
 * by then.
 *
 * The range that was made read-only ends at the last whole page of the segment:
 * its end is rounded down, since the page in which it ends is written by the
 * program.
 */
#include "sys/slots.h"

#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fault.h"

#if defined(__x86_64__)
# define SLOTS_CALL    R_X86_64_JUMP_SLOT
# define SLOTS_ADDRESS R_X86_64_GLOB_DAT
# define SLOTS_DATA    R_X86_64_64
# define SLOTS_KNOWN   true
#elif defined(__aarch64__)
# define SLOTS_CALL    R_AARCH64_JUMP_SLOT
# define SLOTS_ADDRESS R_AARCH64_GLOB_DAT
# define SLOTS_DATA    R_AARCH64_ABS64
# define SLOTS_KNOWN   true
#else
# define SLOTS_CALL    1
# define SLOTS_ADDRESS 2
# define SLOTS_DATA    3
# define SLOTS_KNOWN   false
#endif

/* glibc writes addresses into the dynamic section of what it loads, but not of
 * what the kernel maps. */
static uintptr_t slots_address(const struct thrumi_slots *slots,
                               const ElfW(Dyn) * entry)
{
    uintptr_t value = entry->d_un.d_ptr;

    return value < slots->base ? value + slots->base : value;
}

static void slots_read_dynamic(struct thrumi_slots *slots, const ElfW(Dyn) * at)
{
    for (; at->d_tag != DT_NULL; at++) {
        if (at->d_tag == DT_SYMTAB)
            slots->symbols = (const void *)slots_address(slots, at);
        else if (at->d_tag == DT_STRTAB)
            slots->strings = (const void *)slots_address(slots, at);
        else if (at->d_tag == DT_RELA)
            slots->tables[0] = (const void *)slots_address(slots, at);
        else if (at->d_tag == DT_RELASZ)
            slots->counts[0] = at->d_un.d_val / sizeof(ElfW(Rela));
        else if (at->d_tag == DT_JMPREL)
            slots->tables[1] = (const void *)slots_address(slots, at);
        else if (at->d_tag == DT_PLTRELSZ)
            slots->counts[1] = at->d_un.d_val / sizeof(ElfW(Rela));
        else if (at->d_tag == DT_GNU_HASH)
            slots->hash = (const void *)slots_address(slots, at);
    }
}

static void slots_read_segment(struct thrumi_slots *slots,
                               const ElfW(Phdr) * segment)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = slots->base + segment->p_vaddr;
    uintptr_t end = begin + segment->p_memsz;

    if (segment->p_type == PT_LOAD) {
        slots->low = begin < slots->low ? begin : slots->low;
        slots->high = end > slots->high ? end : slots->high;
    } else if (segment->p_type == PT_GNU_RELRO) {
        slots->sealed_low = begin / page * page;
        slots->sealed_high = end / page * page;
    }
}

bool thrumi_slots_open(struct thrumi_slots *slots,
                       const struct dl_phdr_info *info)
{
    const ElfW(Dyn) *dynamic = NULL;

    *slots = (struct thrumi_slots){.base = info->dlpi_addr, .low = UINTPTR_MAX};
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        slots_read_segment(slots, segment);
        if (segment->p_type == PT_DYNAMIC)
            dynamic = (const void *)(slots->base + segment->p_vaddr);
    }
    if (dynamic == NULL || !SLOTS_KNOWN)
        return false;
    slots_read_dynamic(slots, dynamic);
    return slots->symbols != NULL && slots->strings != NULL;
}

static bool slots_kind(const ElfW(Rela) * rela, enum thrumi_import_kind *ret)
{
    switch (ELF64_R_TYPE(rela->r_info)) {
    case SLOTS_CALL:
        *ret = THRUMI_SLOT_CALL;
        return true;
    case SLOTS_ADDRESS:
        *ret = THRUMI_SLOT_ADDRESS;
        return true;
    case SLOTS_DATA:
        *ret = THRUMI_SLOT_DATA;
        return rela->r_addend == 0;
    default:
        return false;
    }
}

static bool slots_has(const struct thrumi_slots *slots, uintptr_t address)
{
    return address >= slots->low && address < slots->high;
}

/* Only what is of interest is read: data may be where a sanitizer lets nobody
 * look. */
static bool slots_describe(const struct thrumi_slots *slots,
                           const ElfW(Rela) * rela, struct thrumi_import *slot)
{
    size_t index = ELF64_R_SYM(rela->r_info);
    const ElfW(Sym) *symbol = &slots->symbols[index];

    if (index == 0 || !slots_kind(rela, &slot->kind))
        return false;
    slot->at = (uintptr_t *)(slots->base + rela->r_offset);
    slot->name = slots->strings + symbol->st_name;
    slot->own = symbol->st_shndx != SHN_UNDEF;
    slot->unbound = slot->kind == THRUMI_SLOT_CALL && !slot->own &&
                    slots_has(slots, thrumi_import_get(slot));
    return true;
}

void thrumi_slots_each(const struct thrumi_slots *slots,
                       bool (*fn)(const struct thrumi_import *slot, void *arg),
                       void *arg)
{
    struct thrumi_import slot;

    for (int table = 0; table < 2; table++)
        for (size_t i = 0; i < slots->counts[table]; i++)
            if (slots_describe(slots, &slots->tables[table][i], &slot) &&
                !fn(&slot, arg))
                return;
}

/* ---- what it defines ---- */

static uint32_t slots_hash(const char *name)
{
    uint32_t hash = 5381;

    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

static bool slots_is_function(const struct thrumi_slots *slots, size_t index,
                              const char *name)
{
    const ElfW(Sym) *symbol = &slots->symbols[index];

    return symbol->st_shndx != SHN_UNDEF &&
           ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
           strcmp(slots->strings + symbol->st_name, name) == 0;
}

/* The table: counts of buckets, of the first symbol and of words of the filter,
 * a shift; the filter; for each bucket its first symbol; for each symbol its
 * hash, whose lowest bit is set in the last one of a bucket. */
bool thrumi_slots_defines(const struct thrumi_slots *slots, const char *name)
{
    const uint32_t *table = slots->hash;
    uint32_t hash = slots_hash(name);
    const uint32_t *buckets;
    const uint32_t *chain;
    uint32_t index;

    if (table == NULL || table[0] == 0)
        return false;
    buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
    chain = buckets + table[0];
    index = buckets[hash % table[0]];
    if (index < table[1])
        return false;
    for (;; index++) {
        uint32_t one = chain[index - table[1]];

        if ((one | 1u) == (hash | 1u) && slots_is_function(slots, index, name))
            return true;
        if (one & 1u)
            return false;
    }
}

/* ---- read-only ones ---- */

#define SLOTS_OR_NOTHING FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0)

/* The system tells, by adding nothing to a word; where it is not allowed to, it is
 * taken for read-only. */
bool thrumi_slots_are_sealed(const struct thrumi_slots *slots)
{
    uint32_t nobody = 0;

    if (slots->sealed_high <= slots->sealed_low)
        return false;
    return syscall(SYS_futex, &nobody, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0,
                   slots->sealed_low, SLOTS_OR_NOTHING) < 0;
}

static int slots_protect(const struct thrumi_slots *slots, int how)
{
    size_t size = slots->sealed_high - slots->sealed_low;

    if (thrumi_fault("mprotect"))
        return -EACCES;
    if (slots->sealed_high <= slots->sealed_low ||
        mprotect((void *)slots->sealed_low, size, how) == 0)
        return 0;
    return -errno;
}

int thrumi_slots_unseal(const struct thrumi_slots *slots)
{
    return slots_protect(slots, PROT_READ | PROT_WRITE);
}

int thrumi_slots_seal(const struct thrumi_slots *slots)
{
    return slots_protect(slots, PROT_READ);
}
