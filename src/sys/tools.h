/* SPDX-License-Identifier: MIT */
/*
 * sys/tools.h - telling AddressSanitizer of memory that we keep for reuse, and
 * the tools that we look where nobody may.
 */
#ifndef THRUMI_SYS_TOOLS_H
#define THRUMI_SYS_TOOLS_H

#include <stdbool.h>

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

/* A function that reads what lies below frames, between these two. */
#define THRUMI_TOOLS_BLIND __attribute__((no_sanitize("address"), noinline))
#ifdef THRUMI_VALGRIND
# include <valgrind/valgrind.h>
# define thrumi_tools_look_away()  VALGRIND_DISABLE_ERROR_REPORTING
# define thrumi_tools_look_again() VALGRIND_ENABLE_ERROR_REPORTING
/* Does Valgrind run this? It does not know the newest system calls. */
# define thrumi_tools_valgrind() (RUNNING_ON_VALGRIND != 0)
#else
# define thrumi_tools_look_away()  ((void)0)
# define thrumi_tools_look_again() ((void)0)
# define thrumi_tools_valgrind()   false
#endif

#endif /* THRUMI_SYS_TOOLS_H */
