/* SPDX-License-Identifier: MIT */
/*
 * hub/monitor.h - the monitor, for hubs that begin.
 */
#ifndef THRUMI_HUB_MONITOR_H
#define THRUMI_HUB_MONITOR_H

/* Starts it if the environment says so; at the first hub of the process. */
void thrumi_monitor_at_first_hub(void);

/* How many threads of the process are its own: 0 to 2. */
unsigned thrumi_monitor_threads(void);

#endif /* THRUMI_HUB_MONITOR_H */
