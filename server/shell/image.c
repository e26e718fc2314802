/* image.c: see image.h. */
#include "shell/image.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/error.h"

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.data, bytes.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            bytes = slice_of(bytes.data + n, bytes.len - (size_t)n);
    }
    return true;
}

/* In the child, which has all the time it wants. */
static void save_and_exit(int fd, image_saver *save, const void *what)
{
    struct buf state = buf_make(SIZE_MAX / 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(fd, 3) != 3)
        _exit(1);
    close_range(4, ~0U, 0); /* nobody's connection or lock stays open because of it */
    _exit(save(what, &state) == ROOST_OK && write_all(3, buf_slice(&state)) ? 0 : 1);
}

bool image_begin(struct image *im, image_saver *save, const void *what)
{
    int fd = memfd_create("roost-image", MFD_CLOEXEC);
    pid_t child = fd >= 0 ? fork() : -1;
    if (child == 0)
        save_and_exit(fd, save, what);
    if (child < 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        errno = why;
        *im = (struct image){.child = 0};
        return false;
    }
    *im = (struct image){.child = child, .fd = fd};
    return true;
}

static void map(struct image *im)
{
    off_t len = lseek(im->fd, 0, SEEK_END);
    void *at = len > 0 ? mmap(NULL, (size_t)len, PROT_READ, MAP_SHARED, im->fd, 0) : MAP_FAILED;
    if (at == MAP_FAILED)
        return;
    im->bytes = at;
    im->len = (size_t)len;
}

enum image_progress image_look(struct image *im)
{
    int status;
    if (im->bytes != NULL)
        return IMAGE_THERE;
    if (im->child == 0)
        return IMAGE_NONE;
    if (waitpid(im->child, &status, WNOHANG) != im->child)
        return IMAGE_IN_WORK;
    im->child = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        map(im);
    close(im->fd);
    return im->bytes != NULL ? IMAGE_THERE : IMAGE_NONE;
}

void image_free(struct image *im)
{
    if (im->child > 0) {
        kill(im->child, SIGKILL);
        waitpid(im->child, NULL, 0);
        close(im->fd);
    }
    if (im->bytes != NULL)
        munmap(im->bytes, im->len);
    *im = (struct image){.child = 0};
}
