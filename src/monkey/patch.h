/* SPDX-License-Identifier: MIT */
/*
 * monkey/patch.h - what the other files here ask of patching.
 */
#ifndef THRUMI_MONKEY_PATCH_H
#define THRUMI_MONKEY_PATCH_H

#include <stdint.h>

/* The families that are patched now. */
unsigned thrumi_monkey_families(void);

/* How many objects were loaded since anything was patched. */
unsigned thrumi_monkey_late_objects(void);

/* How many hooks dlsym() has given. */
unsigned thrumi_dlsym_answers(void);

/* For sys/dlsym_*.S: see load.c. */
extern uintptr_t thrumi_dlsym_original;
void *thrumi_dlsym_answer(void *handle, const char *name);

/* An object has come: its slots are written as those of the others. */
void thrumi_monkey_look_again(void);

#endif /* THRUMI_MONKEY_PATCH_H */
