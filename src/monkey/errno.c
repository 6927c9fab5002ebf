/* SPDX-License-Identifier: MIT */
/*
 * monkey/errno.c - from codes to errno.
 */
#include <errno.h>

#include <thrum/error.h>

#include "monkey/hooks.h"

/* What has no errno of its own and can come of a wait. */
static int errno_of(int64_t code)
{
    if (code > THRUM_EFAILED)
        return (int)-code;
    return code == THRUM_ECANCELLED || code == THRUM_ESHUTDOWN ? ECANCELED
                                                               : EIO;
}

__attribute__((noinline)) int64_t thrumi_answer(int64_t result,
                                                int error_before)
{
    errno = thrumi_likely(result >= 0) ? error_before : errno_of(result);
    return result >= 0 ? result : -1;
}

int thrumi_to_error(int64_t code)
{
    return errno_of(code);
}
