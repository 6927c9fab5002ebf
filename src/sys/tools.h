/* SPDX-License-Identifier: MIT */
/*
 * sys/tools.h - telling AddressSanitizer of memory that we keep for reuse.
 */
#ifndef THRUMI_SYS_TOOLS_H
#define THRUMI_SYS_TOOLS_H

#if defined(__SANITIZE_ADDRESS__)
# define THRUMI_ASAN 1
#elif defined(__has_feature)
# if __has_feature(address_sanitizer)
#  define THRUMI_ASAN 1
# endif
#endif

#ifdef THRUMI_ASAN
# include <sanitizer/asan_interface.h>
# define thrumi_poison(memory, size) __asan_poison_memory_region(memory, size)
# define thrumi_unpoison(memory, size) \
  __asan_unpoison_memory_region(memory, size)
#else
# define thrumi_poison(memory, size)   ((void)(memory), (void)(size))
# define thrumi_unpoison(memory, size) ((void)(memory), (void)(size))
#endif

#endif /* THRUMI_SYS_TOOLS_H */
