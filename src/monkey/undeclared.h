/* SPDX-License-Identifier: MIT */
/*
 * monkey/undeclared.h - functions of libc that no header of its declares, or
 * only for some programs: what compilers and the headers' inline functions call.
 */
#ifndef THRUMI_MONKEY_UNDECLARED_H
#define THRUMI_MONKEY_UNDECLARED_H

#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* With -D_FORTIFY_SOURCE; `room` is what the compiler knows of the buffer. */
ssize_t __read_chk(int fd, void *into, size_t n, size_t room);
ssize_t __recv_chk(int fd, void *into, size_t n, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *into, size_t n, size_t room, int flags,
                       struct sockaddr *address, socklen_t *length);
ssize_t __pread_chk(int fd, void *into, size_t n, off_t offset, size_t room);
int __open_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *span,
                const sigset_t *mask, size_t room);

/* Newer than some of the libraries that this is built with. */
int epoll_pwait2(int epoll, struct epoll_event *events, int most,
                 const struct timespec *span, const sigset_t *mask);

char *__fgets_chk(char *into, size_t room, int n, FILE *stream);
size_t __fread_chk(void *into, size_t room, size_t size, size_t count,
                   FILE *stream);
int __vasprintf_chk(char **ret, int flag, const char *format,
                    va_list arguments);
int __vfprintf_chk(FILE *stream, int flag, const char *format,
                   va_list arguments);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __printf_chk(int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);

/* As the C of 1999 has them; <stdio.h> gives them the old names. */
int __isoc99_vfscanf(FILE *stream, const char *format, va_list arguments);
int __isoc99_fscanf(FILE *stream, const char *format, ...);
int __isoc99_scanf(const char *format, ...);
int __isoc99_vscanf(const char *format, va_list arguments);

/* Of programs that were linked before glibc 2.33. */
int __xstat(int version, const char *path, struct stat *into);
int __lxstat(int version, const char *path, struct stat *into);
int __fxstatat(int version, int folder, const char *path, struct stat *into,
               int flags);

#endif /* THRUMI_MONKEY_UNDECLARED_H */
