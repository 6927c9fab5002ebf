/* SPDX-License-Identifier: MIT */
/*
 * waits_event.c - waits for what is ready, for the clock, signals, names and
 * locks.
 */
#include "waits.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "names.h"

static long wait_of_number(int rc)
{
    errno = rc;
    return rc == 0 ? 0 : -1;
}

/* ---- readiness ---- */

static long wait_in_poll(struct wait *wait)
{
    struct pollfd one = {wait->ends.here, POLLIN, 0};

    return poll(&one, 1, -1);
}

static long wait_in_poll_of_two(struct wait *wait)
{
    struct pollfd two[2] = {{wait->ends.here, POLLIN, 0},
                            {wait->ends.there, POLLPRI, 0}};

    return poll(two, 2, 1000000);
}

static long wait_in_ppoll(struct wait *wait)
{
    struct pollfd one = {wait->ends.here, POLLIN, 0};
    sigset_t mask;

    sigemptyset(&mask);
    return ppoll(&one, 1, NULL, &mask);
}

static long wait_in_select(struct wait *wait)
{
    struct timeval span = {1000, 0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(wait->ends.here, &set);
    return select(wait->ends.here + 1, &set, NULL, NULL, &span);
}

static long wait_in_pselect(struct wait *wait)
{
    sigset_t mask;
    fd_set set;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    FD_ZERO(&set);
    FD_SET(wait->ends.here, &set);
    return pselect(wait->ends.here + 1, &set, NULL, NULL, NULL, &mask);
}

static void wait_make_epoll(struct wait *wait)
{
    struct epoll_event event = {.events = EPOLLIN};

    wait->ends = ends_of_pipe();
    wait->other = epoll_create1(0);
    CHECK_INT(epoll_ctl(wait->other, EPOLL_CTL_ADD, wait->ends.here, &event),
              0);
}

static long wait_in_epoll(struct wait *wait)
{
    struct epoll_event event;

    return epoll_wait(wait->other, &event, 1, -1);
}

static long wait_in_epoll_pwait(struct wait *wait)
{
    struct epoll_event event;
    sigset_t mask;

    sigemptyset(&mask);
    return epoll_pwait(wait->other, &event, 1, -1, &mask);
}

/* ---- time ---- */

static long wait_in_sleep(struct wait *wait)
{
    (void)wait;
    return sleep(1000) == 0 ? 0 : -1;
}

static long wait_in_usleep(struct wait *wait)
{
    (void)wait;
    return usleep(1000000000);
}

static long wait_in_nanosleep(struct wait *wait)
{
    struct timespec span = {1000, 0};

    (void)wait;
    return nanosleep(&span, &span);
}

static long wait_in_realtime(struct wait *wait)
{
    struct timespec at;

    (void)wait;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += 1000;
    return wait_of_number(
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL));
}

static long wait_in_boottime(struct wait *wait)
{
    struct timespec span = {1000, 0};

    (void)wait;
    return wait_of_number(clock_nanosleep(CLOCK_BOOTTIME, 0, &span, &span));
}

/* ---- signals ---- */

static void wait_make_signal(struct wait *wait)
{
    sigset_t set;

    (void)wait;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

static void wait_drop_signal(struct wait *wait)
{
    sigset_t set;

    (void)wait;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
}

static long wait_in_sigwait(struct wait *wait)
{
    sigset_t set;
    int signal;

    (void)wait;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return wait_of_number(sigwait(&set, &signal));
}

static long wait_in_sigtimedwait(struct wait *wait)
{
    struct timespec span = {1000, 0};
    sigset_t set;

    (void)wait;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return sigtimedwait(&set, NULL, &span);
}

static void wait_let_signal(struct wait *wait)
{
    (void)wait;
    CHECK_INT(pthread_kill(pthread_self(), SIGUSR1), 0);
}

static void wait_handle(int number)
{
    (void)number;
}

static void wait_make_handler(struct wait *wait)
{
    struct sigaction action = {.sa_handler = wait_handle};

    (void)wait;
    CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
}

static void wait_drop_handler(struct wait *wait)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    (void)wait;
    CHECK_INT(sigaction(SIGUSR1, &action, NULL), 0);
}

/* EINTR is how these end. */
static long wait_of_handler(int rc)
{
    return rc == -1 && errno == EINTR ? 0 : -1;
}

static long wait_in_pause(struct wait *wait)
{
    (void)wait;
    return wait_of_handler(pause());
}

static long wait_in_sigsuspend(struct wait *wait)
{
    sigset_t set;

    (void)wait;
    sigemptyset(&set);
    return wait_of_handler(sigsuspend(&set));
}

/* ---- names ---- */

static void wait_make_names(struct wait *wait)
{
    (void)wait;
    names_close();
}

static long wait_in_getaddrinfo(struct wait *wait)
{
    struct addrinfo *list = NULL;
    int code = getaddrinfo("later.localhost", NULL, NULL, &list);

    (void)wait;
    if (code == EAI_MEMORY)
        errno = ENOMEM;
    if (code == 0)
        freeaddrinfo(list);
    return code == 0 ? 0 : -1;
}

static void wait_let_names(struct wait *wait)
{
    (void)wait;
    (void)names_open(NULL);
}

