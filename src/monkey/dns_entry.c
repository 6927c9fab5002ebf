/* SPDX-License-Identifier: MIT */
/*
 * monkey/dns_entry.c - asking elsewhere, and moving what is found.
 *
 * The buffer of the job is as large as the caller's, and begins at the same
 * distance from what is aligned: so libc finds it as good, and says ERANGE when
 * it would have said so to the caller. What points into the one is made to point
 * into the other.
 */
#include "monkey/dns_entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monkey/dns.h"
#include "monkey/hooks.h"

#define ENTRY_ALIGNED   16u
#define ENTRY_MOST_ROOM ((size_t)64 << 20) /* no entry is as large */
#define ENTRY_OWN_ROOM  1024u              /* at first */

/* ---- asking ---- */

static size_t entry_name_length(const struct thrumi_entry_question *question)
{
    if (question->length != 0)
        return question->length;
    return thrumi_dns_length(question->name);
}

static char *entry_buffer(struct thrumi_entry_job *job, const char *like)
{
    uintptr_t skip = ((uintptr_t)like - (uintptr_t)job->memory) &
                     (uintptr_t)(ENTRY_ALIGNED - 1);

    return job->memory + skip;
}

static struct thrumi_entry_job *entry_job(const struct thrumi_entry_ask *ask)
{
    const struct thrumi_entry_question *question = &ask->question;
    size_t room = ask->room < ENTRY_MOST_ROOM ? ask->room : ENTRY_MOST_ROOM;
    size_t length = entry_name_length(question);
    struct thrumi_entry_job *job =
        thrumi_job_new(sizeof(*job) + ENTRY_ALIGNED + room + length +
                           thrumi_dns_length(question->protocol),
                       ask->run, NULL);
    char *at;

    if (job == NULL)
        return NULL;
    job->buffer = entry_buffer(job, ask->buffer);
    job->room = room;
    job->question = *question;
    at = job->buffer + room;
    if (question->name != NULL) {
        job->question.name = at;
        memcpy(at, question->name, length);
        at += length;
    }
    job->question.protocol = thrumi_dns_copy(&at, question->protocol);
    return job;
}

/* ---- moving ---- */

static bool entry_is_inside(const struct thrumi_entry_job *job, const void *at)
{
    uintptr_t begin = (uintptr_t)job->buffer;

    return (uintptr_t)at >= begin && (uintptr_t)at < begin + job->room;
}

/* Makes a pointer that is at `at` point into the caller's buffer. */
static bool entry_move_pointer(const struct thrumi_entry_job *job, char *buffer,
                               void *at)
{
    char *pointer;

    memcpy(&pointer, at, sizeof(pointer));
    if (!entry_is_inside(job, pointer))
        return false;
    pointer = buffer + (pointer - job->buffer);
    memcpy(at, &pointer, sizeof(pointer));
    return true;
}

static void entry_move_list(const struct thrumi_entry_job *job, char *buffer,
                            void *at)
{
    char **list;

    if (!entry_move_pointer(job, buffer, at))
        return;
    memcpy(&list, at, sizeof(list));
    for (; *list != NULL; list++)
        (void)entry_move_pointer(job, buffer, list);
}

static void entry_move(const struct thrumi_entry_job *job,
                       const struct thrumi_entry_ask *ask)
{
    const struct thrumi_entry_shape *shape = ask->shape;
    char *into = ask->into;

    memcpy(ask->buffer, job->buffer, job->room);
    memcpy(into, &job->entry, shape->size);
    for (unsigned i = 0; i < shape->text_count; i++)
        (void)entry_move_pointer(job, ask->buffer, into + shape->texts[i]);
    for (unsigned i = 0; i < shape->list_count; i++)
        entry_move_list(job, ask->buffer, into + shape->lists[i]);
}

/* An error number, as the functions return it. */
static int entry_failed(struct thrumi_entry_ask *ask, int code)
{
    ask->host_error = NETDB_INTERNAL;
    (void)thrumi_to_errno(code);
    return errno;
}

int thrumi_entry_ask(struct thrumi_entry_ask *ask, void **ret_found)
{
    struct thrumi_entry_job *job = entry_job(ask);
    int rc = 0;

    *ret_found = NULL;
    if (job == NULL)
        return entry_failed(ask, -ENOMEM);
    if (ask->at_once)
        ask->run(&job->job);
    else
        rc = thrumi_job_wait(&job->job);
    if (rc != 0) {
        rc = entry_failed(ask, rc);
        goto out_unref;
    }
    rc = job->rc;
    ask->host_error = job->host_error;
    if (job->found != NULL) {
        entry_move(job, ask);
        *ret_found = ask->into;
    }

out_unref:
    thrumi_job_unref(&job->job);
    return rc;
}

/* ---- entries of a greenlet's own ---- */

struct entry_own {
    union thrumi_entry entry;
    char *buffer;
    size_t room;
};

void thrumi_entry_free_own(void *arg)
{
    struct entry_own *own = arg;

    free(own->buffer);
    free(own);
}

static bool entry_grow(struct entry_own *own)
{
    size_t room = own->room == 0 ? ENTRY_OWN_ROOM : 2 * own->room;
    char *buffer = realloc(own->buffer, room);

    if (buffer == NULL)
        return false;
    own->buffer = buffer;
    own->room = room;
    return true;
}

static struct entry_own *entry_own(thrum_local *local)
{
    struct entry_own *own = thrum_local_get(local);

    if (own != NULL)
        return own;
    own = calloc(1, sizeof(*own));
    if (own == NULL)
        return NULL;
    if (!entry_grow(own) || thrum_local_set(local, own) != 0) {
        thrumi_entry_free_own(own);
        return NULL;
    }
    return own;
}

/* Grows its room until the entry fits, as libc does. */
void *thrumi_entry_ask_own(struct thrumi_entry_ask *ask, thrum_local *local)
{
    struct entry_own *own = entry_own(local);
    void *found = NULL;
    int rc;

    if (own == NULL) {
        (void)entry_failed(ask, -ENOMEM);
        return NULL;
    }
    do {
        ask->into = &own->entry;
        ask->buffer = own->buffer;
        ask->room = own->room;
        rc = thrumi_entry_ask(ask, &found);
    } while (rc == ERANGE && ask->room < ENTRY_MOST_ROOM && entry_grow(own));
    return found;
}
