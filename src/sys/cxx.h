/* SPDX-License-Identifier: MIT */
/*
 * sys/cxx.h - what the C++ runtime keeps for each thread of its exceptions.
 *
 * The exceptions that are being handled and the number of those in flight: a
 * greenlet that switches inside of a catch block must find its own again.
 */
#ifndef THRUMI_SYS_CXX_H
#define THRUMI_SYS_CXX_H

/* __cxa_eh_globals of the Itanium C++ ABI, section 2.2.2. */
struct thrumi_cxx {
    void *caught;
    unsigned uncaught;
};

/* The calling thread's, or NULL when the program has no C++ runtime (yet). */
struct thrumi_cxx *thrumi_cxx_globals(void);

#endif /* THRUMI_SYS_CXX_H */
