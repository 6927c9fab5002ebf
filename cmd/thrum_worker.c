/* SPDX-License-Identifier: MIT */
/*
 * thrum_worker.c - what worker processes are made of where the program itself
 * cannot be run anew, since it has loaded the library later (dlopen). It runs
 * functions of shared objects, which it loads when they are called.
 */
#include <stdio.h>

#include <thrum/process_pool.h>

int main(void)
{
    thrum_worker_main();
    fputs("thrum-worker: this is started by process pools, not by hand\n",
          stderr);
    return 2;
}
