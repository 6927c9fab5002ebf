/* SPDX-License-Identifier: MIT */
/*
 * base/log.h - messages to the program's log, if it has one.
 */
#ifndef THRUMI_BASE_LOG_H
#define THRUMI_BASE_LOG_H

#include <thrum/base.h>

void thrumi_log(thrum_log_level level, const char *format, ...)
    THRUM_PRINTF(2, 3);
/* Does anybody read it? */
bool thrumi_log_is_set(void);

#endif /* THRUMI_BASE_LOG_H */
