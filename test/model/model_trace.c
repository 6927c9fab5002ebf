/* SPDX-License-Identifier: MIT */
/*
 * model_trace.c - the steps of a run, as a person reads them.
 */
#include "model_core.h"

#include <stdio.h>
#include <string.h>

void model_trace_step(unsigned thread, const char *what)
{
    if (model->tracing)
        model->trace[model->trace_count++ % MODEL_TRACE] =
            (struct model_trace){what, thread};
}

/* Without the folders of the file's name. */
static void trace_print_step(const struct model_trace *step)
{
    const char *space = strrchr(step->what, ' ');
    const char *slash = strrchr(step->what, '/');

    if (space == NULL || slash < space)
        printf("#   T%u  %s\n", step->thread, step->what);
    else
        printf("#   T%u  %.*s%s\n", step->thread, (int)(space + 1 - step->what),
               step->what, slash + 1);
}

void model_trace_print(void)
{
    unsigned at = 0;

    if (model->trace_count > MODEL_TRACE) {
        at = model->trace_count - MODEL_TRACE;
        printf("#   ... %u steps before\n", at);
    }
    for (; at < model->trace_count; at++)
        trace_print_step(&model->trace[at % MODEL_TRACE]);
}
