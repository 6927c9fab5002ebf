/* SPDX-License-Identifier: MIT */
/*
 * green_patched.c - the call waits as greenlets do, since what it calls does.
 *
 * libc is patched for as long as there is the executor. A transfer needs a stack:
 * libcurl with TLS has been seen to use 14 KiB. And it needs descriptors: its
 * socket, and the two of a pair by which libcurl could be woken. The engine
 * `epoll` waits for two at once as they are, `uring` takes one more for that; so
 * the first is taken, unless the user wants the other. Of the descriptors that
 * the process may have a part is left for what some transfers have beside:
 * another socket while a redirection leads elsewhere or two addresses are tried,
 * a name being looked up.
 */
#include "green.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <thrum/green_pool.h>
#include <thrum/monkey.h>

#define GREEN_MOST         65536
#define GREEN_FDS          3  /* of a transfer */
#define GREEN_FDS_OWN      64 /* of the rest of the program */
#define GREEN_FDS_SPARE(n) ((n) / 8)

#if defined(__has_feature)
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define GREEN_SANITIZED 1
# endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
# define GREEN_SANITIZED 1
#endif
#ifdef GREEN_SANITIZED /* its code has larger frames */
# define GREEN_STACK (1024 * 1024)
#else
# define GREEN_STACK (256 * 1024)
#endif

const char green_label[] = "green";
const char green_about[] = "greenlets: all in one thread";
const bool green_is_many = true;

/* How many descriptors a transfer has. */
static unsigned green_fds(bool save)
{
    const char *engine = getenv("THRUM_LOOP");
    bool one_more = engine != NULL && strcmp(engine, "uring") == 0;

    return GREEN_FDS + one_more + save;
}

int green_fits(bool save)
{
    struct rlimit limit;
    rlim_t n;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
        limit.rlim_cur / GREEN_FDS > GREEN_MOST)
        return GREEN_MOST;
    n = limit.rlim_cur > GREEN_FDS_OWN ? limit.rlim_cur - GREEN_FDS_OWN : 0;
    n = (n - GREEN_FDS_SPARE(n)) / green_fds(save);
    return n > 0 ? (int)n : 1;
}

int green_make(const struct executor_setup *setup, thrum_executor **ret)
{
    thrum_green_pool_options options = THRUM_GREEN_POOL_OPTIONS;
    int rc;

    setenv("THRUM_LOOP", "epoll", 0); /* there is no hub yet */
    rc = thrum_monkey_patch_all();
    if (rc != 0)
        return rc;
    options.limit = setup->workers;
    options.stack_size = GREEN_STACK;
    rc = thrum_green_pool_new(&options, ret);
    if (rc != 0)
        green_leave();
    return rc;
}

void green_leave(void)
{
    (void)thrum_monkey_unpatch(THRUM_MONKEY_ALL);
}

int green_call(thrum_fn *fn, void *arg)
{
    fn(arg);
    return 0;
}
