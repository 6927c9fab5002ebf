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
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/object.h"

#if defined(__x86_64__)
# define STARTMAIN_DATA R_X86_64_GLOB_DAT
# define STARTMAIN_CALL R_X86_64_JUMP_SLOT
#elif defined(__aarch64__)
# define STARTMAIN_DATA R_AARCH64_GLOB_DAT
# define STARTMAIN_CALL R_AARCH64_JUMP_SLOT
#else
# define STARTMAIN_DATA 0
# define STARTMAIN_CALL 0
#endif

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

static const struct link_map *startmain_program(void)
{
    void *handle = dlopen(NULL, RTLD_LAZY | RTLD_NOLOAD);
    struct link_map *map = NULL;

    if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0)
        return NULL;
    return map;
}

struct startmain_tables {
    uintptr_t symbols;
    uintptr_t strings;
    uintptr_t rela;
    size_t rela_size;
    uintptr_t calls;
    size_t calls_size;
};

static void startmain_read(const struct link_map *map,
                           struct startmain_tables *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (const ElfW(Dyn) *at = map->l_ld; at->d_tag != DT_NULL; at++) {
        uintptr_t value = at->d_un.d_ptr;
        uintptr_t address = value < map->l_addr ? value + map->l_addr : value;

        if (at->d_tag == DT_SYMTAB)
            ret->symbols = address;
        else if (at->d_tag == DT_STRTAB)
            ret->strings = address;
        else if (at->d_tag == DT_RELA)
            ret->rela = address;
        else if (at->d_tag == DT_RELASZ)
            ret->rela_size = value;
        else if (at->d_tag == DT_JMPREL)
            ret->calls = address;
        else if (at->d_tag == DT_PLTRELSZ)
            ret->calls_size = value;
    }
}

static startmain_fn **startmain_in(const struct link_map *map,
                                   const struct startmain_tables *tables,
                                   uintptr_t table, size_t size)
{
    const ElfW(Sym) *symbols = (const void *)tables->symbols;
    const ElfW(Rela) *rela = (const void *)table;

    for (size_t i = 0; i < size / sizeof(*rela); i++) {
        unsigned long type = ELF64_R_TYPE(rela[i].r_info);
        const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(rela[i].r_info)];
        const char *name = (const char *)tables->strings + symbol->st_name;

        if ((type == STARTMAIN_DATA || type == STARTMAIN_CALL) &&
            strcmp(name, "__libc_start_main") == 0)
            return (startmain_fn **)(map->l_addr + rela[i].r_offset);
    }
    return NULL;
}

static startmain_fn **startmain_slot(void)
{
    const struct link_map *map = startmain_program();
    struct startmain_tables tables;
    startmain_fn **slot;

    if (STARTMAIN_DATA == 0 || map == NULL)
        return NULL;
    startmain_read(map, &tables);
    if (tables.symbols == 0 || tables.strings == 0)
        return NULL;
    slot = startmain_in(map, &tables, tables.rela, tables.rela_size);
    if (slot == NULL)
        slot = startmain_in(map, &tables, tables.calls, tables.calls_size);
    return slot;
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
