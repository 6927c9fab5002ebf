/* SPDX-License-Identifier: MIT */
/*
 * dump.c - where all greenlets and generators stand.
 *
 * The dump has addresses, so it goes to stderr.
 */
#include <unistd.h>

#include "check.h"

static void *wait_for_turn(void *arg)
{
    thrum_greenlet *parent = thrum_greenlet_parent(thrum_greenlet_current());

    while (thrum_greenlet_switch(parent, NULL, NULL) == 0)
        ;
    return NULL;
}

/* doc: dump */
int main(void)
{
    static const char *const names[] = {"warp", "weft", "heddle"};
    thrum_stack_options options = THRUM_STACK_OPTIONS;
    thrum_greenlet *greenlets[3];

    for (int i = 0; i < 3; i++) {
        options.name = names[i];
        CHECK(thrum_greenlet_new(wait_for_turn, NULL, &options, &greenlets[i]));
        CHECK(thrum_greenlet_switch(greenlets[i], NULL, NULL));
    }
    printf("%d are there\n", CHECK(thrum_dump(STDERR_FILENO, NULL)));
    for (int i = 0; i < 3; i++)
        thrum_greenlet_unref(greenlets[i]);
    return 0;
}
/* doc: end */
