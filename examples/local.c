/* SPDX-License-Identifier: MIT */
/*
 * local.c - a buffer for each greenlet, made when it is first wanted.
 */
#include <string.h>

#include "check.h"

/* doc: local */
static thrum_local buffer = THRUM_LOCAL_INIT(free);

/* The caller's own buffer, or NULL. */
static char *own_buffer(void)
{
    char *mine = thrum_local_get(&buffer);

    if (mine != NULL)
        return mine;
    mine = calloc(1, 64);
    if (mine == NULL || thrum_local_set(&buffer, mine) == 0)
        return mine;
    free(mine);
    return NULL;
}
/* doc: end */

static const char *say(const char *word)
{
    char *mine = own_buffer();

    if (mine == NULL)
        return "no memory";
    strncat(mine, word, 63 - strlen(mine));
    return mine;
}

static void *talk(void *name)
{
    say(name);
    say(": one");
    CHECK(thrum_pass()); /* the others talk meanwhile */
    printf("%s\n", say(", two"));
    return NULL;
}

int main(void)
{
    char anna[] = "Anna", bert[] = "Bert";
    thrum_future *futures[2];

    CHECK(thrum_spawn(talk, anna, 0, &futures[0]));
    CHECK(thrum_spawn(talk, bert, 0, &futures[1]));
    CHECK(thrum_join_all(futures, 2, THRUM_FOREVER));
    for (int i = 0; i < 2; i++)
        thrum_future_unref(futures[i]);
    return 0;
}
