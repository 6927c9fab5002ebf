/* SPDX-License-Identifier: MIT */
/*
 * sys/look.c - what another thread of this process is doing, seen from outside.
 *
 * By /proc/self/task/N/syscall: the system call a thread sleeps in, its stack
 * pointer and where it goes on; "running" of one that does not sleep. With the
 * stack pointer known, the stack can be searched: a word of it is taken for the
 * return address of a frame if it points into code and behind an instruction
 * that calls. To walk it properly takes registers that only a debugger or the
 * thread itself can tell.
 */
#include "sys/look.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "sys/fault.h"

int thrumi_thread_number(void)
{
    return (int)syscall(SYS_gettid);
}

#define LOOK_PAGE  4096u /* of any size that divides the real one */
#define LOOK_PARTS 32u   /* copied at most */

/* ---- what it is in ---- */

/* Reads a file about the thread; false: there is none. */
static bool look_read(int thread, const char *name, char *text, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, name);
    fd = thrumi_fault("proc") ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, size - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* "0 0x3 0x7f.. 0x20000 0x.. 0x.. 0x0 SP PC", "-1 SP PC", or "running". */
void thrumi_look_at(int thread, struct thrumi_look *ret)
{
    unsigned long arg[6];
    unsigned long sp = 0;
    unsigned long pc = 0;
    char text[256];

    *ret = (struct thrumi_look){THRUMI_LOOK_UNKNOWN, -1, 0, 0};
    if (!look_read(thread, "syscall", text, sizeof(text)))
        return;
    if (strncmp(text, "running", 7) == 0)
        ret->state = THRUMI_LOOK_RUNS;
    else if (sscanf(text, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &ret->call,
                    &arg[0], &arg[1], &arg[2], &arg[3], &arg[4], &arg[5], &sp,
                    &pc) == 9)
        ret->state = THRUMI_LOOK_IN_CALL;
    else if (sscanf(text, "-1 %lx %lx", &sp, &pc) == 2)
        ret->state = THRUMI_LOOK_SLEEPS;
    ret->sp = sp;
    ret->pc = pc;
}

/* The kernel's name for the CPU clock of a thread, as in
 * pthread_getcpuclockid(), which wants one that is known to live. */
