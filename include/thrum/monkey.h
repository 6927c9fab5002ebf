/* SPDX-License-Identifier: MIT */
/*
 * thrum/monkey.h - code that blocks becomes cooperative, unmodified.
 *
 * A C library calls the functions of libc through import slots, words in its
 * data that the loader has filled in. Patching writes other functions into the
 * slots of all objects that are loaded: in a greenlet they let the others of the
 * thread go on while they wait, and everywhere else they are the original and one
 * branch. So libcurl, libpq or hiredis, as they are installed, run by the
 * thousand on one thread:
 *
 *     static void *get(void *url)
 *     {
 *         ... curl_easy_perform(curl) ...
 *     }
 *
 *     rc = thrum_monkey_patch_all();
 *     for (i = 0; i < n; i++)
 *         rc = thrum_spawn_with(get, urls[i], 0, &large, &futures[i]);
 *
 * It needs no preload, may be done at any time, by a library too, and can be
 * undone. O_NONBLOCK of a descriptor is not touched, but for the moment in which a
 * UNIX socket connects. What a wait is ended by is told as libc does, by -1 and
 * errno: ECANCELED when the greenlet is killed, ETIMEDOUT past the deadline of a
 * THRUM_WITH_DEADLINE block.
 *
 * A signal handler that runs while all wait ends poll, select, epoll_wait and
 * sleeps with EINTR. Calls that SA_RESTART is for, read, recv, accept and so on, it
 * ends without that flag, if they are of the thread's own program: those of
 * greenlets go on, and connect does, too. What a handler calls is the original, if
 * it has a stack of its own or has interrupted the hub; on a greenlet's own stack
 * it may wait as that does, so it had better not block there. Nor should it close
 * descriptors.
 *
 * Locks on files are tried for until they are had. Those of lockf() and F_SETLKW
 * are the process's: they exclude no greenlets, and EDEADLK is not told; those of
 * flock() and F_OFD_SETLKW are the open file's, and do (P41).
 *
 * Waits for locks of pthreads, for semaphores and threads are ended by no kill and
 * no deadline of a block (P20).
 *
 * What cannot be reached is told by thrum_monkey_report(): what an object calls
 * inside of itself, what libc does inside of its own functions, system calls
 * made without libc, programs that are linked statically. And while the program
 * runs with THRUM_MONKEY_WATCH=1 in its environment, on standard error: who
 * blocks all the same, and where; with 2, each call that could.
 *
 * These functions are in libthrum-monkey (-lthrum-monkey). Rules: P1-P49.
 */
#ifndef THRUM_MONKEY_H
#define THRUM_MONKEY_H

#include <stdio.h>

#include <thrum/base.h>

THRUM_BEGIN_DECLS

/* Families of functions, each a bit. */
typedef enum thrum_monkey_family {
    THRUM_MONKEY_SOCKET = 1u << 0,  /* sockets and pipes: read, write, recv,
                                     * send, connect, accept, close */
    THRUM_MONKEY_SELECT = 1u << 1,  /* poll, select, epoll_wait */
    THRUM_MONKEY_TIME = 1u << 2,    /* sleep, nanosleep */
    THRUM_MONKEY_DNS = 1u << 3,     /* getaddrinfo, gethostbyname, res_query */
    THRUM_MONKEY_PROCESS = 1u << 4, /* waitpid, system, pclose */
    THRUM_MONKEY_FILE = 1u << 5,    /* files: open, read, fsync, flock */
    THRUM_MONKEY_STDIO = 1u << 6,   /* fgets, fprintf on pipes, sockets, ttys */
    THRUM_MONKEY_LOCK = 1u << 7,    /* pthread_mutex_lock, sem_wait, join */
    THRUM_MONKEY_SIGNAL = 1u << 8,  /* sigwait, pause */
} thrum_monkey_family;

#define THRUM_MONKEY_ALL 0x1ffu

/* Patches these families; what is patched already stays so.
 *
 * Call from:  any thread or greenlet, at any time; not from a signal handler.
 * Blocks:     no.
 * Ownership:  -
 * Returns:    0; -EINVAL for bits that are no family; -EACCES, -EPERM or what
 *             the system says when a slot is in memory that may not be made
 *             writable: then nothing has changed; -ENOTSUP on a processor whose
 *             slots are not known. */
THRUM_API THRUM_MUST_USE int thrum_monkey_patch(unsigned families);
THRUM_API THRUM_MUST_USE int thrum_monkey_patch_all(void);

/* Puts the originals back. Calls that are under way end as they have begun.
 *
 * Call from:  as thrum_monkey_patch().
 * Blocks:     no.
 * Ownership:  -
 * Returns:    as thrum_monkey_patch(). */
THRUM_API int thrum_monkey_unpatch(unsigned families);

/* Looks at all slots again, and writes those that were overwritten meanwhile,
 * by a loader that was binding them in another thread.
 *
 * Call from:  as thrum_monkey_patch().
 * Blocks:     no.
 * Ownership:  -
 * Returns:    how many were written; as thrum_monkey_patch(). */
THRUM_API int thrum_monkey_check(void);

/* Is this function of libc patched now?
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  borrows the name.
 * Returns:    whether it is: false for names that Thrum does not know. */
THRUM_API bool thrum_monkey_is_patched(const char *symbol);

/* The function that a patched one stands for: libc's, or that of a sanitizer or
 * of a library that was preloaded.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     no.
 * Ownership:  borrows the name.
 * Returns:    the function; NULL for names that Thrum does not know, and for what
 *             this libc does not have. */
THRUM_API void *thrum_monkey_original(const char *symbol);

/* Writes what is patched and what is not: a line for each loaded object, and
 * below it what it calls that still blocks, system calls that it makes without
 * libc, pointers to functions in its data.
 *
 * Call from:  any thread or greenlet.
 * Blocks:     as writing to the stream does.
 * Ownership:  borrows the stream.
 * Returns:    0; -EIO when the stream has an error; -ENOMEM. */
THRUM_API int thrum_monkey_report(FILE *stream);

THRUM_END_DECLS

#endif /* THRUM_MONKEY_H */
