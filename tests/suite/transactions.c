/* transactions.c: several calls in one step or not at all; every method that writes is taken back exactly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite/suite.h"
#include "wire/methods.h"

/* Posts a transaction; conditions and calls are the insides of arrays. */
static uint64_t transact(struct client *c, const char *conditions, const char *calls, int timeout_ms)
{
    char *args;
    assert_true(asprintf(&args, "[[%s], [%s], %d]", conditions, calls, timeout_ms) > 0);
    uint64_t number = post(c, 0, "server.transact", args);
    free(args);
    return number;
}

#define done(c, conditions, calls, expected) answered(c, transact(c, conditions, calls, 0), expected)
#define refused(c, conditions, calls, code) \
    answered(c, transact(c, conditions, calls, 0), text("error %d", code))

static void forget(struct client *c, const char *names)
{
    for (const char *name = names; *name != '\0'; name++)
        ok(c, 0, "server.delete", text("['%c']", *name), "null");
}

static void calls_run_in_order_and_each_sees_those_before(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "['d', {'n': 1, 'l': [1]}]"), l = open_object(c, "list", "['l']");
    done(c, "", "", "[]");
    done(c, "",
         "['d', 'incr', ['n', 5]], ['l', 'append', ['x']], ['d', 'dict.get', ['n']], ['l', 531], "
         "['d', 'list.append', [2], ['l']], ['d', 'list.len', [], ['l']], ['d', 'dict.copy']",
         "[6, null, 6, 1, null, 2, {\"n\": 6, \"l\": [1, 2]}]");
    ok(c, d, "dict.copy", "[]", "{\"n\": 6, \"l\": [1, 2]}");
    ok(c, l, "list.copy", "[]", "[\"x\"]");
    forget(c, "dl");
    lose(c);
}

static void a_call_that_fails_takes_all_others_back(void **state)
{
    (void)state;
    struct client *c = client_open();
    uint64_t d = open_object(c, "dict", "['d', {'n': 1, 's': 'text'}]"),
             l = open_object(c, "list", "['l', [1, 2]]");
    uint64_t q = open_object(c, "queue", "['q', 1]");
    refused(c, "", "['d', 'set', ['new', 1]], ['l', 'pop'], ['d', 'incr', ['s']]", ROOST_ETYPE);
    refused(c, "", "['d', 'clear'], ['l', 'clear'], ['q', 'put', [1]], ['q', 'put', [2]]", ROOST_EFULL);
    refused(c, "", "['d', 'set', ['a', 1]], ['q', 'get']", ROOST_EEMPTY);
    refused(c, "", "['d', 'set', ['a', 1]], ['d', 'list.append', [1], ['n']]", ROOST_ETYPE);
    refused(c, "", "['d', 'set', ['a', 1]], ['d', 'set', ['a']]", ROOST_EINVAL);
    refused(c, "", "['d', 'set', ['a', 1]], ['d', 'get', ['b']]", ROOST_EKEY);
    ok(c, d, "dict.items", "[]", "[[\"n\", 1], [\"s\", \"text\"]]");
    ok(c, l, "list.copy", "[]", "[1, 2]");
    ok(c, q, "queue.empty", "[]", "true");
    forget(c, "dlq");
    lose(c);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct client *c = client_open();
    open_object(c, "dict", "['d', {'n': 1}]");
    open_object(c, "queue", "['q']");
    open_object(c, "lock", "['k']");
    refused(c, "", "1", ROOST_EINVAL);
    refused(c, "", "['d']", ROOST_EINVAL);
    refused(c, "", "['d', 'set', [], [], []]", ROOST_EINVAL);
    refused(c, "", "[1, 'set']", ROOST_ETYPE);
    refused(c, "", "['nobody', 'set']", ROOST_ENOENT);
    refused(c, "", "['d', 'nothing']", ROOST_ENOMETHOD);
    refused(c, "", "['d', 'no.thing']", ROOST_ENOMETHOD);
    refused(c, "", "['d', 99999]", ROOST_ENOMETHOD);
    refused(c, "", "['d', 'list.len']", ROOST_ETYPE);
    refused(c, "", "['d', 'set', 1]", ROOST_EINVAL);
    refused(c, "", "['d', 'list.len', [], 'n']", ROOST_EINVAL);
    refused(c, "", "['d', 'open']", ROOST_EINVAL);
    refused(c, "", "['d', 'server.info']", ROOST_EINVAL);
    refused(c, "", "['k', 'acquire', [0]]", ROOST_EINVAL);
    refused(c, "", "['k', 'extend', [1, 5]]", ROOST_EINVAL);
    open_object(c, "keyed_lock", "['K']");
    refused(c, "", "['K', 'release', [['x']]]", ROOST_EINVAL);
    forget(c, "K");
    refused(c, "", "['q', 'join', [0]]", ROOST_EINVAL);
    refused(c, "['equals', 'd', ['n'], 2]", "['d', 'nothing']",
            ROOST_ENOMETHOD); /* calls are checked first */
    refused(c, "['alike', 'd']", "", ROOST_EINVAL);
    refused(c, "['equals', 'd', ['n']]", "", ROOST_EINVAL);
    refused(c, "['present', 'd', ['n'], 1]", "", ROOST_EINVAL);
    refused(c, "['present', 'd', 'n']", "", ROOST_EINVAL);
    refused(c, "['len', 'd', -1]", "", ROOST_EINVAL);
    refused(c, "['len', 'k', 1]", "", ROOST_ETYPE);
    refused(c, "['equals', 'k', ['n'], 1]", "", ROOST_ETYPE);
    refused(c, "['equals', 'd', [], {'n': 1}]", "", ROOST_ETYPE);
    refused(c, "['present', 'q', ['n']]", "", ROOST_ETYPE);
    refused(c, "['token', 'd', 1]", "", ROOST_ETYPE);
    refused(c, "['not_empty', 'd']", "", ROOST_ETYPE);
    refused(c, "['has_room', 'd']", "", ROOST_ETYPE);
    refused(c, "['len', 'k', 1, ['n']]", "", ROOST_ETYPE);
    refused(c, "['len', 'nobody', 1]", "", ROOST_ENOENT);
    forget(c, "dqk");
    lose(c);
}

