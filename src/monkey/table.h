/* SPDX-License-Identifier: MIT */
/*
 * monkey/table.h - the list of hooks as a table, to be looked up by name.
 */
#ifndef THRUMI_MONKEY_TABLE_H
#define THRUMI_MONKEY_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include <thrum/monkey.h>

#define THRUM_MONKEY_EVERY THRUM_MONKEY_ALL

struct thrumi_monkey_row {
    const char *name;
    unsigned families;
    uintptr_t hook;
    uintptr_t *typed;   /* in thrumi_original, or NULL of an alias */
    uintptr_t original; /* 0: there is none, see thrumi_monkey_resolve() */
};

/* Finds the originals. May be called again, by several threads at a time: the
 * same are found. */
void thrumi_monkey_resolve(void);

/* The row of a name, or NULL. */
const struct thrumi_monkey_row *thrumi_monkey_find(const char *name);

/* All of them. */
extern struct thrumi_monkey_row thrumi_monkey_rows[];
extern const size_t thrumi_monkey_row_count;

#endif /* THRUMI_MONKEY_TABLE_H */
