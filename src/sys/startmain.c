/* SPDX-License-Identifier: MIT */
/*
 * sys/startmain.c - having a program run something else than its main.
 *
 * The first code of a program, which the compiler brings, calls
 * __libc_start_main() with main as an argument; that runs the program's own
 * constructors and then main. It calls through a slot of the program that the
 * loader has filled in. Shared objects' constructors come before that, so one
 * of them can put another function into the slot: it passes everything on to
 * what was there, but for main.
 *
 * The slot lies in memory that the loader may have made read-only.
 */
#include "sys/startmain.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/object.h"
#include "sys/slots.h"

typedef int startmain_main(int argc, char **argv, char **env);
typedef int startmain_fn(startmain_main *main, int argc, char **argv,
                         void (*init)(void), void (*fini)(void),
                         void (*loader_fini)(void), void *stack_end);

static struct {
    startmain_fn *original;
    int (*instead)(void);
} startmain;

static int startmain_run(int argc, char **argv, char **env)
{
    (void)argc;
    (void)argv;
    (void)env;
    return startmain.instead();
}

static int startmain_begin(startmain_main *program, int argc, char **argv,
                           void (*init)(void), void (*fini)(void),
                           void (*loader_fini)(void), void *stack_end)
{
    (void)program;
    return startmain.original(startmain_run, argc, argv, init, fini,
                              loader_fini, stack_end);
}

/* ---- the slot ---- */

static bool startmain_note(const struct thrumi_import *slot, void *arg)
{
    uintptr_t **found = arg;

    if (slot->kind == THRUMI_SLOT_DATA ||
        strcmp(slot->name, "__libc_start_main") != 0)
        return true;
    *found = slot->at;
    return false;
}

/* The program itself is the first object. */
static int startmain_look(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct thrumi_slots slots;

    (void)size;
    if (thrumi_slots_open(&slots, info))
        thrumi_slots_each(&slots, startmain_note, arg);
    return 1;
}

static startmain_fn **startmain_slot(void)
{
    uintptr_t *found = NULL;

    (void)dl_iterate_phdr(startmain_look, &found);
    return (startmain_fn **)(void *)found;
}

/* What the slot leads to. One that the loader fills in at the first call still
 * leads back into the program: the function is looked up then. */
static startmain_fn *startmain_target(startmain_fn *const *slot)
{
    struct thrumi_object object;

    if (thrumi_object_of((uintptr_t)*slot, &object) && object.path[0] != '\0')
        return *slot;
    return (startmain_fn *)dlsym(RTLD_DEFAULT, "__libc_start_main");
}

static bool startmain_write(startmain_fn **slot, startmain_fn *fn)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)slot / page * page;
    size_t size = (uintptr_t)(slot + 1) - begin;

    if (mprotect((void *)begin, size, PROT_READ | PROT_WRITE) != 0)
        return false;
    *slot = fn;
    return true;
}

bool thrumi_start_instead(int (*fn)(void))
{
    startmain_fn **slot = startmain_slot();

    if (slot == NULL)
        return false;
    startmain.original = startmain_target(slot);
    startmain.instead = fn;
    return startmain.original != NULL && startmain_write(slot, startmain_begin);
}

bool thrumi_start_can(void)
{
    return thrumi_object_at_start() && startmain_slot() != NULL;
}

bool thrumi_start_is_secure(void)
{
    return getauxval(AT_SECURE) != 0;
}
