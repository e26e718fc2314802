/*
 * top.c: `roost top`: a server's objects and clients, live on a terminal, or once as a table.
 *
 * The screen is plain ANSI: the alternate screen, home, and each line erased to its end. What the terminal
 * was like comes back however this ends: by q, a signal, or a lost server.
 */
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "top.h"

struct screen {
    struct cli *cli;
    struct top_picture picture;
    bool clients; /* else objects */
    enum top_key key;
    char filter[TOP_TEXT];
    bool typing;      /* the filter */
    size_t chosen;    /* a client's row */
    uint64_t to_kill; /* asked for, to be confirmed */
    char said[160];   /* what came of the last key */
    int interval_ms;
    int height, width, name_width;
};

static volatile sig_atomic_t ended;

static void on_signal(int signal)
{
    (void)signal;
    ended = 1;
}

/* ---- rows ---- */

static void in_units(int64_t bytes, char ret[24])
{
    static const char units[] = " KMGT";
    double n = (double)bytes;
    unsigned i = 0;
    for (; n >= 10000 && i < 4; i++)
        n /= 1024;
    snprintf(ret, 24, "%.0f%.1s", n, i > 0 ? &units[i] : "");
}

static void in_seconds(int64_t ms, char ret[24])
{
    if (ms < 0)
        snprintf(ret, 24, "-");
    else if (ms < 100000)
        snprintf(ret, 24, "%.1fs", (double)ms / 1000);
    else
        snprintf(ret, 24, "%" PRId64 "m", ms / 60000);
}

static void in_rate(double rate, char ret[24])
{
    snprintf(ret, 24, rate < 0 ? "-" : rate < 10 ? "%.1f" : "%.0f", rate);
}

/* What is left of a line for a name; a table for scripts has room. */
enum { COLUMNS = 62, NAME_MIN = 12 };

static void object_row(const struct screen *s, const struct top_row *r, char *ret, size_t len)
{
    char bytes[24], rate[24], oldest[24], size[24] = "-";
    in_units(r->bytes, bytes);
    in_rate(r->rate, rate);
    in_seconds(r->oldest_ms, oldest);
    if (r->size >= 0)
        snprintf(size, sizeof(size), "%" PRId64, r->size);
    snprintf(ret, len, "%7" PRIu64 " %-*.*s %-9s %8s %6s %7s %5" PRId64 " %5" PRId64 " %7s %10" PRId64, r->id,
             s->name_width, s->width > 0 ? s->name_width : TOP_TEXT, r->name, r->type, size, bytes, rate,
             r->holders, r->waiters, oldest, r->calls);
}

static void client_row(const struct screen *s, const struct top_row *r, char *ret, size_t len)
{
    (void)s;
    char age[24], rate[24];
    in_seconds(r->age_ms, age);
    in_rate(r->rate, rate);
    snprintf(ret, len, "%8" PRIu64 " %8s %10" PRId64 " %8s %6" PRId64 " %6" PRId64 "  %-40s %s", r->id, age,
             r->calls, rate, r->holders, r->waiters, r->name, r->type);
}

static void object_head(const struct screen *s, char *ret, size_t len)
{
    snprintf(ret, len, "%7s %-*s %-9s %8s %6s %7s %5s %5s %7s %10s", "ID", s->name_width, "NAME", "TYPE",
             "SIZE", "BYTES", "CALLS/S", "HELD", "WAITS", "OLDEST", "CALLS");
}

static void client_head(const struct screen *s, char *ret, size_t len)
{
    (void)s;
    snprintf(ret, len, "%8s %8s %10s %8s %6s %6s  %-40s %s", "SESSION", "AGE", "CALLS", "CALLS/S", "HELD",
             "WAITS", "WHO", "PEER");
}

static void summary(const struct top_picture *p, char *ret, size_t len)
{
    char up[24], rate[24], memory[24], max[24];
    in_seconds(p->uptime_ms, up);
    in_rate(p->rate, rate);
    in_units(p->memory, memory);
    in_units(p->memory_max, max);
    snprintf(ret, len,
             "up %s  calls/s %s  sessions %" PRId64 "  objects %" PRId64 "  waiting %" PRId64
             "  memory %s of %s",
             up, rate, p->total_sessions, p->total_objects, p->waiters, memory, max);
}

