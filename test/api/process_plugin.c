/* SPDX-License-Identifier: MIT */
/*
 * process_plugin.c - a shared object that a test loads, in several versions.
 */
#include <thrum.h>

void *plugin_version(void *arg);

void *plugin_version(void *arg)
{
    int version = PLUGIN_VERSION * *(int *)arg;

    return thrum_return(&version, sizeof(version));
}
