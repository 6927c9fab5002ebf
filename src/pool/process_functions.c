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

bool thrumi_process_function(const struct thrumi_process_objects *objects,
                             thrum_fn *fn, struct thrumi_process_function *ret)
{
    uintptr_t address = (uintptr_t)fn;

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

static void functions_free_object(struct thrumi_process_object *object)
{
    thrumi_free(object->path);
    thrumi_free(object);
}

/* The object that has the function, pinned. */
static int functions_find(const struct thrumi_process_objects *objects,
                          thrum_fn *fn, struct thrumi_process_object **ret)
{
    struct thrumi_process_object *object;
    struct thrumi_object found;

    if (!thrumi_object_of((uintptr_t)fn, &found))
        return THRUM_ENOTSHARED;
    if (found.path[0] == '\0' && objects->no_program)
        return -ENOTSUP;
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
    *ret = object;
    return 0;
}

/* The loader has a lock of its own, under which constructors run, and they may
 * submit: so ours is not held while it is asked. */
int thrumi_process_learn(struct thrumi_process_pool *pool, thrum_fn *fn)
{
    struct thrumi_process_objects *objects = &pool->objects;
    struct thrumi_process_function function;
    struct thrumi_process_object *object;
    int rc = functions_find(objects, fn, &object);

    if (rc != 0)
        return rc;
    thrumi_mutex_lock(&pool->lock);
    if (thrumi_process_function(objects, fn, &function)) {
        functions_free_object(object); /* another thread was faster */
    } else if (objects->count == THRUMI_CREW_OBJECTS - 1) {
        functions_free_object(object);
        rc = -ENOMEM;
    } else {
        objects->known[++objects->count] = object;
    }
    thrumi_mutex_unlock(&pool->lock);
    return rc;
}

void thrumi_process_objects_free(struct thrumi_process_objects *objects)
{
    for (uint32_t i = 1; i <= objects->count; i++)
        functions_free_object(objects->known[i]);
}
