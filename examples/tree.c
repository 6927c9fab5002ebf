/* SPDX-License-Identifier: MIT */
/*
 * tree.c - a recursive walk that gives one word after the other.
 *
 * Each node has a generator, which yields all that those of its branches yield.
 * A word goes straight from the node where it is to the loop in main(), however
 * deep that is.
 */
#include "check.h"

struct tree {
    const char *word;
    struct tree *left;
    struct tree *right;
};

/* doc: walk */
static int walk_branch(struct tree *tree);

static void *walk(void *arg)
{
    struct tree *tree = arg;

    if (walk_branch(tree->left) == 0 && thrum_yield(tree, NULL) == 0)
        (void)walk_branch(tree->right);
    return NULL; /* whatever went wrong is pending: it is passed on */
}

static int walk_branch(struct tree *tree)
{
    thrum_generator *branch;
    int rc;

    if (tree == NULL)
        return 0;
    rc = thrum_generator_new(walk, tree, 0, NULL, &branch);
    if (rc < 0) {
        thrum_raise(rc, "cannot walk to %s", tree->word);
        return rc;
    }
    rc = thrum_yield_from(branch, NULL);
    thrum_generator_unref(branch);
    return rc;
}
/* doc: end */

/* doc: words */
static void print_words(struct tree *tree)
{
    thrum_generator *nodes;
    int rc;

    CHECK(thrum_generator_new(walk, tree, 0, NULL, &nodes));
    THRUM_EACH(struct tree, node, nodes, rc)
        printf("%s\n", node->word);
    thrum_generator_unref(nodes);
}
/* doc: end */

int main(void)
{
    struct tree bobbin = {"bobbin", NULL, NULL};
    struct tree heddle = {"heddle", NULL, NULL};
    struct tree fringe = {"fringe", &bobbin, &heddle};
    struct tree weft = {"weft", NULL, NULL};
    struct tree loom = {"loom", &fringe, &weft};

    print_words(&loom);
    return 0;
}
