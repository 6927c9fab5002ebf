/* SPDX-License-Identifier: MIT */
/*
 * pool/process_functions.c - functions as another process can find them: which
 * object, and where in it.
 *
 * The objects that functions were submitted of are numbered, and are not
 * unloaded any more, so that an address means the same as long as the pool
 * lives.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "pool/process_pool.h"

static int functions_add(struct thrumi_process_objects *objects,
                         uintptr_t address)
{
    struct thrumi_process_object *object;
    struct thrumi_object found;

    if (!thrumi_object_of(address, &found))
        return THRUM_ENOTSHARED;
    if (found.path[0] == '\0' && objects->no_program)
        return -ENOTSUP;
    if (objects->count == THRUMI_CREW_OBJECTS - 1)
        return -ENOMEM;
    object = thrumi_alloc(sizeof(*object));
    if (object == NULL)
        return -ENOMEM;
    object->object = found;
    object->path = thrumi_strdup(found.path);
    if (object->path == NULL) {
        thrumi_free(object);
        return -ENOMEM;
    }
    if (object->path[0] != '\0')
        thrumi_object_load(object->path);
    objects->known[++objects->count] = object;
    return 0;
}

static bool functions_look(const struct thrumi_process_objects *objects,
                           uintptr_t address,
                           struct thrumi_process_function *ret)
{
    for (uint32_t i = 1; i <= objects->count; i++) {
        const struct thrumi_object *object = &objects->known[i]->object;

        if (address < object->low || address >= object->high)
            continue;
        ret->object = i;
        ret->offset = address - object->base;
        return true;
    }
    return false;
}

int thrumi_process_function(struct thrumi_process_objects *objects,
                            thrum_fn *fn, struct thrumi_process_function *ret)
{
    uintptr_t address = (uintptr_t)fn;
    int rc;

    if (functions_look(objects, address, ret))
        return 0;
    rc = functions_add(objects, address);
    if (rc == 0)
        functions_look(objects, address, ret);
    return rc;
}

void thrumi_process_objects_free(struct thrumi_process_objects *objects)
{
    for (uint32_t i = 1; i <= objects->count; i++) {
        thrumi_free(objects->known[i]->path);
        thrumi_free(objects->known[i]);
    }
}
