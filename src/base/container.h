/* SPDX-License-Identifier: MIT */
/*
 * base/container.h - from a member to the struct that holds it.
 */
#ifndef THRUMI_BASE_CONTAINER_H
#define THRUMI_BASE_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#define thrumi_container_of(pointer, type, member) \
 ((type *)((uintptr_t)(pointer)-offsetof(type, member)))

#define thrumi_likely(condition)   __builtin_expect(!!(condition), 1)
#define thrumi_unlikely(condition) __builtin_expect(!!(condition), 0)

#define THRUMI_CACHE_LINE 64

#endif /* THRUMI_BASE_CONTAINER_H */
