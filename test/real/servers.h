/* SPDX-License-Identifier: MIT */
/*
 * test/real/servers.h - real servers for the tests of their clients.
 *
 * One that is started lives as long as the test program, however that ends: a
 * process of its own, keeper.py, waits for the end of a pipe whose other end
 * only the program has. What clients must know is in environment variables, by
 * the names that keeper.py gives them.
 */
#ifndef TEST_SERVERS_H
#define TEST_SERVERS_H

#include <stdbool.h>

#include "thrum_test.h"

/* Starts it, unless it was, and waits until it answers. False when it is not
 * installed; when it does not start, that is a failed check. */
bool server_start(const char *kind);

/* A variable of a server that was started. */
const char *server_variable(const char *name);

#define NEED_SERVER(kind)                 \
 do {                                     \
  if (!server_start(kind))                \
   TEST_SKIP("there is no server " kind); \
 } while (0)

#endif /* TEST_SERVERS_H */
