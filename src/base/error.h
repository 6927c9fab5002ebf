/* SPDX-License-Identifier: MIT */
/*
 * base/error.h - making and freeing errors.
 */
#ifndef THRUMI_BASE_ERROR_H
#define THRUMI_BASE_ERROR_H

#include <stdarg.h>

#include <thrum/error.h>

/* Makes an error; `format` NULL takes the code's own text. Never fails: out of
 * memory, it is one of a fixed stock that keeps the code. */
thrum_error *thrumi_error_new(int code, const char *format, ...)
    THRUM_PRINTF(2, 3);
thrum_error *thrumi_error_new_at(const char *file, int line, int code,
                                 const char *format, va_list args)
    THRUM_PRINTF(4, 0);

/* What an error says; the texts may be NULL but for the message. */
struct thrumi_error_parts {
    int code;
    int line;
    int pid;
    int signal;
    int exit_code;
    const char *message;
    const char *file;
    const char *backtrace;
};

/* An error with copies of all of it; likewise never NULL. */
thrum_error *thrumi_error_of(const struct thrumi_error_parts *parts);

/* Frees an error and its causes. */
void thrumi_error_free(const thrum_error *error);

/* A copy that lives on its own, causes included. */
thrum_error *thrumi_error_copy(const thrum_error *error);

/* Makes `cause` what stood behind `error`, which now owns it. */
void thrumi_error_set_cause(thrum_error *error, const thrum_error *cause);

/* Hands an error that nobody will ask for to the program; frees it. */
void thrumi_error_unhandled(thrum_error *error);

#endif /* THRUMI_BASE_ERROR_H */
