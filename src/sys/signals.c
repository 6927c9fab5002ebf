/* SPDX-License-Identifier: MIT */
/*
 * sys/signals.c - signals by number.
 */
#include "sys/signals.h"

#include <signal.h>
#include <stddef.h>

static const struct {
    int number;
    const char *name;
} signals_known[] = {
    {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},
    {SIGILL, "SIGILL"},   {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"},
    {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},   {SIGKILL, "SIGKILL"},
    {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
    {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},
    {SIGXCPU, "SIGXCPU"}, {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
};

bool thrumi_signal_exists(int number)
{
    return number >= 1 && number <= SIGRTMAX;
}

const char *thrumi_signal_name(int number)
{
    for (size_t i = 0; i < sizeof(signals_known) / sizeof(signals_known[0]);
         i++)
        if (signals_known[i].number == number)
            return signals_known[i].name;
    return "a signal";
}

static bool signals_is_fault(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
           number == SIGILL || number == SIGTRAP || number == SIGSYS ||
           number == SIGABRT;
}

bool thrumi_signal_ends_calls(void)
{
    struct sigaction action;

    for (int i = 1; i <= SIGRTMAX; i++)
        if (!signals_is_fault(i) && sigaction(i, NULL, &action) == 0 &&
            action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
            (action.sa_flags & SA_RESTART) == 0)
            return true;
    return false;
}