static void wait_drop_names(struct wait *wait)
{
    (void)wait;
    (void)names_open(NULL);
    WAIT_UNTIL(names_waiting() == 0);
}

/* ---- locks ---- */

static void wait_make_mutex(struct wait *wait)
{
    CHECK_INT(pthread_mutex_init(&wait->mutex, NULL), 0);
    CHECK_INT(pthread_cond_init(&wait->condition, NULL), 0);
    CHECK_INT(sem_init(&wait->semaphore, 0, 0), 0);
    CHECK_INT(pthread_mutex_lock(&wait->mutex), 0);
}

static void wait_drop_mutex(struct wait *wait)
{
    CHECK_INT(pthread_mutex_destroy(&wait->mutex), 0);
    CHECK_INT(pthread_cond_destroy(&wait->condition), 0);
    CHECK_INT(sem_destroy(&wait->semaphore), 0);
}

static long wait_in_mutex(struct wait *wait)
{
    int rc = pthread_mutex_lock(&wait->mutex);

    if (rc == 0)
        CHECK_INT(pthread_mutex_unlock(&wait->mutex), 0);
    return wait_of_number(rc);
}

static void wait_let_unlock(struct wait *wait)
{
    CHECK_INT(pthread_mutex_unlock(&wait->mutex), 0);
}

static void wait_make_condition(struct wait *wait)
{
    wait_make_mutex(wait);
    wait_let_unlock(wait);
}

static long wait_in_condition(struct wait *wait)
{
    int rc = pthread_mutex_lock(&wait->mutex);

    CHECK_INT(rc, 0);
    while (rc == 0 && !wait->flag)
        rc = pthread_cond_wait(&wait->condition, &wait->mutex);
    CHECK_INT(pthread_mutex_unlock(&wait->mutex), 0);
    return wait_of_number(rc);
}

static void wait_let_signalled(struct wait *wait)
{
    CHECK_INT(pthread_mutex_lock(&wait->mutex), 0);
    wait->flag = true;
    CHECK_INT(pthread_cond_signal(&wait->condition), 0);
    CHECK_INT(pthread_mutex_unlock(&wait->mutex), 0);
}

static long wait_in_semaphore(struct wait *wait)
{
    return sem_wait(&wait->semaphore);
}

static void wait_let_post(struct wait *wait)
{
    CHECK_INT(sem_post(&wait->semaphore), 0);
}

/* clang-format off */
const struct wait_kind waits_event[] = {
    {"poll", wait_make_pipe, wait_in_poll, wait_let_in, wait_drop_ends, 0},
    {"poll of two", wait_make_stream, wait_in_poll_of_two, wait_let_in, wait_drop_ends, 0},
    {"ppoll", wait_make_pipe, wait_in_ppoll, wait_let_in, wait_drop_ends, 0},
    {"select", wait_make_pipe, wait_in_select, wait_let_in, wait_drop_ends, 0},
    {"pselect", wait_make_pipe, wait_in_pselect, wait_let_in, wait_drop_ends, 0},
    {"epoll_wait", wait_make_epoll, wait_in_epoll, wait_let_in, wait_drop_ends, 0},
    {"epoll_pwait", wait_make_epoll, wait_in_epoll_pwait, wait_let_in, wait_drop_ends, 0},
    {"sleep", wait_make_nothing, wait_in_sleep, NULL, wait_make_nothing, WAIT_ENDLESS},
    {"usleep", wait_make_nothing, wait_in_usleep, NULL, wait_make_nothing, WAIT_ENDLESS},
    {"nanosleep", wait_make_nothing, wait_in_nanosleep, NULL, wait_make_nothing, WAIT_ENDLESS},
    {"a clock that is set", wait_make_nothing, wait_in_realtime, NULL, wait_make_nothing, WAIT_ENDLESS},
    {"a clock that suspends", wait_make_nothing, wait_in_boottime, NULL, wait_make_nothing, WAIT_ENDLESS},
    {"sigwait", wait_make_signal, wait_in_sigwait, wait_let_signal, wait_drop_signal, 0},
    {"sigtimedwait", wait_make_signal, wait_in_sigtimedwait, wait_let_signal, wait_drop_signal, 0},
    {"pause", wait_make_handler, wait_in_pause, wait_let_signal, wait_drop_handler, WAIT_ONCE},
    {"sigsuspend", wait_make_handler, wait_in_sigsuspend, wait_let_signal, wait_drop_handler, WAIT_ONCE},
    {"getaddrinfo", wait_make_names, wait_in_getaddrinfo, wait_let_names, wait_drop_names, WAIT_BY_THREAD},
    {"pthread_mutex_lock", wait_make_mutex, wait_in_mutex, wait_let_unlock, wait_drop_mutex, WAIT_STUBBORN},
    {"pthread_cond_wait", wait_make_condition, wait_in_condition, wait_let_signalled, wait_drop_mutex, WAIT_STUBBORN},
    {"sem_wait", wait_make_condition, wait_in_semaphore, wait_let_post, wait_drop_mutex, WAIT_STUBBORN},
    {NULL, NULL, NULL, NULL, NULL, 0},
};
/* clang-format on */
