/* SPDX-License-Identifier: MIT */
/*
 * monkey/file_name.c - what is done to files by their names.
 *
 * Changes have to be written down, so they are made elsewhere. To look at what
 * is in memory takes no longer than to ask somebody else to.
 */
#include "monkey/file_calls.h"
#include "monkey/file_look.h"

/* ---- changes ---- */

FILE_CALL_2(truncate, false, const char *, path, off_t, length)
FILE_CALL_2(rename, false, const char *, from, const char *, to)
FILE_CALL_4(renameat, false, int, from_folder, const char *, from, int,
            to_folder, const char *, to)
FILE_CALL_5(renameat2, false, int, from_folder, const char *, from, int,
            to_folder, const char *, to, unsigned, flags)
FILE_CALL_1(unlink, false, const char *, path)
FILE_CALL_3(unlinkat, false, int, folder, const char *, path, int, flags)
FILE_CALL_1(rmdir, false, const char *, path)
FILE_CALL_2(mkdir, false, const char *, path, mode_t, mode)
FILE_CALL_3(mkdirat, false, int, folder, const char *, path, mode_t, mode)

/* ---- looks ---- */

/* Of a descriptor alone it is known already. */
static bool name_is_warm(int folder, const char *path, int flags)
{
    if ((flags & AT_EMPTY_PATH) != 0 && (path == NULL || path[0] == '\0'))
        return true;
    return thrumi_file_look(folder, path,
                            flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0) != 0;
}

FILE_CALL_2(stat, name_is_warm(AT_FDCWD, path, 0), const char *, path,
            struct stat *, into)
FILE_CALL_2(lstat, name_is_warm(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW),
            const char *, path, struct stat *, into)
FILE_CALL_4(fstatat, name_is_warm(folder, path, flags), int, folder,
            const char *, path, struct stat *, into, int, flags)
FILE_CALL_5(statx, name_is_warm(folder, path, flags), int, folder, const char *,
            path, int, flags, unsigned, mask, struct statx *, into)

/* Those of programs that were linked before glibc 2.33. */
FILE_CALL_3(__xstat, name_is_warm(AT_FDCWD, path, 0), int, version,
            const char *, path, struct stat *, into)
FILE_CALL_3(__lxstat, name_is_warm(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW), int,
            version, const char *, path, struct stat *, into)
FILE_CALL_5(__fxstatat, name_is_warm(folder, path, flags), int, version, int,
            folder, const char *, path, struct stat *, into, int, flags)
