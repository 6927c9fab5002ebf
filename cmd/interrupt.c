/* SPDX-License-Identifier: MIT */
/*
 * interrupt.c - Ctrl-C as a flag and as a descriptor.
 *
 * The handler keeps the signal's number and writes a byte into a pipe that
 * nobody ever empties: so whoever polls the pipe, in any thread and at any
 * later time, wakes at once. The second signal ends the program right there.
 *
 * The state is of the whole process because signals are.
 */
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static atomic_int interrupt_caught; /* the signal, or 0 */
static _Atomic(const char *) interrupt_last_words;
static int interrupt_pipe[2] = {-1, -1};

static void interrupt_handle(int number)
{
    int none = 0;
    int saved = errno;
    const char *words;

    if (atomic_compare_exchange_strong(&interrupt_caught, &none, number)) {
        ssize_t written = write(interrupt_pipe[1], "", 1);
        (void)written;
        errno = saved;
        return;
    }
    words = atomic_load(&interrupt_last_words);
    if (words != NULL) {
        ssize_t written = write(STDERR_FILENO, words, strlen(words));
        (void)written;
    }
    _exit(128 + number);
}

int interrupt_catch(void)
{
    struct sigaction action;

    if (interrupt_pipe[0] < 0 &&
        pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = interrupt_handle;
    if (sigaction(SIGINT, &action, NULL) < 0 ||
        sigaction(SIGTERM, &action, NULL) < 0)
        return -errno;
    action.sa_handler = SIG_IGN;
    return sigaction(SIGPIPE, &action, NULL) < 0 ? -errno : 0;
}

int interrupt_leave(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGPIPE};
    const struct sigaction action = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (sigaction(numbers[i], &action, NULL) < 0)
            return -errno;
    return 0;
}

int interrupt_signal(void)
{
    return atomic_load(&interrupt_caught);
}

int interrupt_fd(void)
{
    return interrupt_pipe[0];
}

bool interrupt_sleep(int ms)
{
    struct pollfd fd = {interrupt_pipe[0], POLLIN, 0};

    /* EINTR comes from the very signal that we look for, or is harmless. */
    return poll(&fd, 1, ms) > 0 || interrupt_signal() != 0;
}

void interrupt_set_last_words(const char *text)
{
    atomic_store(&interrupt_last_words, text);
}
