/* SPDX-License-Identifier: MIT */
/*
 * monkey/captured.h - pointers to originals that an object has kept.
 */
#ifndef THRUMI_MONKEY_CAPTURED_H
#define THRUMI_MONKEY_CAPTURED_H

#include <stdbool.h>

#include "monkey/objects.h"

/* Looks through what the object can write for the addresses of originals that
 * are patched now, and calls fn with their rows' numbers. What was kept on the
 * heap is not found. */
void thrumi_captured_each(const struct thrumi_object_seen *object,
                          void (*fn)(size_t row, void *arg), void *arg);

#endif /* THRUMI_MONKEY_CAPTURED_H */
