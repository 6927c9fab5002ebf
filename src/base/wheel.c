/* SPDX-License-Identifier: MIT */
/*
 * base/wheel.c - many timers, of which nearly all are cancelled.
 *
 * A tick is read as a number of six digits to the base of 64. A timer lies at
 * the level of the highest digit in which its tick differs from now, in the
 * slot of its own digit there:
 *
 *     now      0 0 7 9 12 30
 *     tick     0 0 7 9 12 41   level 0, slot 41: within this turn of level 0
 *     tick     0 0 7 9 20  3   level 1, slot 20
 *     tick     0 0 8 0  0  0   level 3, slot 8
 *
 * Hence at each level every timer is in a slot ahead of now's digit (at level
 * 0, also at it), all timers of a level expire before all of the next, and the
 * first slot that has something in it is found by looking at six words.
 *
 * When now reaches a slot of level 0, what is in it has expired. When it
 * reaches a slot of a higher level, the timers there agree with it in one more
 * digit, so they move down. Between two slots with something in them now moves
 * in one step, however far it is; the levels of the others stay right, for now
 * comes no closer to them than to the beginning of their slot.
 *
 * Ticks that differ above the sixth digit wait in one list apart, `far`, which
 * is looked through when that part of now changes: with ticks of 1 ms, every
 * two years.
 */
#include "base/wheel.h"

#define WHEEL_FAR  (THRUMI_WHEEL_LEVELS * THRUMI_WHEEL_SLOTS)
#define WHEEL_ALL  (THRUMI_WHEEL_LEVELS * THRUMI_WHEEL_BITS) /* bits of it */
#define WHEEL_NONE (WHEEL_FAR + 1)

void thrumi_wheel_init(struct thrumi_wheel *wheel, uint64_t now_tick)
{
    wheel->now = now_tick;
    for (unsigned level = 0; level <= THRUMI_WHEEL_LEVELS; level++)
        wheel->full[level] = 0;
    for (unsigned i = 0; i <= WHEEL_FAR; i++)
        thrumi_list_init(&wheel->slot[i]);
}

/* The slot in which a timer of `tick` lies now. */
static unsigned wheel_slot_of(const struct thrumi_wheel *wheel, uint64_t tick)
{
    uint64_t at = tick > wheel->now ? tick : wheel->now;
    uint64_t differs = at ^ wheel->now;
    unsigned level =
        (63u - (unsigned)__builtin_clzll(differs | 1)) / THRUMI_WHEEL_BITS;

    if (level >= THRUMI_WHEEL_LEVELS)
        return WHEEL_FAR;
    return level * THRUMI_WHEEL_SLOTS +
           (unsigned)(at >> level * THRUMI_WHEEL_BITS) % THRUMI_WHEEL_SLOTS;
}

static void wheel_place(struct thrumi_wheel *wheel, struct thrumi_timer *timer)
{
    unsigned slot = wheel_slot_of(wheel, timer->tick);

    thrumi_list_append(&wheel->slot[slot], &timer->link);
    wheel->full[slot / THRUMI_WHEEL_SLOTS] |= 1ull << slot % THRUMI_WHEEL_SLOTS;
}

void thrumi_wheel_start(struct thrumi_wheel *wheel, struct thrumi_timer *timer,
                        uint64_t tick)
{
    timer->tick = tick;
    wheel_place(wheel, timer);
}

static void wheel_mark_empty(struct thrumi_wheel *wheel, unsigned slot)
{
    wheel->full[slot / THRUMI_WHEEL_SLOTS] &=
        ~(1ull << slot % THRUMI_WHEEL_SLOTS);
}

static void wheel_take_off(struct thrumi_wheel *wheel,
                           struct thrumi_timer *timer)
{
    struct thrumi_link *next = timer->link.next;
    bool alone = next == timer->link.prev; /* then `next` is the slot */

    thrumi_list_remove(&timer->link);
    if (alone)
        wheel_mark_empty(wheel, (unsigned)(next - wheel->slot));
}

void thrumi_wheel_cancel(struct thrumi_wheel *wheel, struct thrumi_timer *timer)
{
    if (thrumi_timer_started(timer))
        wheel_take_off(wheel, timer);
}

/* The first slot that has something in it. */
static unsigned wheel_first(const struct thrumi_wheel *wheel)
{
    for (unsigned level = 0; level <= THRUMI_WHEEL_LEVELS; level++)
        if (wheel->full[level] != 0)
            return level * THRUMI_WHEEL_SLOTS +
                   (unsigned)__builtin_ctzll(wheel->full[level]);
    return WHEEL_NONE;
}

/* The tick at which now reaches the slot. */
static uint64_t wheel_begin(const struct thrumi_wheel *wheel, unsigned slot)
{
    unsigned shift = slot / THRUMI_WHEEL_SLOTS * THRUMI_WHEEL_BITS;
    uint64_t digits = wheel->now >> shift;

    if (slot == WHEEL_FAR)
        return (digits + 1) << shift;
    return (digits - digits % THRUMI_WHEEL_SLOTS + slot % THRUMI_WHEEL_SLOTS)
           << shift;
}

uint64_t thrumi_wheel_next(const struct thrumi_wheel *wheel)
{
    unsigned slot = wheel_first(wheel);

    return slot == WHEEL_NONE ? UINT64_MAX : wheel_begin(wheel, slot);
}

static struct thrumi_timer *wheel_timer(struct thrumi_link *link)
{
    return thrumi_container_of(link, struct thrumi_timer, link);
}

/* Where the first timer of `far` comes within the levels. */
static uint64_t wheel_far_begin(struct thrumi_wheel *wheel)
{
    struct thrumi_link *head = &wheel->slot[WHEEL_FAR];
    uint64_t first = UINT64_MAX;

    for (struct thrumi_link *link = head->next; link != head; link = link->next)
        if (wheel_timer(link)->tick < first)
            first = wheel_timer(link)->tick;
    return first >> WHEEL_ALL << WHEEL_ALL;
}

/* Moves the timers of a slot that now has reached to where they belong. */
static void wheel_move_down(struct thrumi_wheel *wheel, unsigned slot)
{
    struct thrumi_link all;
    struct thrumi_link *link;

    /* Off their slot first: `far` may get some of its own again. */
    thrumi_list_init(&all);
    thrumi_list_insert(&wheel->slot[slot], &all);
    thrumi_list_remove(&wheel->slot[slot]);
    thrumi_list_init(&wheel->slot[slot]);
    wheel_mark_empty(wheel, slot);
    for (link = thrumi_list_pop(&all); link != NULL;
         link = thrumi_list_pop(&all))
        wheel_place(wheel, wheel_timer(link));
}

struct thrumi_timer *thrumi_wheel_expire(struct thrumi_wheel *wheel,
                                         uint64_t now_tick)
{
    struct thrumi_timer *timer;

    for (;;) {
        unsigned slot = wheel_first(wheel);
        uint64_t begin;

        if (slot == WHEEL_NONE || wheel_begin(wheel, slot) > now_tick)
            break;
        begin = slot == WHEEL_FAR ? wheel_far_begin(wheel)
                                  : wheel_begin(wheel, slot);
        if (begin > now_tick)
            break;
        wheel->now = begin;
        if (slot < THRUMI_WHEEL_SLOTS) {
            timer = wheel_timer(wheel->slot[slot].next);
            wheel_take_off(wheel, timer);
            return timer;
        }
        wheel_move_down(wheel, slot);
    }
    if (now_tick > wheel->now)
        wheel->now = now_tick;
    return NULL;
}