static void conditions_are_what_they_are_called(void **state)
{
    (void)state;
    struct client *c = client_open();
    open_object(c, "dict", "['d', {'n': 1, 'l': [1, {'k': 'v'}]}]");
    open_object(c, "list", "['l', [[1], 2]]");
    open_object(c, "set", "['s', [1, 2]]");
    open_object(c, "namespace", "['x', {'a': 1}]");
    open_object(c, "value", "['v', 'i', 7]");
    uint64_t q = open_object(c, "queue", "['q', 2]"), k = open_object(c, "lock", "['k']");
    uint64_t token = granted(c, post(c, k, "lock.acquire", "[]"), false);
    ok(c, q, "queue.put", "['item']", "null");
    static const struct {
        const char *holds, *does_not;
    } rows[] = {
        {"['equals', 'd', ['n'], 1.0]", "['equals', 'd', ['n'], 2]"},
        {"['equals', 'd', ['l'], [true, {'k': 'v'}]]", "['equals', 'd', ['l'], [1]]"},
        {"['equals', 'd', ['l', 1, 'k'], 'v']", "['equals', 'd', ['l', 1, 'x'], null]"},
        {"['equals', 'l', [-1], 2]", "['equals', 'l', [5], 2]"},
        {"['equals', 'x', ['a'], 1]", "['equals', 'x', ['a', 0], 1]"},
        {"['equals', 'v', [], 7]", "['equals', 'v', [], 8]"},
        {"['present', 'd', ['l', 1, 'k']]", "['present', 'd', ['x']]"},
        {"['absent', 'd', ['l', 2]]", "['absent', 'd', ['l', 1]]"},
        {"['present', 's', [1.0]]", "['present', 's', [3]]"},
        {"['absent', 's', [3]]", "['absent', 's', [2]]"},
        {"['len', 'd', 2]", "['len', 'd', 3]"},
        {"['len', 'd', 2, ['l']]", "['len', 'd', 3, ['l']]"},
        {"['len', 'd', 0, []]", "['len', 'd', 0, ['n']]"},
        {"['len', 'l', 2]", "['len', 'l', 3]"},
        {"['len', 's', 2]", "['len', 's', 3]"},
        {"['len', 'x', 1]", "['len', 'x', 2]"},
        {"['len', 'q', 1]", "['len', 'q', 2]"},
        {"['has_room', 'q']", "['has_room', 'q', 2]"},
        {"['not_empty', 'q'], ['len', 'd', 1]", "['not_empty', 'q'], ['len', 'd', 9]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        done(c, rows[i].holds, "['d', 'len']", "[2]");
        refused(c, rows[i].does_not, "['d', 'clear']", ROOST_ETIMEDOUT);
    }
    done(c, text("['token', 'k', %llu]", (unsigned long long)token), "['k', 'locked']", "[true]");
    refused(c, text("['token', 'k', %llu]", (unsigned long long)token - 1), "['k', 'locked']",
            ROOST_ETIMEDOUT);
    ok(c, q, "queue.get_nowait", "[]", "\"item\"");
    refused(c, "['not_empty', 'q']", "['d', 'clear']", ROOST_ETIMEDOUT);
    ok(c, q, "queue.shutdown", "[]", "null");
    refused(c, "['not_empty', 'q']", "['d', 'clear']", ROOST_ESHUTDOWN);
    refused(c, "['has_room', 'q']", "['d', 'clear']", ROOST_ESHUTDOWN);
    forget(c, "dlsxvqk");
    lose(c);
}

/* ---- every method that writes ---- */

struct kind_of_object {
    const char *type, *open; /* behind the name */
    const char *setup[4];    /* method and arguments, in turns */
    const char *look[8];
};

static const struct kind_of_object kinds[] = {
    {"dict",
     ", {'a': 1, 'b': [3, 1, 2], 'c': 3, 'm': {'x': 1, 'y': [2]}, 'e': 'text'}",
     {"dict.expire", "['c', 3600000]"},
     {"dict.items", "[]", "dict.persist", "['c']", "dict.persist", "['a']"}},
    {"list", ", [4, 2, [1], 3, 1, 2]", {NULL}, {"list.copy", "[]"}},
    {"list", ", [4, 2, 5, 3, 1, 2, 9, 8]", {NULL}, {"list.copy", "[]"}},
    {"set", ", [1, 2, 3, 'a']", {NULL}, {"set.copy", "[]"}},
    {"namespace", ", {'a': 1, 'l': [1]}", {NULL}, {"namespace.all", "[]"}},
    {"queue",
     ", 5",
     {"queue.put_many", "[[3, 1, 2]]"},
     {"queue.task_done", "[3]", "queue.task_done", "[1]", "queue.get_many", "[9, 0]", "queue.put",
      "['last', 0]"}},
    {"queue",
     ", 5, 'lifo'",
     {"queue.put_many", "[[3, 1, 2]]"},
     {"queue.task_done", "[3]", "queue.task_done", "[1]", "queue.get_many", "[9, 0]", "queue.put",
      "['last', 0]"}},
    {"queue",
     ", 5, 'priority'",
     {"queue.put_many", "[[3, 1, 2]]"},
     {"queue.task_done", "[3]", "queue.task_done", "[1]", "queue.get_many", "[9, 0]", "queue.put",
      "['last', 0]"}},
    {"value", ", 'i', 5", {NULL}, {"value.get", "[]"}},
    {"array", ", 'h', [1, 2, 3]", {NULL}, {"array.slice", "[]"}},
    {"lock", "", {"lock.acquire", "[0]"}, {"lock.locked", "[]"}},
    {"rlock",
     "",
     {"rlock.acquire", "[0]", "rlock.acquire", "[0]"},
     {"rlock.release", "[]", "rlock.locked", "[]"}},
    {"semaphore", ", 3", {"semaphore.acquire", "[0]"}, {"semaphore.get_value", "[]"}},
    {"bounded_semaphore",
     ", 3",
     {"bounded_semaphore.acquire", "[0]"},
     {"bounded_semaphore.release", "[]", "bounded_semaphore.get_value", "[]"}},
    {"condition", "", {"condition.acquire", "[0]"}, {"condition.release", "[]", "condition.release", "[]"}},
    {"event", "", {NULL}, {"event.is_set", "[]"}},
    {"barrier", ", 2", {NULL}, {"barrier.broken", "[]"}},
};

struct change {
    const char *method, *args, *path;
};

static const struct change changes[] = {
    {"dict.set", "['a', 'other']", NULL},
    {"dict.set", "['new', [1, 2, 3, 'long enough to stand elsewhere']]", NULL},
    {"dict.set", "['c', 'no end']", NULL},
    {"dict.set", "['a', 1, 3600000]", NULL},
    {"dict.set", "['c', 1, 3600000]", NULL},
    {"dict.set", "['x', 2]", "['m']"},
    {"dict.set", "['z', 2]", "['m']"},
    {"dict.delete", "['a']", NULL},
    {"dict.delete", "['c']", NULL},
    {"dict.delete", "['x']", "['m']"},
    {"dict.pop", "['b']", NULL},
    {"dict.pop", "['m']", NULL},
    {"dict.pop", "['absent', 1]", NULL},
    {"dict.popitem", "[]", NULL},
    {"dict.popitem", "[]", "['m']"},
    {"dict.setdefault", "['a', 2]", NULL},
    {"dict.setdefault", "['new', {'k': 1}]", NULL},
    {"dict.update", "[{'a': 7, 'new': 8, 'c': 9}]", NULL},
    {"dict.set_many", "[{'e': 7, 'newer': 8, 'c': 9}]", NULL},
    {"dict.clear", "[]", NULL},
    {"dict.clear", "[]", "['m']"},
    {"dict.incr", "['a', 5]", NULL},
    {"dict.incr", "['n']", NULL},
    {"dict.incr", "['x']", "['m']"},
    {"dict.compare_and_set", "['a', 1, 'swapped']", NULL},
    {"dict.compare_and_set", "['c', 3, 'swapped']", NULL},
    {"dict.compare_and_set", "['a', 2, 'not swapped']", NULL},
    {"dict.expire", "['a', 3600000]", NULL},
    {"dict.expire", "['c', 7200000]", NULL},
    {"dict.persist", "['c']", NULL},
    {"dict.persist", "['a']", NULL},
    {"list.append", "['in b']", "['b']"},
    {"list.sort", "[]", "['b']"},
    {"list.pop", "[0]", "['m', 'y']"},
    {"list.append", "['x']", NULL},
    {"list.append", "['deep']", "[2]"},
    {"list.extend", "[['x', 'y', 'z']]", NULL},
    {"list.insert", "[1, 'x']", NULL},
    {"list.pop", "[]", NULL},
    {"list.pop", "[1]", NULL},
    {"list.set", "[2, 'a string that is stored elsewhere']", NULL},
    {"list.delete", "[0]", NULL},
    {"list.set_slice", "[1, 3, null, ['x']]", NULL},
    {"list.set_slice", "[0, 4, 2, ['x', 'y']]", NULL},
    {"list.delete_slice", "[1, 4]", NULL},
    {"list.delete_slice", "[null, null, 2]", NULL},
    {"list.delete_slice", "[null, null, -3]", NULL},
    {"list.remove", "[2]", NULL},
    {"list.reverse", "[]", NULL},
    {"list.sort", "[]", NULL},
    {"list.clear", "[]", NULL},
    {"set.add", "[1]", NULL},
    {"set.add", "['new']", NULL},
    {"set.discard", "[2]", NULL},
    {"set.discard", "[9]", NULL},
    {"set.remove", "[1]", NULL},
    {"set.pop", "[]", NULL},
    {"set.clear", "[]", NULL},
    {"set.update", "[[1, 8, 9]]", NULL},
    {"set.intersection_update", "[[2, 'a', 7]]", NULL},
    {"set.difference_update", "[[2, 'a', 7]]", NULL},
    {"set.symmetric_difference_update", "[[2, 'a', 7]]", NULL},
    {"namespace.set", "['a', 2]", NULL},
    {"namespace.set", "['b', 2]", NULL},
    {"namespace.delete", "['a']", NULL},
    {"queue.put", "[2, 0]", NULL},
    {"queue.put_nowait", "[0]", NULL},
    {"queue.put_many", "[[5, 0], 0]", NULL},
    {"queue.get", "[0]", NULL},
    {"queue.get_nowait", "[]", NULL},
    {"queue.get_many", "[2, 0]", NULL},
    {"queue.task_done", "[1]", NULL},
    {"queue.shutdown", "[]", NULL},
    {"queue.shutdown", "[true]", NULL},
    {"value.set", "[9]", NULL},
    {"value.incr", "[3]", NULL},
    {"value.compare_and_set", "[5, 6]", NULL},
    {"array.set", "[1, 9]", NULL},
    {"array.set_slice", "[0, 3, 2, [7, 8]]", NULL},
    {"array.write", "[1, {'$bytes': '05000600'}]", NULL},
    {"lock.release", "[]", NULL},
    {"rlock.release", "[]", NULL},
    {"semaphore.release", "[]", NULL},
    {"semaphore.release", "[3]", NULL},
    {"bounded_semaphore.release", "[]", NULL},
    {"condition.release", "[]", NULL},
    {"condition.notify", "[]", NULL},
    {"condition.notify_all", "[]", NULL},
    {"event.set", "[]", NULL},
    {"event.clear", "[]", NULL},
    {"barrier.reset", "[]", NULL},
    {"barrier.abort", "[]", NULL},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), CHANGES = sizeof(changes) / sizeof(changes[0]) };

