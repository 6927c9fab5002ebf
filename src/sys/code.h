/* SPDX-License-Identifier: MIT */
/*
 * sys/code.h - what the machine code of a loaded object holds.
 */
#ifndef THRUMI_SYS_CODE_H
#define THRUMI_SYS_CODE_H

#include <link.h>
#include <stddef.h>

/* How many places in its executable segments read as an instruction that makes
 * a system call. On x86-64 the two bytes may also be part of something else, so
 * this is a hint; 0 where the instruction is not known. */
size_t thrumi_code_system_calls(const struct dl_phdr_info *info);

#endif /* THRUMI_SYS_CODE_H */
