/* SPDX-License-Identifier: MIT */
/*
 * main.c - the program around a test file that is a shared object.
 */
#include "names.h"

/* A use, so that the linker takes that library before libc. */
static void *(*const main_names)(void *)__attribute__((used)) = names_open;

int monkey_main(int argc, char **argv);

int main(int argc, char **argv)
{
    return monkey_main(argc, argv);
}
