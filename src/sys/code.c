/* SPDX-License-Identifier: MIT */
/*
 * sys/code.c - looking for instructions that make system calls.
 *
 * Code is not taken apart: where instructions begin cannot be told from their
 * bytes on x86-64. What is looked for there is "syscall", 0f 05, where that is not
 * in the middle of how far a call or data is away, which is what it is most
 * often otherwise: of libraries that make no system calls themselves nearly all
 * are found to make none. On aarch64 it is "svc #0", a word.
 */
#include "sys/code.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
/* Does a distance of four bytes follow that byte? Of a call, a jump, or as it is
 * used for data. */
static bool code_before_distance(unsigned char byte)
{
    return byte == 0xe8 || byte == 0xe9 || (byte & 0xc7) == 0x05 ||
           (byte >= 0x80 && byte <= 0x8f);
}

/* Its highest byte: objects are small. */
static bool code_ends_distance(unsigned char byte)
{
    return byte == 0x00 || byte == 0xff;
}

/* Is that the instruction, at `at`, with two more bytes on both sides? What it is
 * taken for otherwise: 0f 05 xx 00 and xx 0f 05 00 as such a distance. */
static bool code_is_call(const unsigned char *at)
{
    if (at[0] != 0x0f || at[1] != 0x05 || at[2] == 0x00)
        return false;
    return !(at[2] == 0xff && at[3] == 0xff) &&
           !(code_before_distance(at[-1]) && code_ends_distance(at[3])) &&
           !(code_before_distance(at[-2]) && code_ends_distance(at[2]));
}

static size_t code_count(const unsigned char *code, size_t size)
{
    size_t count = 0;

    for (size_t at = 2; at + 4 <= size; at++)
        count += code_is_call(code + at);
    return count;
}
#elif defined(__aarch64__)
static size_t code_count(const unsigned char *code, size_t size)
{
    size_t count = 0;

    for (size_t at = 0; at + sizeof(uint32_t) <= size; at += sizeof(uint32_t)) {
        uint32_t word;

        memcpy(&word, code + at, sizeof(word));
        count += word == 0xd4000001u;
    }
    return count;
}
#else
static size_t code_count(const unsigned char *code, size_t size)
{
    (void)code;
    (void)size;
    return 0;
}
#endif

size_t thrumi_code_system_calls(const struct dl_phdr_info *info)
{
    const unsigned readable = PF_X | PF_R;
    size_t count = 0;

    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD &&
            (segment->p_flags & readable) == readable)
            count +=
                code_count((const void *)(info->dlpi_addr + segment->p_vaddr),
                           segment->p_filesz);
    }
    return count;
}
