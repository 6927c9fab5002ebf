/* SPDX-License-Identifier: MIT */
/*
 * sys/probe.h - places at which tools may look on: USDT probes.
 *
 * A probe is one instruction that does nothing, and a note in the file of the
 * library that tells bpftrace, perf and systemtap where it is and where its
 * arguments are. Where <sys/sdt.h> was not there to build with, it is nothing
 * at all: its arguments are not evaluated then, so they have no effects.
 *
 * The provider is `thrum`; docs/design/watching.md lists the names.
 */
#ifndef THRUMI_SYS_PROBE_H
#define THRUMI_SYS_PROBE_H

#ifdef THRUMI_USDT
# include <sys/sdt.h>
# define THRUMI_PROBE1(name, a)       DTRACE_PROBE1(thrum, name, a)
# define THRUMI_PROBE2(name, a, b)    DTRACE_PROBE2(thrum, name, a, b)
# define THRUMI_PROBE3(name, a, b, c) DTRACE_PROBE3(thrum, name, a, b, c)
#else
# define THRUMI_PROBE1(name, a)    ((void)sizeof(a))
# define THRUMI_PROBE2(name, a, b) ((void)sizeof(a), (void)sizeof(b))
# define THRUMI_PROBE3(name, a, b, c) \
  ((void)sizeof(a), (void)sizeof(b), (void)sizeof(c))
#endif

#endif /* THRUMI_SYS_PROBE_H */