static uint64_t make(struct client *c, const struct kind_of_object *kind, char name)
{
    uint64_t o = open_object(c, kind->type, text("['%c'%s]", name, kind->open));
    for (int i = 0; i < 4 && kind->setup[i] != NULL; i += 2)
        assert_null(strstr(answer_text(c, post(c, o, kind->setup[i], kind->setup[i + 1])), "error"));
    return o;
}

/* What can be seen of it, to be freed. Looking may change it. */
static char *look(struct client *c, const struct kind_of_object *kind, uint64_t o)
{
    char *out = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&out, &len);
    for (int i = 0; i < 8 && kind->look[i] != NULL; i += 2)
        fprintf(memory, "%s\n", answer_text(c, post(c, o, kind->look[i], kind->look[i + 1])));
    fclose(memory);
    return out;
}

static void assert_alike(struct client *c, const struct kind_of_object *kind, uint64_t a, uint64_t b,
                         const char *why)
{
    char *x = look(c, kind, a), *y = look(c, kind, b);
    if (strcmp(x, y) != 0)
        fail_msg("%s %s: %s is not %s", kind->type, why, y, x);
    free(x);
    free(y);
}

/* Is the change one for this kind of object (at a path: lists inside dicts too)? */
static bool suits(const struct kind_of_object *kind, const struct change *change)
{
    size_t n = strlen(kind->type);
    bool nested = change->path != NULL && strchr(change->path, '\'') != NULL;
    if (nested)
        return strcmp(kind->type, "dict") == 0;
    return strncmp(change->method, kind->type, n) == 0 && change->method[n] == '.';
}

