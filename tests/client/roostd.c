/* roostd.c: see roostd.h. */
#include "tests/client/roostd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

pid_t roostd_start(char url[ROOSTD_URL])
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t server = fork();
    if (server == 0) {
        char fd[16];
        snprintf(fd, sizeof(fd), "%d", ready[1]);
        close(ready[0]);
        execl(getenv("ROOSTD"), "roostd", "--listen", "tcp://127.0.0.1:0", "--ready-fd", fd, "--log-level",
              "error", (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    FILE *from = fdopen(ready[0], "r");
    assert_non_null(fgets(url, ROOSTD_URL, from));
    url[strcspn(url, "\n")] = '\0';
    fclose(from);
    return server;
}

void roostd_end(pid_t server, int signal)
{
    kill(server, signal);
    assert_int_equal(waitpid(server, NULL, 0), server);
}
