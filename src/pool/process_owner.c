/* SPDX-License-Identifier: MIT */
/*
 * pool/process_owner.c - what the owner of a pool and its zygote have to do with
 * each other.
 *
 * The zygote may be killed. Its workers die with it, by the kernel; each is
 * buried when its pidfd says so, and the next zygote is started when a worker is
 * wanted.
 */
#include <errno.h>

#include "base/error.h"
#include "pool/process_pool.h"
#include "sys/launch.h"
#include "sys/message.h"
#include "sys/pidfd.h"
#include "sys/pollset.h"

/* ---- the zygote ---- */

static void owner_run_zygote(void *arg)
{
    (void)arg;
    thrumi_process_begin(THRUMI_LAUNCH_FD, NULL);
}

static int owner_launch(struct thrumi_process_pool *pool, int socket)
{
    char *arguments[] = {(char *)(uintptr_t)thrumi_launch_name(), NULL};
    struct thrumi_launch launch = {.keep = socket};

    if (pool->options.start == THRUM_PROCESS_FORK) {
        launch.run = owner_run_zygote;
    } else {
        launch.path = pool->way.program;
        launch.arguments = arguments;
        launch.environment = pool->environment;
    }
    return thrumi_launch(&launch);
}

static int owner_greet(struct thrumi_process_pool *pool)
{
    struct thrumi_process_message hello = {.kind = THRUMI_PROCESS_HELLO,
                                           .spawn = pool->options.start ==
                                                    THRUM_PROCESS_SPAWN,
                                           .identity = thrumi_object_self(),
                                           .confine = pool->confine};
    int self = thrumi_pidfd_of_self();
    int rc = self;

    if (self >= 0)
        rc = thrumi_message_send(pool->zygote, &hello, sizeof(hello), &self, 1);
    thrumi_close(self);
    return rc < 0 ? rc : 0;
}

int thrumi_process_start_zygote(struct thrumi_process_pool *pool)
{
    int ends[2];
    int rc = thrumi_message_pair(ends);

    if (rc != 0)
        return rc;
    pool->zygote = ends[0];
    rc = owner_greet(pool);
    if (rc == 0)
        rc = owner_launch(pool, ends[1]);
    thrumi_close(ends[1]);
    if (rc >= 0) {
        pool->zygote_pidfd = rc;
        return 0;
    }
    thrumi_close(pool->zygote);
    pool->zygote = -1;
    return rc;
}

/* It ends when its socket does; until then it is waited for. */
void thrumi_process_end_zygote(struct thrumi_process_pool *pool)
{
    struct thrumi_poll poll = {pool->zygote_pidfd, false};

    if (pool->zygote_pidfd < 0)
        return;
    thrumi_close(pool->zygote);
    thrumi_pidfd_kill(pool->zygote_pidfd, THRUMI_SIGNAL_KILL);
    while (!poll.ready)
        thrumi_poll(&poll, 1, THRUM_FOREVER);
    thrumi_pidfd_bury(pool->zygote_pidfd);
    thrumi_close(pool->zygote_pidfd);
    pool->zygote = -1;
    pool->zygote_pidfd = -1;
}

/* A worker of a zygote that is gone: killed by the kernel, and by us to be sure.
 * One that nobody has heard of yet will never be heard of. */
static void owner_orphan(struct thrumi_process_pool *pool,
                         struct thrumi_crew *crew)
{
    static const struct thrumi_ending unknown = {0, THRUMI_SIGNAL_KILL, 0};

    if (crew->pidfd < 0) {
        thrumi_process_bury(pool, crew, &unknown);
        return;
    }
    thrumi_pidfd_kill(crew->pidfd, THRUMI_SIGNAL_KILL);
    thrumi_mutex_lock(&pool->lock);
    if (crew->state == THRUMI_CREW_STARTING || crew->state == THRUMI_CREW_ALIVE)
        pool->crew_count--;
    crew->state = THRUMI_CREW_KILLED;
    crew->orphan = true;
    thrumi_mutex_unlock(&pool->lock);
}

static void owner_lose_zygote(struct thrumi_process_pool *pool)
{
    struct thrumi_link *next;

    thrumi_process_end_zygote(pool);
    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = next) {
        next = link->next;
        owner_orphan(pool, thrumi_container_of(link, struct thrumi_crew, link));
    }
}

/* ---- what the zygote tells ---- */

static void owner_started(struct thrumi_process_pool *pool,
                          struct thrumi_crew *crew,
                          const struct thrumi_process_message *message,
                          int *pidfd)
{
    const struct thrumi_ending never = {0, 0, 0};
    int killed_by;

    if (message->code != 0 || *pidfd < 0) {
        thrumi_process_bury(pool, crew, &never);
        return;
    }
    thrumi_mutex_lock(&pool->lock);
    crew->pid = message->ending.pid;
    pool->unheard--;
    crew->pidfd = *pidfd;
    *pidfd = -1;
    killed_by = atomic_load_explicit(&pool->kill_all, memory_order_relaxed);
    if (crew->state == THRUMI_CREW_KILLED || crew->lies)
        thrumi_pidfd_kill(crew->pidfd, THRUMI_SIGNAL_KILL);
    else if (killed_by != 0)
        thrumi_pidfd_kill(crew->pidfd, killed_by);
    thrumi_mutex_unlock(&pool->lock);
}

static void owner_told(struct thrumi_process_pool *pool,
                       const struct thrumi_process_message *message, int *pidfd)
{
    struct thrumi_crew *crew = thrumi_crew_find(pool, message->number);

    if (crew == NULL)
        return;
    if (message->kind == THRUMI_PROCESS_STARTED)
        owner_started(pool, crew, message, pidfd);
    else if (message->kind == THRUMI_PROCESS_ENDED)
        thrumi_process_bury(pool, crew, &message->ending);
}

/* True if there was anything. */
bool thrumi_process_listen(struct thrumi_process_pool *pool)
{
    struct thrumi_process_message message;
    int fds[THRUMI_MESSAGE_FDS];
    bool any = false;
    int rc;

    while (pool->zygote >= 0) {
        rc = thrumi_message_receive(pool->zygote, &message, sizeof(message),
                                    fds, false);
        if (rc == -EAGAIN)
            break;
        any = true;
        if (rc != 0) {
            owner_lose_zygote(pool);
            break;
        }
        owner_told(pool, &message, &fds[0]);
        thrumi_message_close_fds(fds);
    }
    return any;
}

/* Those that no zygote is there to tell of. */
bool thrumi_process_bury_orphans(struct thrumi_process_pool *pool)
{
    struct thrumi_link *next;
    bool any = false;

    for (struct thrumi_link *link = pool->crew.next; link != &pool->crew;
         link = next) {
        struct thrumi_crew *crew =
            thrumi_container_of(link, struct thrumi_crew, link);
        const struct thrumi_ending ending = {crew->pid, THRUMI_SIGNAL_KILL, 0};

        next = link->next;
        if (!crew->orphan || !thrumi_pidfd_ended(crew->pidfd))
            continue;
        thrumi_process_bury(pool, crew, &ending);
        any = true;
    }
    return any;
}