int64_t thrumi_look_cpu_ns(int thread)
{
    clockid_t clock = (clockid_t)(~(unsigned)thread << 3 | 6u);
    struct timespec used;

    if (clock_gettime(clock, &used) != 0)
        return 0;
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* ---- names of system calls ---- */

#define LOOK_CALL(name) \
 {                      \
  SYS_##name, #name     \
 }

/* Those in which a thread may sit for long. */
static const struct {
    long number;
    const char *name;
} look_calls[] = {
    LOOK_CALL(read),
    LOOK_CALL(write),
    LOOK_CALL(readv),
    LOOK_CALL(writev),
    LOOK_CALL(pread64),
    LOOK_CALL(pwrite64),
    LOOK_CALL(preadv),
    LOOK_CALL(pwritev),
    LOOK_CALL(preadv2),
    LOOK_CALL(pwritev2),
    LOOK_CALL(openat),
    LOOK_CALL(close),
    LOOK_CALL(fsync),
    LOOK_CALL(fdatasync),
    LOOK_CALL(sync_file_range),
    LOOK_CALL(syncfs),
    LOOK_CALL(fallocate),
    LOOK_CALL(ftruncate),
    LOOK_CALL(getdents64),
    LOOK_CALL(statx),
    LOOK_CALL(unlinkat),
    LOOK_CALL(flock),
    LOOK_CALL(fcntl),
    LOOK_CALL(ioctl),
    LOOK_CALL(sendfile),
    LOOK_CALL(splice),
    LOOK_CALL(copy_file_range),
    LOOK_CALL(connect),
    LOOK_CALL(accept),
    LOOK_CALL(accept4),
    LOOK_CALL(recvfrom),
    LOOK_CALL(recvmsg),
    LOOK_CALL(recvmmsg),
    LOOK_CALL(sendto),
    LOOK_CALL(sendmsg),
    LOOK_CALL(sendmmsg),
    LOOK_CALL(ppoll),
    LOOK_CALL(pselect6),
    LOOK_CALL(epoll_pwait),
    LOOK_CALL(io_uring_enter),
    LOOK_CALL(futex),
    LOOK_CALL(nanosleep),
    LOOK_CALL(clock_nanosleep),
    LOOK_CALL(rt_sigtimedwait),
    LOOK_CALL(rt_sigsuspend),
    LOOK_CALL(wait4),
    LOOK_CALL(waitid),
    LOOK_CALL(clone),
    LOOK_CALL(execve),
    LOOK_CALL(semop),
    LOOK_CALL(semtimedop),
    LOOK_CALL(msgsnd),
    LOOK_CALL(msgrcv),
    LOOK_CALL(mq_timedsend),
    LOOK_CALL(mq_timedreceive),
    LOOK_CALL(mmap),
    LOOK_CALL(munmap),
    LOOK_CALL(madvise),
    LOOK_CALL(msync),
    LOOK_CALL(mlock),
    LOOK_CALL(getrandom),
    LOOK_CALL(sched_yield),
#ifdef SYS_poll /* not there where the newer ones always were */
    LOOK_CALL(poll),
    LOOK_CALL(select),
    LOOK_CALL(pause),
    LOOK_CALL(open),
    LOOK_CALL(stat),
    LOOK_CALL(epoll_wait),
    LOOK_CALL(vfork),
#endif
};

void thrumi_look_call_name(long call, char *text, size_t size)
{
    for (size_t i = 0; i < sizeof(look_calls) / sizeof(look_calls[0]); i++) {
        if (look_calls[i].number != call)
            continue;
        snprintf(text, size, "%s", look_calls[i].name);
        return;
    }
    snprintf(text, size, "system call %ld", call);
}

/* ---- its stack ---- */

/* The kernel copies all of a part or nothing: so the parts end with pages. */
size_t thrumi_look_copy(uintptr_t from, void *to, size_t size)
{
    struct iovec local = {to, size};
    struct iovec parts[LOOK_PARTS];
    unsigned long count = 0;
    ssize_t n;

    while (size > 0 && count < LOOK_PARTS) {
        size_t part = LOOK_PAGE - from % LOOK_PAGE;

        part = part < size ? part : size;
        parts[count++] = (struct iovec){(void *)from, part};
        from += part;
        size -= part;
    }
    local.iov_len -= size;
    n = thrumi_fault("process_vm_readv")
            ? -1
            : process_vm_readv(getpid(), &local, 1, parts, count, 0);
    return n < 0 ? 0 : (size_t)n;
}

#if defined(__x86_64__)
/* Does an instruction that calls end here? By relative address, or through a
 * register or memory with any way to give the address. */
static bool look_behind_call(const unsigned char *end)
{
    return end[-5] == 0xe8 || (end[-2] == 0xff && (end[-1] & 0x38) == 0x10) ||
           (end[-3] == 0xff && (end[-2] & 0x38) == 0x10) ||
           (end[-4] == 0xff && (end[-3] & 0x38) == 0x10) ||
           (end[-6] == 0xff && (end[-5] & 0x38) == 0x10) ||
           (end[-7] == 0xff && (end[-6] & 0x38) == 0x10);
}
#elif defined(__aarch64__)
static bool look_behind_call(const unsigned char *end)
{
    uint32_t word;

    memcpy(&word, end - 4, sizeof(word));
    return (word & 0xfc000000u) == 0x94000000u || /* bl */
           (word & 0xfffffc1fu) == 0xd63f0000u;   /* blr */
}
#else
static bool look_behind_call(const unsigned char *end)
{
    (void)end;
    return true;
}
#endif

struct look_place {
    uintptr_t address;
    bool in_code;
};

static int look_at_object(struct dl_phdr_info *object, size_t size, void *arg)
{
    struct look_place *place = arg;

    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + part->p_vaddr;

        if (part->p_type == PT_LOAD && (part->p_flags & PF_X) != 0 &&
            place->address >= begin + 8 &&
            place->address < begin + part->p_memsz)
            place->in_code = true;
    }
    return place->in_code;
}

static bool look_is_frame(uintptr_t address)
{
    struct look_place place = {address, false};
    unsigned char code[8];

    dl_iterate_phdr(look_at_object, &place);
    return place.in_code &&
           thrumi_look_copy(address - sizeof(code), code, sizeof(code)) ==
               sizeof(code) &&
           look_behind_call(code + sizeof(code));
}

int thrumi_look_frames(const void *copy, size_t size, void **frames, int max)
{
    const char *bytes = copy;
    int n = 0;

    for (size_t at = 0; at + sizeof(uintptr_t) <= size && n < max;
         at += sizeof(uintptr_t)) {
        uintptr_t word;

        memcpy(&word, bytes + at, sizeof(word));
        if (word > 4096 && look_is_frame(word))
            frames[n++] = (void *)word;
    }
    return n;
}
