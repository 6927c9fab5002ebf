/* SPDX-License-Identifier: MIT */
/*
 * hub/claim.h - which hubs may know a descriptor.
 *
 * Whoever closes a descriptor has to tell those who wait for it, in other
 * threads too, and must not ask every hub of the process each time. So for each
 * number there is a word: nobody, one hub, or several.
 *
 * A hub claims a number before anything of it waits there; whoever closes it
 * takes the claim away, and keeps others from claiming it until it is closed:
 * else a wait could begin after those that wait were told, and before the close,
 * and nobody would tell it. A claim may be stale: then a hub is told of something
 * that it does not know.
 *
 * The descriptors of the hubs themselves are kept: a program that closes all
 * that it has not made does not close those.
 *
 * Memory-order partners: claim and take are exchanges of one word; a wait that
 * began before the descriptor was closed has claimed it.
 */
#ifndef THRUMI_HUB_CLAIM_H
#define THRUMI_HUB_CLAIM_H

#include <stdbool.h>

struct thrumi_hub;

/* More than one hub, or nobody knows which. */
#define THRUMI_CLAIM_SEVERAL ((struct thrumi_hub *)1)
/* Not to be closed at all. */
#define THRUMI_CLAIM_KEPT ((struct thrumi_hub *)3)

/* The hub may wait there from now on; waits while the number is being closed.
 * False: no memory. */
bool thrumi_claim_add(int fd, struct thrumi_hub *hub);

/* Who has claimed it, NULL for nobody; nobody has any more, and nobody can until
 * the end. One that is kept stays so, and there is no end. */
struct thrumi_hub *thrumi_claim_take(int fd);
void thrumi_claim_end(int fd);

/* It is of a hub itself, until the hub lets it go; that knows no better than to
 * go on if there is no memory. In a forked child it is nobody's. */
void thrumi_claim_keep(int fd);
void thrumi_claim_let_go(int fd);

#endif /* THRUMI_HUB_CLAIM_H */
