/* SPDX-License-Identifier: MIT */
/*
 * waits.c - see waits.h.
 */
#include "waits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* ---- what comes ---- */

void wait_let_in(struct wait *wait)
{
    CHECK_INT(write(wait->ends.there, "hello\n", 6), 6);
}

/* The other end reads until there is nothing more to come. */
void wait_let_out(struct wait *wait)
{
    char bytes[4096];

    CHECK_INT(fcntl(wait->ends.there, F_SETFL, O_NONBLOCK), 0);
    while (!wait->over) {
        while (read(wait->ends.there, bytes, sizeof(bytes)) > 0)
            continue;
        (void)thrum_sleep(thrum_in_us(200));
    }
}

void wait_close_there(struct wait *wait)
{
    CHECK_INT(close(wait->ends.there), 0);
    wait->ends.there = -1;
}

/* ---- ends ---- */

void wait_make_pipe(struct wait *wait)
{
    wait->ends = ends_of_pipe();
}

void wait_make_stream(struct wait *wait)
{
    wait->ends = ends_of_stream();
}

void wait_make_pipe_to(struct wait *wait)
{
    struct ends ends = ends_of_pipe();

    wait->ends = (struct ends){ends.there, ends.here};
}

void wait_drop_ends(struct wait *wait)
{
    ends_close(&wait->ends);
    if (wait->other >= 0)
        CHECK_INT(close(wait->other), 0);
}

void wait_make_nothing(struct wait *wait)
{
    (void)wait;
}

/* ---- the table ---- */

static const struct wait_kind *const wait_tables[] = {waits_socket, waits_event,
                                                      waits_file};

const struct wait_kind *wait_kind(size_t i)
{
    for (size_t table = 0; table < 3; table++)
        for (const struct wait_kind *kind = wait_tables[table];
             kind->name != NULL; kind++)
            if (i-- == 0)
                return kind;
    return NULL;
}

/* ---- their course ---- */

void wait_make(struct wait *wait, const struct wait_kind *kind)
{
    memset(wait, 0, sizeof(*wait));
    wait->kind = kind;
    wait->ends = (struct ends){-1, -1};
    wait->other = -1;
    kind->make(wait);
}

void wait_call(struct wait *wait)
{
    errno = 0;
    wait->result = wait->kind->call(wait);
    wait->error = wait->result < 0 ? errno : 0;
    wait->over = true;
}

static void *wait_run(void *arg)
{
    wait_call(arg);
    return NULL;
}

void wait_begin(struct wait *wait, const struct wait_kind *kind)
{
    wait_make(wait, kind);
    wait->future = case_spawn(wait_run, wait);
    for (int i = 0; i < 3; i++)
        (void)thrum_pass();
    if (thrum_future_done(wait->future) && !CHECK(false))
        fprintf(stderr, "# %s did not wait: %ld, %d\n", kind->name,
                wait->result, wait->error);
}

void wait_let_go(struct wait *wait)
{
    if (wait->kind->let_go != NULL)
        wait->kind->let_go(wait);
}

void wait_join(struct wait *wait)
{
    int rc = thrum_future_result(wait->future, THRUM_FOREVER, NULL);

    CHECK(rc == 0 || rc == THRUM_ECANCELLED);
    thrum_future_unref(wait->future);
    wait->future = NULL;
}

void wait_drop(struct wait *wait)
{
    wait->kind->drop(wait);
}

void wait_end(struct wait *wait)
{
    if (wait->future != NULL)
        wait_join(wait);
    wait_drop(wait);
}
