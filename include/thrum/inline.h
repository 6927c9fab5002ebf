/* SPDX-License-Identifier: MIT */
/*
 * thrum/inline.h - the executor that runs each task at once, in its caller.
 *
 * For debugging, for tests, for the base line of a benchmark, and as the
 * executor of code that was told to be sequential. Submit returns a settled
 * future.
 */
#ifndef THRUM_INLINE_H
#define THRUM_INLINE_H

#include <thrum/executor.h>

THRUM_BEGIN_DECLS

/* Makes an inline executor.
 *
 * Call from:  any thread; tasks may be submitted from many.
 * Blocks:     no; its submit blocks as the task does.
 * Ownership:  the caller gets one reference.
 * Returns:    0 or -ENOMEM. */
THRUM_API THRUM_MUST_USE int thrum_inline_new(thrum_executor **ret);

THRUM_END_DECLS

#endif /* THRUM_INLINE_H */