/* ---- once ---- */

static void print_list(struct top_list *l, const struct screen *s,
                       void (*head)(const struct screen *s, char *ret, size_t len),
                       void (*row)(const struct screen *s, const struct top_row *r, char *ret, size_t len))
{
    char line[400];
    size_t n = top_arrange(l, s->key, s->filter);
    head(s, line, sizeof(line));
    puts(line);
    for (size_t i = 0; i < n; i++) {
        row(s, &l->rows[i], line, sizeof(line));
        puts(line);
    }
    if (l->more)
        puts("(there are more)");
}

static int once(struct screen *s)
{
    char line[400];
    if (top_take(s->cli->manager, NULL, &s->picture) != ROOST_OK)
        return cli_fail();
    summary(&s->picture, line, sizeof(line));
    puts(line);
    print_list(&s->picture.objects, s, object_head, object_row);
    print_list(&s->picture.sessions, s, client_head, client_row);
    top_free(&s->picture);
    return STATUS_DONE;
}

/* ---- live ---- */

static void put_line(const struct screen *s, const char *text, const char *style)
{
    printf("%s%.*s\033[0m\033[K\r\n", style, s->width, text);
}

static void measure(struct screen *s)
{
    struct winsize w;
    bool ok = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0;
    s->height = ok ? w.ws_row : 24;
    s->width = ok ? w.ws_col : 80;
    s->name_width = s->width - COLUMNS < NAME_MIN   ? NAME_MIN
                    : s->width - COLUMNS < TOP_TEXT ? s->width - COLUMNS
                                                    : TOP_TEXT;
}

static void draw_rows(struct screen *s)
{
    struct top_list *l = s->clients ? &s->picture.sessions : &s->picture.objects;
    char line[400];
    size_t n = top_arrange(l, s->key, s->filter), room = s->height > 6 ? (size_t)s->height - 5 : 1;
    if (s->chosen >= n)
        s->chosen = n > 0 ? n - 1 : 0;
    size_t from = s->clients && s->chosen >= room ? s->chosen - room + 1 : 0;
    s->clients ? client_head(s, line, sizeof(line)) : object_head(s, line, sizeof(line));
    put_line(s, line, "\033[7m");
    for (size_t i = from; i < from + room; i++) {
        *line = '\0';
        if (i < n)
            s->clients ? client_row(s, &l->rows[i], line, sizeof(line))
                       : object_row(s, &l->rows[i], line, sizeof(line));
        put_line(s, line, s->clients && i == s->chosen ? "\033[1m" : "");
    }
}

static void draw(struct screen *s)
{
    char line[400];
    measure(s);
    fputs("\033[H", stdout);
    summary(&s->picture, line, sizeof(line));
    put_line(s, line, "\033[1m");
    snprintf(line, sizeof(line), "%s, by %s%s%s%s", s->clients ? "clients" : "objects", top_key_names[s->key],
             *s->filter != '\0' || s->typing ? ", with /" : "", s->filter, s->typing ? "_" : "");
    put_line(s, line, "");
    draw_rows(s);
    printf("%.*s\033[K", s->width,
           *s->said != '\0' ? s->said
                            : "q quit  tab objects/clients  s sort  / filter  j k choose  K kill the client");
    fflush(stdout);
}

static void type_filter(struct screen *s, char key)
{
    size_t n = strlen(s->filter);
    if (key == '\r' || key == '\n' || key == '\033')
        s->typing = false;
    else if ((key == 127 || key == '\b') && n > 0)
        s->filter[n - 1] = '\0';
    else if ((unsigned char)key >= ' ' && key != 127 && n + 1 < sizeof(s->filter))
        snprintf(s->filter + n, sizeof(s->filter) - n, "%c", key);
}

static void confirm_kill(struct screen *s, char key)
{
    uint64_t id = s->to_kill;
    s->to_kill = 0;
    if (key != 'y')
        snprintf(s->said, sizeof(s->said), "session %" PRIu64 " lives on", id);
    else if (roost_server_kill(s->cli->manager, id) == ROOST_OK)
        snprintf(s->said, sizeof(s->said), "session %" PRIu64 " was ended", id);
    else
        snprintf(s->said, sizeof(s->said), "%.150s", roost_errmsg());
}

