/* SPDX-License-Identifier: MIT */
/*
 * sys/ask.c - asking another thread where it is, by a signal.
 *
 * The word of the one question there can be:
 *
 *     0 none
 *     1 asked       whoever is asked may take it, or the one who asked give up
 *     2 answering   the handler writes the frames
 *     3 answered
 *
 * so the handler of a question that was given up finds nothing to do, and the
 * frames have one writer.
 *
 * Locking: the caller sees to it that one asks at a time.
 */
#include "sys/ask.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/interrupted.h"
#include "sys/look.h"
#include "sys/park.h"
#include "sys/unwind.h"

#define ASK_FRAMES 128

enum {
    ASK_NONE = 0,
    ASK_ASKED = 1,
    ASK_ANSWERING = 2,
    ASK_ANSWERED = 3,
};

static struct {
    atomic_uint word;
    atomic_int thread; /* who is asked */
    /* the answer: */
    int count;
    const void *pc;
    void *frames[ASK_FRAMES];
} ask_state;

static bool ask_move(unsigned from, unsigned to)
{
    /* acquire, release: pairs with itself on the other side */
    return atomic_compare_exchange_strong_explicit(
        &ask_state.word, &from, to, memory_order_acq_rel, memory_order_relaxed);
}

static void ask_handler(int number, siginfo_t *info, void *context)
{
    int error = errno;

    (void)number;
    (void)info;
    if (atomic_load_explicit(&ask_state.thread, memory_order_relaxed) ==
            thrumi_thread_number() &&
        ask_move(ASK_ASKED, ASK_ANSWERING)) {
        ask_state.pc = thrumi_interrupted_at(context).pc;
        ask_state.count = thrumi_unwind(ask_state.frames, ASK_FRAMES);
        /* release: pairs with the acquire in ask_wait() */
        atomic_store_explicit(&ask_state.word, ASK_ANSWERED,
                              memory_order_release);
        thrumi_wake_word(&ask_state.word, 1);
    }
    errno = error;
}

int thrumi_ask_prepare(int signal)
{
    struct sigaction ours = {.sa_sigaction = ask_handler,
                             .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    struct sigaction now;

    if (sigaction(signal, NULL, &now) != 0)
        return -EINVAL;
    if ((now.sa_flags & SA_SIGINFO) != 0
            ? now.sa_sigaction != ask_handler
            : now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN)
        return -EBUSY;
    thrumi_unwind_prepare(); /* the handler must not load anything */
    sigfillset(&ours.sa_mask);
    return sigaction(signal, &ours, NULL) == 0 ? 0 : -EINVAL;
}

/* True: there is an answer. */
static bool ask_wait(thrum_time deadline)
{
    unsigned word;
    int rc = 0;

    for (;;) {
        word = atomic_load_explicit(&ask_state.word, memory_order_acquire);
        if (word == ASK_ANSWERED)
            return true;
        if (rc != 0 && ask_move(ASK_ASKED, ASK_NONE))
            return false;
        /* once it is answering it will have answered soon */
        rc = thrumi_park_word(&ask_state.word, word,
                              rc == 0 ? deadline : THRUM_FOREVER);
    }
}

/* The frames of the handler and of the kernel's call of it are left out. */
static int ask_take(void **frames, int max)
{
    int first = 0;

    while (first < ask_state.count && ask_state.frames[first] != ask_state.pc)
        first++;
    if (first == ask_state.count)
        first = 0;
    if (max > ask_state.count - first)
        max = ask_state.count - first;
    memcpy(frames, ask_state.frames + first, (size_t)max * sizeof(*frames));
    return max;
}

int thrumi_ask_frames(int thread, int signal, thrum_time deadline,
                      void **frames, int max)
{
    int n = 0;

    atomic_store_explicit(&ask_state.thread, thread, memory_order_relaxed);
    /* release: pairs with ask_move() in the handler */
    atomic_store_explicit(&ask_state.word, ASK_ASKED, memory_order_release);
    if (syscall(SYS_tgkill, getpid(), thread, signal) == 0 &&
        ask_wait(deadline))
        n = ask_take(frames, max);
    atomic_store_explicit(&ask_state.word, ASK_NONE, memory_order_relaxed);
    return n;
}