static const char *call_text(char name, const struct change *change)
{
    return text("['%c', '%s', %s%s%s]", name, change->method, change->args, change->path != NULL ? ", " : "",
                change->path != NULL ? change->path : "");
}

static const char *plain(struct client *c, uint64_t o, const struct change *change)
{
    const char *path = change->path != NULL ? change->path : "[]";
    return answer_text(c, post_at(c, o, path, change->method, change->args));
}

static const struct change *fitting(const struct kind_of_object *kind, unsigned *seed)
{
    for (;;) {
        const struct change *change = &changes[rand_r(seed) % CHANGES];
        if (suits(kind, change))
            return change;
    }
}

/* False: it fails as a plain call. */
static bool try_change(struct client *c, const struct kind_of_object *kind, const struct change *change)
{
    uint64_t a = make(c, kind, 'A'), b = make(c, kind, 'B'), d = make(c, kind, 'D'), e = make(c, kind, 'E');
    char *result = strdup(plain(c, d, change));
    bool made = strncmp(result, "error", 5) != 0;
    answered(c, transact(c, "", text("%s, ['F', 'delete', ['absent']]", call_text('B', change)), 0),
             made ? text("error %d", ROOST_EKEY) : result);
    assert_alike(c, kind, a, b, text("taken back: %s%s", change->method, change->args));
    done(c, "", call_text('E', change), made ? text("[%s]", result) : result);
    assert_alike(c, kind, d, e, text("made: %s%s", change->method, change->args));
    free(result);
    forget(c, "ABDE");
    return made;
}

