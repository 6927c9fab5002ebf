/* SPDX-License-Identifier: MIT */
/*
 * task/self.c - the library's state of a thread: its beginning and its end.
 *
 * It begins when the thread first uses the library, and ends with the thread:
 * then the records that it kept go to the others, and it waits until nobody
 * looks at its context any more, which lies in the thread's own memory.
 *
 * Destructors of the program may come after that and use the library: it begins
 * anew then, and its end is noticed again, as often as the system goes round.
 */
#include "sys/thread.h"
#include "task/context.h"
#include "task/local.h"
#include "task/record.h"
#include "task/waitgraph.h"

_Thread_local struct thrumi_self thrumi_self_data;

/* Runs when a thread that used the library ends. */
static void self_thread_ends(void *arg)
{
    struct thrumi_self *self = arg;

    if (self->loom != NULL)
        self->loom_ends(self);
    if (self->locals != NULL)
        thrumi_locals_end(&self->locals);
    thrumi_record_flush(self);
    thrumi_waitgraph_barrier();
    self->running = NULL;
}

struct thrumi_context *thrumi_context_first_use(struct thrumi_self *self)
{
    thrumi_context_init(&self->thread);
    self->running = &self->thread;
    thrumi_self_notice_end(self);
    return self->running;
}

void thrumi_self_notice_end(struct thrumi_self *self)
{
    thrumi_thread_at_end(self_thread_ends, self);
}
