/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - a fuzz target: one function that gets bytes and must survive them.
 *
 * libFuzzer calls it with bytes that it made up, fuzz_main.c with those of the
 * corpus, as a test of every build. A target aborts when something is wrong.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As assert(), also in release builds. */
#define FUZZ_CHECK(condition) \
 ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))

__attribute__((noreturn)) static inline void
fuzz_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
    abort();
}

#endif /* FUZZ_H */