static void every_change_is_made_as_by_a_plain_call_or_taken_back(void **state)
{
    (void)state;
    struct client *c = client_open();
    open_object(c, "dict", "['F']");
    for (int i = 0; i < CHANGES; i++) {
        bool made = false;
        for (int k = 0; k < KINDS; k++)
            made = (suits(&kinds[k], &changes[i]) && try_change(c, &kinds[k], &changes[i])) || made;
        if (!made)
            fail_msg("%s%s never succeeds", changes[i].method, changes[i].args);
    }
    forget(c, "F");
    lose(c);
}

static void many_changes_are_made_as_by_plain_calls_or_taken_back(void **state)
{
    (void)state;
    enum { ROUNDS = 60, LENGTH = 12 };
    struct client *c = client_open();
    unsigned seed = 17;
    open_object(c, "dict", "['F']");
    for (int k = 0; k < KINDS; k++) {
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t a = make(c, &kinds[k], 'A'), b = make(c, &kinds[k], 'B');
            uint64_t d = make(c, &kinds[k], 'D'), e = make(c, &kinds[k], 'E');
            char to_b[8000] = "", to_e[8000] = "", results[16000] = "";
            for (int i = 0; i < LENGTH; i++) {
                const struct change *change = fitting(&kinds[k], &seed);
                const char *result = plain(c, d, change);
                if (strncmp(result, "error", 5) == 0)
                    continue; /* and changes nothing */
                strcat(strcat(results, *results != '\0' ? ", " : ""), result);
                strcat(strcat(to_e, *to_e != '\0' ? ", " : ""), call_text('E', change));
                strcat(strcat(to_b, call_text('B', change)), ", ");
            }
            strcat(to_b, "['F', 'delete', ['absent']]");
            refused(c, "", to_b, ROOST_EKEY);
            assert_alike(c, &kinds[k], a, b, "taken back");
            char whole[16010];
            snprintf(whole, sizeof(whole), "[%s]", results);
            done(c, "", to_e, whole);
            assert_alike(c, &kinds[k], d, e, "made");
            forget(c, "ABDE");
        }
    }
    forget(c, "F");
    lose(c);
}

