/* SPDX-License-Identifier: MIT */
/*
 * base/slot.h - what lies in a queue: a call, 16 bytes.
 */
#ifndef THRUMI_BASE_SLOT_H
#define THRUMI_BASE_SLOT_H

#include <thrum/base.h>

struct thrumi_slot {
    thrum_fn *fn; /* NULL: arg is a task of its own */
    void *arg;
};

#endif /* THRUMI_BASE_SLOT_H */
