/* SPDX-License-Identifier: MIT */
/*
 * monkey/descriptor.h - how a descriptor is set.
 */
#ifndef THRUMI_MONKEY_DESCRIPTOR_H
#define THRUMI_MONKEY_DESCRIPTOR_H

#include <stdbool.h>

/* Does the system answer at once? It does of what has O_NONBLOCK, and of what is
 * no descriptor. */
bool thrumi_descriptor_never_waits(int fd);

#endif /* THRUMI_MONKEY_DESCRIPTOR_H */