static void ask_to_kill(struct screen *s)
{
    if (!s->clients || s->picture.sessions.len == 0) {
        snprintf(s->said, sizeof(s->said), "choose a client first: tab, then j and k");
        return;
    }
    const struct top_row *r = &s->picture.sessions.rows[s->chosen];
    s->to_kill = r->id;
    snprintf(s->said, sizeof(s->said), "end session %" PRIu64 " (%.40s), with all it holds? y or n", r->id,
             r->name);
}

/* False: quit. */
static bool take_key(struct screen *s, char key)
{
    if (s->typing) {
        type_filter(s, key);
        return true;
    }
    if (s->to_kill != 0) {
        confirm_kill(s, key);
        return true;
    }
    *s->said = '\0';
    if (key == '\t')
        s->clients = !s->clients;
    else if (key == 's')
        s->key = (s->key + 1) % TOP_KEYS;
    else if (key == '/')
        s->typing = true;
    else if (key == 'j')
        s->chosen++;
    else if (key == 'k' && s->chosen > 0)
        s->chosen--;
    else if (key == 'K')
        ask_to_kill(s);
    return key != 'q';
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes keys until the next picture is due. False: quit. */
static bool wait_keys(struct screen *s)
{
    int64_t until = now_ms() + s->interval_ms;
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    for (int64_t left; (left = until - now_ms()) > 0 && !ended;) {
        if (poll(&in, 1, (int)left) <= 0)
            continue;
        if (read(STDIN_FILENO, &key, 1) != 1 || !take_key(s, key))
            return false;
        draw(s);
    }
    return !ended;
}

static int watch(struct screen *s)
{
    do {
        struct top_picture next;
        bool first = s->picture.objects.rows == NULL;
        if (top_take(s->cli->manager, first ? NULL : &s->picture, &next) != ROOST_OK)
            return -1;
        top_free(&s->picture);
        s->picture = next;
        draw(s);
    } while (wait_keys(s));
    return 0;
}

static int live(struct screen *s)
{
    struct termios was, raw;
    if (tcgetattr(STDIN_FILENO, &was) != 0 || !isatty(STDOUT_FILENO))
        return cli_usage("top: this is no terminal: roost top --once prints a table");
    struct sigaction end = {.sa_handler = on_signal}, before[2];
    sigaction(SIGINT, &end, &before[0]);
    sigaction(SIGTERM, &end, &before[1]);
    raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    fputs("\033[?1049h\033[?25l", stdout);
    int rc = watch(s);
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    top_free(&s->picture);
    return rc == 0 ? STATUS_DONE : cli_fail();
}

/* A number of ms, 100 at least, or 0. */
static int interval(const char *text)
{
    char *end;
    long n = strtol(text, &end, 10);
    return *end == '\0' && n >= 100 && n <= 3600 * 1000 ? (int)n : 0;
}

static int key_named(const char *name)
{
    for (int k = 0; k < TOP_KEYS; k++)
        if (strcmp(top_key_names[k], name) == 0)
            return k;
    return -1;
}

int cli_top(struct cli *c, int n, char **words)
{
    struct screen s = {.cli = c, .interval_ms = 1000, .name_width = 24};
    bool only_once = false;
    for (int i = 0; i < n; i++) {
        const char *value = i + 1 < n ? words[i + 1] : NULL;
        if (strcmp(words[i], "--once") == 0)
            only_once = true;
        else if (strcmp(words[i], "--sort") == 0 && value != NULL && key_named(value) >= 0)
            s.key = (enum top_key)key_named(words[++i]);
        else if (strcmp(words[i], "--filter") == 0 && value != NULL)
            snprintf(s.filter, sizeof(s.filter), "%s", words[++i]);
        else if (strcmp(words[i], "--interval") == 0 && value != NULL && interval(value) > 0)
            s.interval_ms = interval(words[++i]);
        else
            return cli_usage(
                "usage: roost top [--once] [--sort load|waiters|size|bytes|holders|name] [--filter TEXT] "
                "[--interval MS, 100 at least]");
    }
    int status = cli_connect(c);
    if (status != STATUS_DONE)
        return status;
    return only_once ? once(&s) : live(&s);
}
