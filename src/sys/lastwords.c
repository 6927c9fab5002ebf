/* SPDX-License-Identifier: MIT */
/*
 * sys/lastwords.c - where a process was when it crashed.
 *
 * The handlers are for worker processes, which are the library's own, never for
 * a program's process. Each is for one time: the signal is as it was before
 * when the handler runs, so that what comes next kills, be it the same fault
 * again or one in here.
 */
#include "sys/lastwords.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sys/unwind.h"

#define LAST_WORDS_FRAMES 32
#define LAST_WORDS_STACK  ((size_t)64 * 1024)

static struct {
    char *text;
    size_t size;
    atomic_uint *length;
    char stack[LAST_WORDS_STACK];
} last_words;

/* The handler and what called it are left out. */
#define LAST_WORDS_SKIP 2

static void last_words_write(void)
{
    void *frames[LAST_WORDS_FRAMES];
    int n = thrumi_unwind(frames, LAST_WORDS_FRAMES);
    size_t used = 0;

    for (int i = LAST_WORDS_SKIP; i < n && used < last_words.size - 1; i++) {
        char name[256];
        int length;

        thrumi_unwind_name(frames[i], name, sizeof(name));
        length =
            snprintf(last_words.text + used, last_words.size - used,
                     "#%-2d %p %s\n", i - LAST_WORDS_SKIP, frames[i], name);
        used += (size_t)length;
    }
    if (used >= last_words.size)
        used = last_words.size - 1;
    /* release: pairs with the acquire of whoever reads the text */
    atomic_store_explicit(last_words.length, (unsigned)used,
                          memory_order_release);
}

static void last_words_handler(int number, siginfo_t *info, void *context)
{
    (void)context;
    last_words_write();
    /* sent, not made by an instruction that would fault again */
    if (info->si_code <= 0)
        raise(number);
}

void thrumi_last_words_install(char *text, size_t size, atomic_uint *length)
{
    static const int crashes[] = {SIGSEGV, SIGBUS,  SIGFPE,
                                  SIGILL,  SIGABRT, SIGSYS};
    stack_t stack = {.ss_sp = last_words.stack, .ss_size = LAST_WORDS_STACK};
    struct sigaction action = {.sa_sigaction = last_words_handler,
                               .sa_flags =
                                   SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};

    last_words.text = text;
    last_words.size = size;
    last_words.length = length;
    thrumi_unwind_prepare();
    sigemptyset(&action.sa_mask);
    if (sigaltstack(&stack, NULL) != 0)
        return;
    for (unsigned i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
        sigaction(crashes[i], &action, NULL);
}
