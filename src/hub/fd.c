/* SPDX-License-Identifier: MIT */
/*
 * hub/fd.c - what a hub knows of descriptors, and who waits for them.
 *
 * Only one is woken for one event: if there is more, who was woken wakes the
 * next when its own call has gone through. So the first to come is the first to
 * be served, and a herd does not run to find nothing.
 */
#include "hub/fd.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "hub/claim.h"
#include "hub/hub.h"

#define FD_PAGE 128u

void thrumi_fd_init(struct thrumi_fd_table *table)
{
    table->pages = NULL;
    table->count = 0;
}

void thrumi_fd_fini(struct thrumi_fd_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        thrumi_free(table->pages[i]);
    thrumi_free((void *)table->pages);
    thrumi_fd_init(table);
}

struct thrumi_fd *thrumi_fd_find(const struct thrumi_fd_table *table, int fd)
{
    size_t page = (size_t)(unsigned)fd / FD_PAGE;

    if (fd < 0 || page >= table->count || table->pages[page] == NULL)
        return NULL;
    return &table->pages[page][(unsigned)fd % FD_PAGE];
}

/* Room for so many pages; the entries stay where they are. */
static bool fd_grow(struct thrumi_fd_table *table, size_t count)
{
    size_t want = table->count * 2 > count ? table->count * 2 : count;
    struct thrumi_fd **pages = thrumi_alloc_array(want, sizeof(*pages));

    if (pages == NULL)
        return false;
    memset((void *)pages, 0, want * sizeof(*pages));
    if (table->count > 0)
        memcpy((void *)pages, (const void *)table->pages,
               table->count * sizeof(*pages));
    thrumi_free((void *)table->pages);
    table->pages = pages;
    table->count = want;
    return true;
}

static struct thrumi_fd *fd_page_new(void)
{
    struct thrumi_fd *page = thrumi_alloc_zero(FD_PAGE * sizeof(*page));

    if (page == NULL)
        return NULL;
    for (unsigned i = 0; i < FD_PAGE; i++)
        thrumi_list_init(&page[i].waits);
    return page;
}

/* The hub may wait there from now on: whoever closes it is to know. */
static bool fd_claim(int fd)
{
    struct thrumi_hub *hub = thrumi_hub_current();

    return hub == NULL || thrumi_claim_add(fd, hub);
}

struct thrumi_fd *thrumi_fd_get(struct thrumi_fd_table *table, int fd)
{
    struct thrumi_fd *entry = thrumi_fd_find(table, fd);
    size_t page = (size_t)(unsigned)fd / FD_PAGE;

    if (fd < 0 || !fd_claim(fd))
        return NULL;
    if (entry != NULL)
        return entry;
    if (page >= table->count && !fd_grow(table, page + 1))
        return NULL;
    table->pages[page] = fd_page_new();
    return thrumi_fd_find(table, fd);
}

bool thrumi_fd_next(const struct thrumi_fd_table *table, int *fd,
                    struct thrumi_fd **ret)
{
    size_t page = (size_t)(unsigned)*fd / FD_PAGE;

    while (page < table->count && table->pages[page] == NULL)
        *fd = (int)(++page * FD_PAGE);
    *ret = thrumi_fd_find(table, *fd);
    return *ret != NULL;
}

void thrumi_fd_renew(struct thrumi_fd *entry)
{
    entry->generation++;
    entry->ready = 0;
    entry->sticky = 0;
    entry->kind = THRUMI_IO_UNKNOWN;
    entry->registered = false;
    entry->nonblocking = false;
    entry->waits_seen = 0;
    entry->patient = 0;
}

void thrumi_fd_wait_init(struct thrumi_fd_wait *wait, uint32_t generation,
                         const struct thrumi_io *io, unsigned readiness)
{
    thrumi_parking_init(&wait->parking);
    thrumi_parking_for(&wait->parking, thrumi_io_wish(io->op),
                       (void *)(intptr_t)io->fd);
    wait->whom = &wait->parking;
    wait->aging.next = NULL;
    wait->io = io;
    wait->readiness = readiness;
    wait->generation = generation;
    wait->code = 0;
}

static void fd_wake(struct thrumi_fd_wait *wait, int code)
{
    thrumi_list_remove(&wait->link);
    wait->code = code;
    thrumi_parking_wake(wait->whom);
}

static struct thrumi_fd_wait *fd_wait_of(struct thrumi_link *link)
{
    return thrumi_container_of(link, struct thrumi_fd_wait, link);
}

static bool fd_only_looks(const struct thrumi_fd_wait *wait)
{
    return wait->io->op == THRUMI_IO_POLL;
}

struct thrumi_fd_wait *thrumi_fd_first(const struct thrumi_fd *entry,
                                       unsigned readiness)
{
    struct thrumi_link *link = entry->waits.next;

    for (; link != &entry->waits; link = link->next) {
        struct thrumi_fd_wait *wait = fd_wait_of(link);

        if ((wait->readiness & readiness) && !fd_only_looks(wait))
            return wait;
    }
    return NULL;
}

bool thrumi_fd_wake_first(struct thrumi_fd *entry, unsigned readiness)
{
    struct thrumi_fd_wait *wait = thrumi_fd_first(entry, readiness);

    if (wait != NULL)
        fd_wake(wait, 0);
    return wait != NULL;
}

void thrumi_fd_wake_polls(struct thrumi_fd *entry, unsigned readiness)
{
    struct thrumi_link *link = entry->waits.next;
    struct thrumi_link *next;

    for (; link != &entry->waits; link = next) {
        struct thrumi_fd_wait *wait = fd_wait_of(link);

        next = link->next;
        if ((wait->readiness & readiness) && fd_only_looks(wait))
            fd_wake(wait, 0);
    }
}

void thrumi_fd_pass_turn(struct thrumi_fd *entry, unsigned turn,
                         uint32_t generation)
{
    if (entry->generation == generation && !thrumi_fd_wake_first(entry, turn))
        entry->ready &= (uint8_t)~turn;
}

int thrumi_fd_await_turn(struct thrumi_fd *entry, unsigned turn,
                         const struct thrumi_io *io, thrum_time deadline)
{
    struct thrumi_fd_wait wait;
    int rc;

    thrumi_fd_wait_init(&wait, entry->generation, io, turn);
    thrumi_list_append(&entry->waits, &wait.link);
    rc = thrumi_parking_wait(&wait.parking, deadline);
    if (thrumi_link_listed(&wait.link)) {
        thrumi_list_remove(&wait.link);
        return rc;
    }
    if (rc != 0)
        thrumi_parking_finish(&wait.parking);
    if (wait.code != 0)
        return wait.code;
    if (rc != 0)
        thrumi_fd_pass_turn(entry, turn, wait.generation);
    return wait.generation != entry->generation ? -EBADF : rc;
}

void thrumi_fd_wake_all(struct thrumi_fd *entry, int code)
{
    while (!thrumi_list_empty(&entry->waits))
        fd_wake(
            thrumi_container_of(entry->waits.next, struct thrumi_fd_wait, link),
            code);
}