/* A new method that writes must be in the table above, or be refused. */
static void every_method_that_writes_is_tried(void **state)
{
    (void)state;
    for (unsigned i = 0; i < roost__method_count; i++) {
        const struct method *m = &roost__methods[i];
        bool queue = m->type == ROOST_TYPE_queue && m->code != METHOD_queue_join;
        bool extends = m->type != ROOST_TYPE_list && strcmp(m->name, "extend") == 0;
        if (m->type == ROOST_TYPE_keyed_lock || extends)
            continue; /* refused: see what_makes_no_sense_is_refused */
        if ((m->flags & METHOD_WRITE) == 0 || m->type == ROOST_TYPE_server || (m->code & 0xff) == 0 ||
            ((m->flags & METHOD_BLOCKS) != 0 && !queue))
            continue;
        const char *name = text("%s.%s", roost_type_name(m->type), m->name);
        bool tried = false;
        for (int k = 0; k < CHANGES; k++)
            tried = tried || strcmp(changes[k].method, name) == 0;
        if (!tried)
            fail_msg("%s is not tried", name);
    }
}

/* ---- references ---- */

static void references_are_counted_for_what_really_happened(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    int64_t objects = info(b, "objects");
    open_object(a, "dict", "['d', {'n': 1}]");
    open_object(a, "list", "['l']");
    uint64_t x = open_object(a, "list", "[null, ['x']]");
    const char *ref = text("{'$ref': [%llu, 2]}", (unsigned long long)x);
    refused(a, "",
            text("['d', 'set', ['k', %s]], ['l', 'append', [%s]], ['d', 'delete', ['absent']]", ref, ref),
            ROOST_EKEY);
    done(a, "", text("['d', 'set', ['k', %s]], ['l', 'append', [%s]]", ref, ref), "[null, null]");
    lose(a);
    await_info(b, "sessions", 1);
    open_object(b, "dict", "['d']");
    open_object(b, "list", "['l']");
    refused(b, "", "['d', 'pop', ['k']], ['l', 'clear'], ['d', 'delete', ['absent']]", ROOST_EKEY);
    done(b, "", "['l', 'len'], ['d', 'delete', ['k']]", "[1, null]");
    ok(b, x, "list.len", "[]", "1"); /* the list refers to it still; b was sent no reference */
    done(b, "", "['l', 'pop']", text("[\"<list #%llu>\"]", (unsigned long long)x));
    ok(b, x, "list.len", "[]", "1"); /* now b alone does */
    ok(b, 0, "server.release", text("[[%llu, 1]]", (unsigned long long)x), "null");
    fails(b, x, "list.len", "[]", ROOST_ENOENT);
    forget(b, "dl");
    await_info(b, "objects", objects);
    lose(b);
}

/* ---- who waits ---- */

static void who_waits_is_served_when_the_transaction_is_through(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "['q', 1]"), e = open_object(a, "event", "['e']");
    uint64_t k = open_object(a, "lock", "['k']"), s = open_object(a, "semaphore", "['s', 1]");
    open_object(a, "dict", "['d']");
    granted(a, post(a, k, "lock.acquire", "[]"), false);
    granted(a, post(a, s, "semaphore.acquire", "[]"), false);
    uint64_t get = post(b, q, "queue.get", "[]"), wait = post(b, e, "event.wait", "[]");
    uint64_t acquire = post(b, k, "lock.acquire", "[]"), permit = post(b, s, "semaphore.acquire", "[]");
    waits(b, permit);
    const char *calls = "['q', 'put', [7]], ['e', 'set'], ['k', 'release'], ['s', 'release']";
    refused(a, "", text("%s, ['d', 'delete', ['absent']]", calls), ROOST_EKEY);
    waits(b, get), waits(b, wait), waits(b, acquire), waits(b, permit);
    ok(a, k, "lock.locked", "[]", "true");
    done(a, "", text("%s, ['k', 'locked']", calls), "[null, null, null, null, false]");
    answered(b, get, "7");
    answered(b, wait, "null");
    granted(b, acquire, false);
    granted(b, permit, false);
    forget(a, "qeksd");
    lose(a), lose(b);
}

static void conditions_barriers_and_full_queues_wait_for_the_commit_too(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t q = open_object(a, "queue", "['q', 1]"), n = open_object(a, "condition", "['n']");
    uint64_t w = open_object(a, "barrier", "['w', 3]");
    open_object(a, "dict", "['d']");
    ok(a, q, "queue.put", "['first']", "null");
    granted(b, post_as(b, 1, n, "condition.acquire", "[]"), false);
    uint64_t wait = post_as(b, 1, n, "condition.wait", "[]"), put = post(b, q, "queue.put", "['second']");
    uint64_t meet = post(b, w, "barrier.wait", "[]"), join = post(b, q, "queue.join", "[]");
    waits(b, join);
    granted(a, post(a, n, "condition.acquire", "[]"), false);
    const char *calls =
        "['n', 'notify', [5]], ['n', 'notify'], ['n', 'release'], ['q', 'get'], ['w', 'abort']";
    refused(a, "", text("%s, ['d', 'delete', ['absent']]", calls), ROOST_EKEY);
    waits(b, wait), waits(b, put), waits(b, meet), waits(b, join);
    done(a, "", calls, "[1, 0, null, \"first\", null]");
    answered(b, put, "null");
    answered(b, meet, text("error %d", ROOST_EBROKEN));
    assert_non_null(strstr(answer_text(b, wait), "[true, "));
    ok(b, n, "condition.release", "[]", "null");
    done(a, "", "['q', 'shutdown', [true]], ['w', 'reset'], ['q', 'task_done']", "[null, null, null]");
    answered(b, join, "null");
    ok(a, w, "barrier.broken", "[]", "false");
    forget(a, "qnwd");
    lose(a), lose(b);
}

