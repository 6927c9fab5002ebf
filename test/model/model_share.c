/* SPDX-License-Identifier: MIT */
/*
 * model_share.c - which memory is shared, so that only its use is a point.
 *
 * An access to what no other thread uses, or what all only read, commutes with
 * whatever the others do: a switch before it comes to the same as a switch
 * before the next access that is shared. A program is explored in rounds. In
 * each one only the words known as shared are points; whatever shows as shared
 * in it becomes a point in the next. The last round is the one that finds
 * nothing new, and it has seen all that matters.
 *
 * To free a block is to write all of it.
 */
#include "model_core.h"

#include <string.h>

static struct model_word *share_find(const volatile void *address)
{
    uintptr_t word = (uintptr_t)address & ~(uintptr_t)7;
    size_t at = (size_t)((word >> 3) * 0x9e3779b97f4a7c15u >> 40) % MODEL_WORDS;

    while (model->words[at].address != 0 && model->words[at].address != word)
        at = (at + 1) % MODEL_WORDS;
    if (model->words[at].address == 0) {
        if (model->word_count++ > MODEL_WORDS / 4 * 3)
            model_fail("the program uses too much memory for a model");
        model->words[at].address = word;
    }
    return &model->words[at];
}

/* The calling thread uses the word. */
void model_touch(const volatile void *address, bool writes)
{
    struct model_word *word;

    if (model->current == MODEL_MAIN)
        return;
    word = share_find(address);
    if (writes)
        word->writers |= (unsigned char)(1u << model->current);
    else
        word->readers |= (unsigned char)(1u << model->current);
}

/* What empties a store buffer is visible whatever it is. */
bool model_is_visible(const volatile void *address)
{
    return model->all_visible || address == NULL ||
           model_self()->store_count > 0 || share_find(address)->shared;
}

/* After a round: true if there is more to share than before. */
bool model_share(void)
{
    bool grew = false;

    for (size_t i = 0; i < MODEL_WORDS; i++) {
        struct model_word *word = &model->words[i];
        unsigned users = word->readers | word->writers;

        if (word->shared || word->writers == 0 || (users & (users - 1)) == 0)
            continue;
        word->shared = true;
        grew = true;
    }
    return grew;
}

void model_unshare(void)
{
    memset(model->words, 0, sizeof(model->words));
    model->word_count = 0;
}

/* Here would be a choice if each access were a point: nothing was chosen. */
void model_expand(unsigned count)
{
    if (model->expanding && count > 1 && model->full_length < MODEL_CHOICES)
        model->full[model->full_length++] =
            (struct model_choice){0, (unsigned char)count};
}
