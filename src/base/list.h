/* SPDX-License-Identifier: MIT */
/*
 * base/list.h - a doubly linked list whose links lie in what is listed.
 *
 * A list is a link of its own, the head: an empty one points to itself, so no
 * case is special. A link that is on no list points to NULL, which makes "is
 * it still listed?" a question the link itself can answer.
 *
 * Locking: none; the owner of the list has it.
 */
#ifndef THRUMI_BASE_LIST_H
#define THRUMI_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/container.h"

struct thrumi_link {
    struct thrumi_link *next; /* NULL: on no list */
    struct thrumi_link *prev;
};

static inline void thrumi_list_init(struct thrumi_link *head)
{
    head->next = head;
    head->prev = head;
}

static inline bool thrumi_list_empty(const struct thrumi_link *head)
{
    return head->next == head;
}

static inline bool thrumi_link_listed(const struct thrumi_link *link)
{
    return link->next != NULL;
}

/* Puts `link` before `where`; before the head is at the end. */
static inline void thrumi_list_insert(struct thrumi_link *where,
                                      struct thrumi_link *link)
{
    link->next = where;
    link->prev = where->prev;
    where->prev->next = link;
    where->prev = link;
}

static inline void thrumi_list_append(struct thrumi_link *head,
                                      struct thrumi_link *link)
{
    thrumi_list_insert(head, link);
}

static inline void thrumi_list_prepend(struct thrumi_link *head,
                                       struct thrumi_link *link)
{
    thrumi_list_insert(head->next, link);
}

static inline void thrumi_list_remove(struct thrumi_link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->next = NULL;
    link->prev = NULL;
}

/* Takes the first link off, or returns NULL. */
static inline struct thrumi_link *thrumi_list_pop(struct thrumi_link *head)
{
    struct thrumi_link *first = head->next;

    if (first == head)
        return NULL;
    thrumi_list_remove(first);
    return first;
}

/* Moves all of one list to the end of another. */
static inline void thrumi_list_move(struct thrumi_link *from,
                                    struct thrumi_link *to)
{
    if (thrumi_list_empty(from))
        return;
    from->next->prev = to->prev;
    from->prev->next = to;
    to->prev->next = from->next;
    to->prev = from->prev;
    thrumi_list_init(from);
}

#endif /* THRUMI_BASE_LIST_H */
