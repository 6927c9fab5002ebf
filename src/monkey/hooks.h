/* SPDX-License-Identifier: MIT */
/*
 * monkey/hooks.h - the hooks, what they stand for, and what each begins with.
 *
 * A hook has the type of the function that it stands for, and reads as
 *
 *     ssize_t thrumi_hook_recv(int fd, void *into, size_t n, int flags)
 *     {
 *         if (thrumi_monkey_outside())
 *             return thrumi_original.recv(fd, into, n, flags);
 *         return thrumi_to_errno(thrum_recv(fd, into, n, flags, THRUM_AS_SET));
 *     }
 *
 * Nothing here calls libc by a slot that is patched: libthrum and this library
 * are left alone.
 */
#ifndef THRUMI_MONKEY_HOOKS_H
#define THRUMI_MONKEY_HOOKS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <thrum/hub.h>

#include "base/container.h"
#include "monkey/headers.h"

/* The originals, by name; NULL for what this libc does not have. */
struct thrumi_originals {
#define HOOK(families, name)          __typeof__(name) *name;
#define ALIAS(families, name, hooked) /* that one's is as good */
#include "monkey/list.h"
#undef HOOK
#undef ALIAS
};

extern struct thrumi_originals thrumi_original;

#define HOOK(families, name)          __typeof__(name) thrumi_hook_##name;
#define ALIAS(families, name, hooked) /* none of its own */
#include "monkey/list.h"
#undef HOOK
#undef ALIAS

/* The second half, in a thread that has a hub. Who wants to see all calls of those
 * begins here, see monkey/stray_watch.c. */
bool thrumi_monkey_stays_out(void);

/* Is the call to be left as it is? The first half is one load of the thread's
 * and a branch, which is all that a thread without a hub pays. It is said to be
 * certain, so that fewer hooks save registers for the rest before it. */
static inline bool thrumi_monkey_outside(void)
{
    return __builtin_expect_with_probability(thrum_hub_runs == 0, true, 1.0) ||
           thrumi_monkey_stays_out();
}

/* What a function of libc returns: a count, or -1 and errno. errno stays what it
 * was before the call that is made for the result, unless that has failed. */
#define thrumi_to_errno(call)           \
 __extension__({                        \
int thrumi_errno_before = errno;            \
thrumi_answer((call), thrumi_errno_before); \
 })

/* Never inline: where errno is must be asked for after the wait. */
int64_t thrumi_answer(int64_t result, int error_before);

/* The same for functions that return the error: what it would be in errno. */
int thrumi_to_error(int64_t code);

/* The other way: what an original has returned as a count or a code. */
static inline int64_t thrumi_from_errno(int64_t result)
{
    return result < 0 ? -errno : result;
}

/* Has a kill or a deadline ended the wait? */
static inline bool thrumi_is_ended(int64_t code)
{
    return code == -ECANCELED || code == -ETIMEDOUT;
}

#endif /* THRUMI_MONKEY_HOOKS_H */
