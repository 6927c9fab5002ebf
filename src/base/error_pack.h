/* SPDX-License-Identifier: MIT */
/*
 * base/error_pack.h - errors as bytes, for another process.
 */
#ifndef THRUMI_BASE_ERROR_PACK_H
#define THRUMI_BASE_ERROR_PACK_H

#include <stddef.h>

#include <thrum/error.h>

/* How many bytes the error and its causes take, up to a few; then writes them.
 */
size_t thrumi_error_pack_size(const thrum_error *error);
void thrumi_error_pack(const thrum_error *error, char *ret);

/* The error that the bytes say; whatever they are, it is one. */
thrum_error *thrumi_error_unpack(const char *bytes, size_t size);

#endif /* THRUMI_BASE_ERROR_PACK_H */
