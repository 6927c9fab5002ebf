/* SPDX-License-Identifier: MIT */
/*
 * monkey/list.h - which functions of libc are patched, by family. The one list.
 *
 *     HOOK(families, name)           its hook is thrumi_hook_<name>()
 *     ALIAS(families, name, hooked)  another name of one that has a hook
 *
 * Read with both macros defined, more than once.
 */
/* clang-format off */

/* What looks at all objects again, or stands for a call that cannot be left as
 * it is while anything is patched: with each family. */
HOOK(EVERY, dlopen)
HOOK(EVERY, dlsym)
HOOK(EVERY, vfork)

/* ---- sockets and pipes ---- */
HOOK(SOCKET | THRUM_MONKEY_FILE, read)
HOOK(SOCKET | THRUM_MONKEY_FILE, __read_chk)
HOOK(SOCKET | THRUM_MONKEY_FILE, readv)
HOOK(SOCKET | THRUM_MONKEY_FILE, write)
HOOK(SOCKET | THRUM_MONKEY_FILE, writev)
HOOK(SOCKET, recv)
HOOK(SOCKET, __recv_chk)
HOOK(SOCKET, recvfrom)
HOOK(SOCKET, __recvfrom_chk)
HOOK(SOCKET, recvmsg)
HOOK(SOCKET, recvmmsg)
HOOK(SOCKET, send)
HOOK(SOCKET, sendto)
HOOK(SOCKET, sendmsg)
HOOK(SOCKET, sendmmsg)
HOOK(SOCKET, accept)
HOOK(SOCKET, accept4)
HOOK(SOCKET, connect)
HOOK(SOCKET, socket)
HOOK(SOCKET, socketpair)
HOOK(SOCKET, pipe)
HOOK(SOCKET, pipe2)
HOOK(SOCKET | THRUM_MONKEY_FILE, close)
HOOK(SOCKET | THRUM_MONKEY_FILE, close_range)
HOOK(SOCKET | THRUM_MONKEY_FILE, closefrom)
HOOK(SOCKET | THRUM_MONKEY_FILE, dup)
HOOK(SOCKET | THRUM_MONKEY_FILE, dup2)
HOOK(SOCKET | THRUM_MONKEY_FILE, dup3)
HOOK(SOCKET | THRUM_MONKEY_FILE, fcntl)
ALIAS(SOCKET | THRUM_MONKEY_FILE, fcntl64, fcntl)
ALIAS(SOCKET | THRUM_MONKEY_FILE, __fcntl, fcntl)
ALIAS(SOCKET | THRUM_MONKEY_FILE, __read, read)
ALIAS(SOCKET | THRUM_MONKEY_FILE, __write, write)
ALIAS(SOCKET, __recv, recv)
ALIAS(SOCKET, __send, send)
ALIAS(SOCKET, __connect, connect)
ALIAS(SOCKET, __socket, socket)
ALIAS(SOCKET, __pipe, pipe)
ALIAS(SOCKET | THRUM_MONKEY_FILE, __close, close)
ALIAS(SOCKET | THRUM_MONKEY_FILE, __dup2, dup2)

/* ---- names ---- */
HOOK(DNS, getaddrinfo)
HOOK(DNS, getnameinfo)

/* clang-format on */
