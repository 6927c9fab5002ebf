/* SPDX-License-Identifier: MIT */
/*
 * base/version.c - which library this is.
 */
#include <thrum/base.h>

#define VERSION_TEXT(x) #x
#define VERSION_STRING(major, minor, patch) \
 VERSION_TEXT(major) "." VERSION_TEXT(minor) "." VERSION_TEXT(patch)

unsigned thrum_version(void)
{
    return THRUM_VERSION;
}

const char *thrum_version_string(void)
{
    return VERSION_STRING(THRUM_VERSION_MAJOR, THRUM_VERSION_MINOR,
                          THRUM_VERSION_PATCH);
}
