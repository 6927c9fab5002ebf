/* SPDX-License-Identifier: MIT */
/*
 * greenlet.c - two greenlets that talk; main() gets what came of it.
 *
 * One asks, the other answers. Each is a plain loop that knows where it stands
 * in the talk: a switch to the other is like a call that is answered by the
 * other's next switch back.
 */
#include "check.h"

struct talk {
    thrum_greenlet *guesser;
    thrum_greenlet *keeper;
    int secret;
};

/* doc: talk */
/* Halves what is left until the keeper says that it is right. */
static void *guess(void *arg)
{
    struct talk *talk = arg;
    int low = 1, high = 100, number;
    void *hint = NULL;

    do {
        number = (low + high) / 2;
        printf("%d?\n", number);
        if (thrum_greenlet_switch(talk->keeper, &number, &hint) != 0)
            return NULL;
        if (*(int *)hint < 0)
            high = number - 1;
        else
            low = number + 1;
    } while (*(int *)hint != 0);
    return thrum_return(&number, sizeof(number));
}

/* Says where the secret is: below, above, or there. */
static void *keep(void *number)
{
    struct talk *talk = thrum_greenlet_context(thrum_greenlet_current());
    int hint;

    do
        hint = talk->secret - *(int *)number;
    while (thrum_greenlet_switch(talk->guesser, &hint, &number) == 0);
    printf("the keeper may go\n");
    return NULL; /* cancelled: main() has dropped it */
}
/* doc: end */

/* doc: main */
int main(void)
{
    struct talk talk = {.secret = 36};
    void *found;

    CHECK(thrum_greenlet_new(guess, NULL, NULL, &talk.guesser));
    CHECK(thrum_greenlet_new(keep, NULL, NULL, &talk.keeper));
    CHECK(thrum_greenlet_set_context(talk.keeper, &talk));
    CHECK(thrum_greenlet_switch(talk.guesser, &talk, &found));
    printf("main knows: it is %d\n", *(int *)found); /* what guess returned */
    thrum_greenlet_unref(talk.keeper);
    thrum_greenlet_unref(talk.guesser);
    return 0;
}
/* doc: end */
