/* test_prompt.c: `roost` on a (pseudo-)terminal: editing, completion, history, one session from line to line.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "roost/roost.h"

static roost_manager *m;
static int terminal;
static pid_t pid;
static char home[] = "/tmp/roost-test-XXXXXX";
static char seen[1 << 16]; /* all the terminal has shown since the last expect() */
static size_t seen_len;

static int start(void **state)
{
    (void)state;
    return mkdtemp(home) == NULL || roost_manager_start(NULL, &m) != 0;
}

static int stop(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof(path), "%s/.roost_history", home);
    unlink(path);
    return roost_manager_shutdown(m) != 0 || rmdir(home) != 0;
}

static void open_prompt(void)
{
    pid = forkpty(&terminal, NULL, NULL, NULL);
    assert_true(pid >= 0);
    if (pid > 0)
        return;
    setenv("HOME", home, 1);
    unsetenv("XDG_STATE_HOME");
    setenv("TERM", "dumb", 1);
    setenv("ROOST_URL", roost_manager_url(m), 1);
    execl(ROOST_CLI, "roost", (char *)NULL);
    _exit(99);
}

/* Waits until the terminal shows the text; what it showed up to then is forgotten. */
static void expect(const char *text)
{
    for (;;) {
        const char *found = strstr(seen, text);
        if (found != NULL) {
            size_t used = (size_t)(found - seen) + strlen(text);
            memmove(seen, seen + used, seen_len - used + 1);
            seen_len -= used;
            return;
        }
        struct pollfd p = {.fd = terminal, .events = POLLIN};
        assert_true(poll(&p, 1, 10000) > 0);
        ssize_t n = read(terminal, seen + seen_len, sizeof(seen) - 1 - seen_len);
        if (n <= 0)
            fail_msg("the prompt ended before it showed '%s', but: %s", text, seen);
        seen_len += (size_t)n;
        seen[seen_len] = '\0';
    }
}

static void type(const char *keys)
{
    assert_int_equal(write(terminal, keys, strlen(keys)), strlen(keys));
}

static void close_prompt(void)
{
    int status;
    type("quit\n");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(terminal);
    seen[0] = '\0';
    seen_len = 0;
}

static void a_lock_stays_held_between_lines(void **state)
{
    (void)state;
    roost_lock *l;
    bool locked;
    assert_int_equal(roost_lock_open(m, "held", &l), 0);
    open_prompt();
    expect("roost> ");
    type("lock acquire held\n");
    expect(", false]");
    expect("roost> ");
    assert_int_equal(roost_lock_locked(l, &locked), 0);
    assert_true(locked);
    type("dict foo\n");
    expect("dict has no method foo");
    expect("roost> ");
    close_prompt();
    assert_int_equal(roost_lock_acquire(l, NULL, -1), 0); /* the session has ended */
    assert_int_equal(roost_lock_release(l), 0);
    roost_lock_close(l);
}

static void tab_completes_types_methods_and_names(void **state)
{
    (void)state;
    roost_queue *q;
    roost_value item;
    assert_int_equal(roost_queue_open(m, "a-long-name", NULL, &q), 0);
    open_prompt();
    expect("roost> ");
    type("que\tput_n\ta-l\t5\n"); /* queue put_nowait a-long-name 5 */
    expect("roost> ");
    assert_int_equal(roost_queue_get(q, &item, 10000), 0);
    assert_int_equal(item.as.i, 5);
    close_prompt();
    roost_queue_close(q);
}

static void the_arrow_brings_back_a_line_of_an_earlier_run(void **state)
{
    (void)state;
    open_prompt();
    expect("roost> ");
    type("server ping 4711\n");
    expect("\n4711");
    expect("roost> ");
    close_prompt();
    open_prompt();
    expect("roost> ");
    type("\x10\x10\n"); /* back over quit */
    expect("\n4711");
    expect("roost> ");
    close_prompt();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_stays_held_between_lines),
        cmocka_unit_test(tab_completes_types_methods_and_names),
        cmocka_unit_test(the_arrow_brings_back_a_line_of_an_earlier_run),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
