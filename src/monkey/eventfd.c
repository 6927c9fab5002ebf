/* SPDX-License-Identifier: MIT */
/*
 * monkey/eventfd.c - what libc reads and writes eventfds with.
 */
#include "monkey/hooks.h"

int thrumi_hook_eventfd_read(int fd, eventfd_t *value)
{
    if (thrumi_monkey_outside())
        return thrumi_original.eventfd_read(fd, value);
    return thrumi_hook_read(fd, value, sizeof(*value)) == sizeof(*value) ? 0
                                                                         : -1;
}

int thrumi_hook_eventfd_write(int fd, eventfd_t value)
{
    if (thrumi_monkey_outside())
        return thrumi_original.eventfd_write(fd, value);
    return thrumi_hook_write(fd, &value, sizeof(value)) == sizeof(value) ? 0
                                                                         : -1;
}
