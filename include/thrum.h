/* SPDX-License-Identifier: MIT */
/*
 * thrum.h - everything of libthrum; each header can also be had alone.
 */
#ifndef THRUM_H
#define THRUM_H

#include <thrum/base.h>
#include <thrum/child.h>
#include <thrum/dump.h>
#include <thrum/error.h>
#include <thrum/executor.h>
#include <thrum/file.h>
#include <thrum/future.h>
#include <thrum/generator.h>
#include <thrum/green.h>
#include <thrum/green_pool.h>
#include <thrum/greenlet.h>
#include <thrum/hub.h>
#include <thrum/inline.h>
#include <thrum/iter.h>
#include <thrum/local.h>
#include <thrum/monitor.h>
#include <thrum/net.h>
#include <thrum/offload.h>
#include <thrum/parallel.h>
#include <thrum/process_pool.h>
#include <thrum/promise.h>
#include <thrum/queue.h>
#include <thrum/reader.h>
#include <thrum/resolve.h>
#include <thrum/scope.h>
#include <thrum/select.h>
#include <thrum/server.h>
#include <thrum/stack.h>
#include <thrum/stats.h>
#include <thrum/sync.h>
#include <thrum/thread_pool.h>

#endif /* THRUM_H */
