/* SPDX-License-Identifier: MIT */
/*
 * monkey/blocking.h - functions of libc that may block their thread, by what
 * they wait for; and those of monkey/list.h that do not.
 *
 *     BLOCKS(group, name)  may block, and has no hook: when it gets one its line
 *                          here goes
 *     HARMLESS(name)       has a hook, but for its bookkeeping
 *
 * For the report alone: what is called by none of these names is not told of. Not
 * here is what waits for nothing but the disk (readdir, fopen), or for whatever
 * the device likes (ioctl). Read with both macros defined, more than once.
 */
/* clang-format off */

/* ---- descriptors ---- */
BLOCKS(DESCRIPTORS, syslog)
BLOCKS(DESCRIPTORS, __syslog_chk)
BLOCKS(DESCRIPTORS, vsyslog)
BLOCKS(DESCRIPTORS, __vsyslog_chk)

/* ---- names ---- */
BLOCKS(NAMES, getaddrinfo_a)
BLOCKS(NAMES, gai_suspend)
BLOCKS(NAMES, getgrouplist)
BLOCKS(NAMES, initgroups)
BLOCKS(NAMES, getpwent)
BLOCKS(NAMES, getpwent_r)
BLOCKS(NAMES, getgrent)
BLOCKS(NAMES, getgrent_r)
BLOCKS(NAMES, getspnam)
BLOCKS(NAMES, getspnam_r)
BLOCKS(NAMES, innetgr)
BLOCKS(NAMES, getnetbyname)
BLOCKS(NAMES, getnetbyname_r)
BLOCKS(NAMES, getprotobyname)
BLOCKS(NAMES, getprotobyname_r)

/* ---- processes ---- */
BLOCKS(PROCESSES, wordexp)
BLOCKS(PROCESSES, rcmd)
BLOCKS(PROCESSES, rexec)

/* ---- stdio, of what is no file ---- */
BLOCKS(STDIO, fgets_unlocked)
BLOCKS(STDIO, __fgets_unlocked_chk)
BLOCKS(STDIO, fread_unlocked)
BLOCKS(STDIO, __fread_unlocked_chk)
BLOCKS(STDIO, fgetc_unlocked)
BLOCKS(STDIO, fwrite_unlocked)
BLOCKS(STDIO, fputs_unlocked)
BLOCKS(STDIO, fputc_unlocked)
BLOCKS(STDIO, fflush_unlocked)
BLOCKS(STDIO, fscanf)
BLOCKS(STDIO, scanf)
BLOCKS(STDIO, vfscanf)
BLOCKS(STDIO, vscanf)
BLOCKS(STDIO, __isoc23_fscanf)
BLOCKS(STDIO, __isoc23_scanf)
BLOCKS(STDIO, __isoc23_vfscanf)
BLOCKS(STDIO, __isoc23_vscanf)
BLOCKS(STDIO, fgetwc)
BLOCKS(STDIO, getwc)
BLOCKS(STDIO, getwchar)
BLOCKS(STDIO, fgetws)
BLOCKS(STDIO, fputwc)
BLOCKS(STDIO, putwc)
BLOCKS(STDIO, fputws)
BLOCKS(STDIO, fwscanf)
BLOCKS(STDIO, fwprintf)
BLOCKS(STDIO, wprintf)
BLOCKS(STDIO, getw)
BLOCKS(STDIO, getpass)

/* ---- other processes ---- */
BLOCKS(MESSAGES, msgsnd)
BLOCKS(MESSAGES, msgrcv)
BLOCKS(MESSAGES, semop)
BLOCKS(MESSAGES, semtimedop)
BLOCKS(MESSAGES, aio_suspend)
BLOCKS(MESSAGES, aio_suspend64)
BLOCKS(MESSAGES, lio_listio)
BLOCKS(MESSAGES, lio_listio64)

/* ---- signals ---- */
BLOCKS(SIGNALS, sigpause)
BLOCKS(SIGNALS, __sigpause)

/* ---- whatever the caller has in mind ---- */
BLOCKS(RAW, syscall)

/* ---- what does not wait ---- */
HARMLESS(dlopen)
HARMLESS(dlsym)
HARMLESS(vfork)
HARMLESS(socket)
HARMLESS(__socket)
HARMLESS(socketpair)
HARMLESS(pipe)
HARMLESS(__pipe)
HARMLESS(pipe2)
HARMLESS(dup)
HARMLESS(dup2)
HARMLESS(__dup2)
HARMLESS(dup3)
HARMLESS(close_range)
HARMLESS(closefrom)
HARMLESS(pthread_mutex_trylock)
HARMLESS(__pthread_mutex_trylock)
HARMLESS(pthread_mutex_unlock)
HARMLESS(__pthread_mutex_unlock)
HARMLESS(pthread_cond_signal)
HARMLESS(pthread_cond_broadcast)
HARMLESS(pthread_rwlock_unlock)
HARMLESS(__pthread_rwlock_unlock)
HARMLESS(sem_post)
HARMLESS(mtx_trylock)
HARMLESS(mtx_unlock)
HARMLESS(cnd_signal)
HARMLESS(cnd_broadcast)
HARMLESS(sched_yield)
HARMLESS(__sched_yield)
HARMLESS(thrd_yield)
HARMLESS(popen)
HARMLESS(funlockfile)

/* clang-format on */
