/* SPDX-License-Identifier: MIT */
/*
 * pipeline.c - three generators in a row: lines | settings only | parsed.
 *
 * Each pulls the one before it, one line at a time. Nothing is read that
 * nobody asks for, and no stage knows where its lines come from.
 */
#include <errno.h>
#include <string.h>

#include "check.h"

static const char text[] = "# of the loom\n"
                           "warp = 480\n"
                           "\n"
                           "weft = 96\n"
                           "colour = red\n"
                           "shuttles = 4\n";

/* doc: stages */
static void *lines(void *arg)
{
    char line[80];
    size_t length;

    for (const char *at = arg; *at != '\0'; at += length + 1) {
        length = strcspn(at, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)length, at);
        if (thrum_yield(line, NULL) != 0)
            return NULL;
    }
    return NULL;
}

/* Not the comments, and not what is empty. */
static void *settings_only(void *source)
{
    int rc;

    THRUM_EACH(char, line, source, rc)
        if (strcspn(line, "#") > 0 && thrum_yield(line, NULL) != 0)
            return NULL;
    return rc == THRUM_ESTOP ? NULL : thrum_raise(rc, "no lines");
}

struct setting {
    char name[16];
    int value;
};

static void *parsed(void *source)
{
    struct setting setting;
    int rc;

    THRUM_EACH(char, line, source, rc) {
        if (sscanf(line, "%15s = %d", setting.name, &setting.value) != 2)
            return thrum_raise(-EINVAL, "\"%s\" is no number", line);
        if (thrum_yield(&setting, NULL) != 0)
            return NULL;
    }
    return rc == THRUM_ESTOP ? NULL : thrum_raise(rc, "no settings");
}
/* doc: end */

/* doc: row */
int main(void)
{
    thrum_generator *all, *some, *settings;
    int rc;

    CHECK(thrum_generator_new(lines, text, 0, NULL, &all));
    CHECK(thrum_generator_new(settings_only, all, 0, NULL, &some));
    CHECK(thrum_generator_new(parsed, some, 0, NULL, &settings));
    THRUM_EACH(struct setting, setting, settings, rc)
        printf("%s is %d\n", setting->name, setting->value);
    if (rc == THRUM_EFAILED)
        printf("%s\n", thrum_generator_error(settings)->message);
    thrum_generator_unref(settings);
    thrum_generator_unref(some);
    thrum_generator_unref(all);
    return 0;
}
/* doc: end */
