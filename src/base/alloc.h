/* SPDX-License-Identifier: MIT */
/*
 * base/alloc.h - the library's memory: the program's allocator, or malloc.
 */
#ifndef THRUMI_BASE_ALLOC_H
#define THRUMI_BASE_ALLOC_H

#include <stddef.h>

/* Memory aligned for any type, or NULL. */
void *thrumi_alloc(size_t bytes);
/* The same, zeroed. */
void *thrumi_alloc_zero(size_t bytes);
/* The same for `count` things; NULL also when the product overflows. */
void *thrumi_alloc_array(size_t count, size_t bytes);
void thrumi_free(void *memory);
/* A copy of the string, or NULL; NULL for NULL. */
char *thrumi_strdup(const char *text);

#endif /* THRUMI_BASE_ALLOC_H */
