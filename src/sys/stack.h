/* SPDX-License-Identifier: MIT */
/*
 * sys/stack.h - memory for stacks: guarded, by the million, reused.
 *
 * A slab is one mapping of slots of one size:
 *
 *     base                                            slot + 1
 *     | guard | low ....... stack ....... top | colour | guard | low ...
 *     |<------------------ stride ------------------>|
 *
 * `top` is where the caller puts its record and, below, the first frame. Slots
 * differ in how far it is from the slot's end (the colour), so that the tops
 * of many stacks do not fall on the same sets of a cache. The script for gdb,
 * tools/gdb/thrum-gdb.py, knows this formula.
 *
 * A thread keeps some free stacks of each size, last in, first out, so that the
 * next one is warm; the rest is in the slabs, under one lock.
 */
#ifndef THRUMI_SYS_STACK_H
#define THRUMI_SYS_STACK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THRUMI_STACK_CLASSES 7u /* 16 KiB, times 4 each, up to 64 MiB */
#define THRUMI_STACK_KEPT    64u
#define THRUMI_STACK_SLABS   4096u

struct thrumi_stack_slab {
    char *base;
    size_t stride;
    size_t guard;
    unsigned class_index;
    unsigned count; /* slots */
    /* guarded by the lock of stack.c: */
    unsigned live;       /* slots that are not in `free` and not fresh */
    unsigned fresh;      /* slots from here on were never used */
    unsigned free_count; /* of `free` */
    unsigned clean;      /* free[0..clean) have given their memory back */
    unsigned low;        /* the least free_count since the last sweep */
    unsigned index;      /* in thrumi_stack_slabs */
    struct thrumi_stack_slab *next; /* with slots to be had, or NULL */
    bool listed;                    /* on that list */
    uint8_t *guarded;               /* by slot */
    uint32_t free[];                /* a stack of slots */
};

struct thrumi_stack {
    struct thrumi_stack_slab *slab;
    uint32_t slot;
    bool guarded;
};

/* The free stacks that a thread keeps. All zero at first. */
struct thrumi_stack_cache {
    struct {
        unsigned count;
        struct thrumi_stack kept[THRUMI_STACK_KEPT];
    } classes[THRUMI_STACK_CLASSES];
};

/* All slabs of the process, for those that walk over them; a place is NULL or
 * holds one, and the first thrumi_stack_slab_count were used. */
extern _Atomic(struct thrumi_stack_slab *)
    thrumi_stack_slabs[THRUMI_STACK_SLABS];
extern atomic_uint thrumi_stack_slab_count;

static inline char *thrumi_stack_slot(const struct thrumi_stack_slab *slab,
                                      uint32_t slot)
{
    return slab->base + slot * slab->stride;
}

/* The lowest address that may be used. */
static inline char *thrumi_stack_low(const struct thrumi_stack *stack)
{
    return thrumi_stack_slot(stack->slab, stack->slot) + stack->slab->guard;
}

static inline char *thrumi_stack_slot_top(const struct thrumi_stack_slab *slab,
                                          uint32_t slot)
{
    return thrumi_stack_slot(slab, slot) + slab->stride - (slot % 16) * 64;
}

static inline char *thrumi_stack_top(const struct thrumi_stack *stack)
{
    return thrumi_stack_slot_top(stack->slab, stack->slot);
}

/* The least size of a stack, the size if none is asked for (THRUM_STACK_SIZE
 * in the environment sets it), and that of the class that has room for
 * `size`: 0 if there is none. */
size_t thrumi_stack_least(void);
size_t thrumi_stack_default(void);
size_t thrumi_stack_round(size_t size);
/* Bytes of guard below each; of a page. */
size_t thrumi_stack_guard(void);
size_t thrumi_stack_page(void);
/* The class that has room for so many bytes, or THRUMI_STACK_CLASSES. */
unsigned thrumi_stack_class_of(size_t size);
size_t thrumi_stack_class_size(unsigned class_index);

/* Gets a stack of at least `size` bytes; `unguarded`: rather one without guard
 * than none. 0; -EINVAL: too small or too large; -ENOMEM; THRUM_ESTACK: no
 * guard is to be had. */
int thrumi_stack_get(struct thrumi_stack_cache *cache, size_t size,
                     bool unguarded, struct thrumi_stack *ret);
void thrumi_stack_put(struct thrumi_stack_cache *cache,
                      const struct thrumi_stack *stack);

/* Gives what the thread keeps to the others. */
void thrumi_stack_flush(struct thrumi_stack_cache *cache);
/* Gives the memory of all free stacks back to the system. */
void thrumi_stack_trim(struct thrumi_stack_cache *cache);
/* Gives back all that earlier users have left in it. */
void thrumi_stack_renew(const struct thrumi_stack *stack);

/* Bytes from the top down to the deepest that were ever written. */
size_t thrumi_stack_used(const struct thrumi_stack *stack);

/* Has `fn` called before stacks are unmapped, so that whoever may still look at
 * what lay at their tops has done so. One `fn` for the process. */
void thrumi_stack_before_unmap(void (*fn)(void));

/* Keeps slabs from coming and going, for those that walk over them. */
void thrumi_stack_lock(void);
void thrumi_stack_unlock(void);

/* The slab and slot whose stack or guard has this address; false if none.
 * Takes no lock: for signal handlers. */
bool thrumi_stack_find(const void *address, struct thrumi_stack *ret);

#endif /* THRUMI_SYS_STACK_H */
