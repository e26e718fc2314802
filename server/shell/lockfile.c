/* lockfile.c: see lockfile.h. */
#include "shell/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void lock_path(const char *socket_path, char ret[PATH_MAX])
{
    snprintf(ret, PATH_MAX, "%s.lock", socket_path);
}

/* The file locked is still the one of that name: it was not removed between open and lock. */
static bool is_current(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

int lockfile_take(const char *socket_path)
{
    char path[PATH_MAX];
    lock_path(socket_path, path);
    for (;;) {
        int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return -1;
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int why = errno;
            close(fd);
            errno = why;
            return -1;
        }
        if (is_current(fd, path))
            return fd;
        close(fd);
    }
}

void lockfile_drop(int fd, const char *socket_path)
{
    char path[PATH_MAX];
    lock_path(socket_path, path);
    unlink(path);
    close(fd);
}