static void a_transaction_waits_until_its_conditions_hold(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t d = open_object(a, "dict", "['d', {'n': 0, 'l': []}]"), q = open_object(a, "queue", "['q']");
    uint64_t t = transact(b, "['equals', 'd', ['n'], 2], ['not_empty', 'q']",
                          "['q', 'get'], ['d', 'incr', ['n', 10]]", -1);
    waits(b, t);
    ok(a, d, "dict.incr", "['n']", "1");
    ok(a, q, "queue.put", "['x']", "null");
    waits(b, t);
    ok(a, d, "dict.incr", "['n']", "2");
    answered(b, t, "[\"x\", 12]");
    t = transact(b, "['len', 'd', 2, ['l']]", "['d', 'list.clear', [], ['l']]", -1); /* through a path */
    ok_at(a, d, "['l']", "list.append", "[1]", "null");
    waits(b, t);
    ok_at(a, d, "['l']", "list.append", "[2]", "null");
    answered(b, t, "[null]");
    t = transact(b, "['absent', 'd', ['n']]", "['d', 'set', ['n', 'free']]",
                 -1); /* by the end of a time to live */
    waits(b, t);
    ok(a, d, "dict.expire", "['n', 20]", "null");
    pass_time(20);
    answered(b, t, "[null]");
    ok(a, d, "dict.get", "['n']", "\"free\"");
    t = transact(b, "['present', 'd', ['by transaction']]", "['d', 'pop', ['by transaction']]", -1);
    waits(b, t);
    done(a, "", "['d', 'set', ['by transaction', 1]]", "[null]");
    answered(b, t, "[1]");
    assert_int_equal(info(a, "waiters"), 0);
    forget(a, "dq");
    lose(a), lose(b);
}

static void waiting_transactions_go_first_come_first_served(void **state)
{
    (void)state;
    enum { N = 5 };
    struct client *a = client_open(), *b = client_open();
    uint64_t d = open_object(a, "dict", "['d', {'stock': 0}]"), t[N];
    for (int i = 0; i < N; i++)
        t[i] = transact(b, "['equals', 'd', ['stock'], 1]",
                        text("['d', 'set', ['stock', 0]], ['d', 'incr', ['n']]"), -1);
    for (int i = 0; i < N; i++) {
        waits(b, t[i]);
        ok(a, d, "dict.set", "['stock', 1]", "null");
        answered(b, t[i], text("[null, %d]", i + 1));
        ok(a, d, "dict.get", "['stock']", "0");
    }
    /* each makes the next one's condition true: all of them in one step */
    for (int i = N - 1; i >= 0; i--)
        t[i] = transact(b, text("['equals', 'd', ['chain'], %d]", i),
                        text("['d', 'set', ['chain', %d]]", i + 1), -1);
    ok(a, d, "dict.set", "['chain', 0]", "null");
    for (int i = 0; i < N; i++)
        answered(b, t[i], "[null]");
    ok(a, d, "dict.get", "['chain']", text("%d", N));
    /* woken the other way round, the first to come is still the first to go */
    open_object(a, "dict", "['x']"), open_object(a, "dict", "['y']");
    ok(a, d, "dict.set", "['stock', 1]", "null");
    for (int i = 0; i < 2; i++)
        t[i] = transact(b, text("['present', '%c', ['go']], ['equals', 'd', ['stock'], 1]", "yx"[i]),
                        "['d', 'incr', ['stock']]", -1);
    waits(b, t[1]);
    done(a, "", "['x', 'set', ['go', 1]], ['y', 'set', ['go', 1]]", "[null, null]");
    answered(b, t[0], "[2]");
    waits(b, t[1]);
    forget(a, "xy");
    answered(b, t[1], text("error %d", ROOST_EDELETED));
    forget(a, "d");
    lose(a), lose(b);
}

static void a_wait_ends_by_time_deletion_failure_or_death(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t d = open_object(a, "dict", "['d', {'n': 1}]");
    open_object(a, "list", "['l']");
    uint64_t brief = transact(b, "['absent', 'd', ['n']]", "", 20);
    pass_time(20);
    answered(b, brief, text("error %d", ROOST_ETIMEDOUT));
    uint64_t t = transact(b, "['absent', 'd', ['n']], ['len', 'l', 1]", "", -1);
    waits(b, t);
    ok(a, 0, "server.delete", "['l']", "null");
    answered(b, t, text("error %d", ROOST_EDELETED));
    t = transact(b, "['absent', 'd', ['n']]", "['d', 'set', ['m', 1]], ['d', 'pop', ['x']]", -1);
    waits(b, t);
    ok(a, d, "dict.delete", "['n']", "null");
    answered(b, t, text("error %d", ROOST_EKEY)); /* the conditions hold, a call fails */
    ok(a, d, "dict.copy", "[]", "{}");
    t = transact(b, "['present', 'd', ['n']]", "['d', 'set', ['made', 1]]", -1);
    waits(b, t);
    lose(b);
    await_info(a, "waiters", 0);
    ok(a, d, "dict.set", "['n', 1]", "null");
    ok(a, d, "dict.contains", "['made']", "false");
    forget(a, "d");
    lose(a);
}

static void an_item_taken_in_a_transaction_is_taken_for_good(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t from = open_object(a, "queue", "['f']"), to = open_object(a, "queue", "['t']");
    ok(b, from, "queue.put_many", "[[1, 2]]", "null");
    done(b, "['not_empty', 'f']", "['f', 'get'], ['t', 'put', ['moved']]", "[1, null]");
    assert_int_equal(info(a, "deliveries"), 0);
    lose(b); /* without an acknowledgement */
    await_info(a, "sessions", 1);
    ok(a, from, "queue.qsize", "[]", "1");
    ok(a, to, "queue.qsize", "[]", "1");
    forget(a, "ft");
    lose(a);
}

static void a_late_release_refused_in_a_transaction_is_still_remembered(void **state)
{
    (void)state;
    struct client *a = client_open();
    uint64_t kept = open_object(a, "lock", "['X']"), lapses = open_object(a, "lock", "['Y']");
    uint64_t e = open_object(a, "event", "[]");
    take(a, kept, "lock.acquire");
    granted(a, post(a, lapses, "lock.acquire", "[-1, 10]"), false);
    fails(a, e, "event.wait", "[30]", ROOST_ETIMEDOUT);
    refused(a, "", "['X', 'release'], ['Y', 'release']", ROOST_ENOTOWNER);
    ok(a, kept, "lock.locked", "[]", "true");
    fails(a, lapses, "lock.release", "[]", ROOST_ENOTOWNER);
    fails(a, lapses, "lock.release", "[]", ROOST_EOVERRELEASE); /* it has come now */
    ok(a, kept, "lock.release", "[]", "null");
    forget(a, "XY");
    lose(a);
}

static void a_waiting_transaction_may_give_back_the_grant_that_guards_it(void **state)
{
    (void)state;
    struct client *a = client_open(), *b = client_open();
    uint64_t l = open_object(a, "lock", "['L']"), q = open_object(a, "queue", "['Q']");
    uint64_t token = take(a, l, "lock.acquire");
    uint64_t waiting =
        post_guarded(a, l, token, 0, "server.transact", "[[['not_empty', 'Q']], [['L', 'release']]]");
    waits(a, waiting);
    ok(b, q, "queue.put", "[1]", "null");
    answered(a, waiting, "[null]");
    ok(b, l, "lock.locked", "[]", "false");
    forget(a, "LQ");
    lose(a), lose(b);
}

void suite_transactions(const struct CMUnitTest **ret, size_t *ret_len)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(calls_run_in_order_and_each_sees_those_before),
        cmocka_unit_test(a_call_that_fails_takes_all_others_back),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(conditions_are_what_they_are_called),
        cmocka_unit_test(every_change_is_made_as_by_a_plain_call_or_taken_back),
        cmocka_unit_test(many_changes_are_made_as_by_plain_calls_or_taken_back),
        cmocka_unit_test(every_method_that_writes_is_tried),
        cmocka_unit_test(references_are_counted_for_what_really_happened),
        cmocka_unit_test(who_waits_is_served_when_the_transaction_is_through),
        cmocka_unit_test(conditions_barriers_and_full_queues_wait_for_the_commit_too),
        cmocka_unit_test(a_transaction_waits_until_its_conditions_hold),
        cmocka_unit_test(waiting_transactions_go_first_come_first_served),
        cmocka_unit_test(a_wait_ends_by_time_deletion_failure_or_death),
        cmocka_unit_test(an_item_taken_in_a_transaction_is_taken_for_good),
        cmocka_unit_test(a_waiting_transaction_may_give_back_the_grant_that_guards_it),
        cmocka_unit_test(a_late_release_refused_in_a_transaction_is_still_remembered),
    };
    *ret = cases;
    *ret_len = sizeof(cases) / sizeof(cases[0]);
}
