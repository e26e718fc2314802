/* test_limits.c: what the core refuses, and that what it refuses leaves nothing behind and nothing stuck. */
#include "tests/support/test.h"

#include "core/core.h"
#include "roost/value.h"
#include "wire/frame.h"
#include "wire/methods.h"

static struct core *core;
static struct effects effects;
static uint64_t session, number;

/* ---- a core with limits of its own, one session, calls with positional arguments ---- */

static uint64_t open_session(void)
{
    static const uint8_t no_info = 0x80;
    effects_reset(&effects);
    struct event open = {.kind = EVENT_OPEN, .now_us = 1000, .payload = slice_of(&no_info, 1)};
    assert_int_equal(core_step(core, &open, &effects), 0);
    return effects.opened;
}

static void start(struct core_limits limits)
{
    core = core_create(&(struct core_options){.now_us = 1000, .epoch = 7, .limits = &limits});
    assert_non_null(core);
    effects_init(&effects);
    session = open_session();
    number = 0;
}

/* Ends everything: core_destroy() asserts that every byte charged was released. */
static int stop(void **state)
{
    (void)state;
    core_destroy(core);
    effects_free(&effects);
    core = NULL;
    return 0;
}

/* The arguments: an array, encoded. */
static int step_raw(uint64_t target, uint32_t method, struct slice args)
{
    struct buf b = buf_make(1 << 24);
    roost__put_array(&b, 7);
    roost__put_int(&b, FRAME_CALL);
    roost__put_uint(&b, ++number);
    roost__put_uint(&b, 1);
    roost__put_uint(&b, target);
    roost__put_uint(&b, method);
    buf_append(&b, args.data, args.len);
    roost__put_uint(&b, 0);
    effects_reset(&effects);
    struct event call = {.kind = EVENT_CALL, .now_us = 1000, .session = session, .payload = buf_slice(&b)};
    int rc = core_step(core, &call, &effects);
    roost__buf_free(&b);
    assert_int_equal(rc, 0);
    return effects.code;
}

static int step_call(uint64_t target, uint32_t method, const roost_value *args, size_t n)
{
    struct buf b = buf_make(1 << 24);
    roost__put_array(&b, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(roost__put_value(&b, &args[i]), 0);
    int code = step_raw(target, method, buf_slice(&b));
    roost__buf_free(&b);
    return code;
}

#define CALL(target, method, ...)                                          \
    step_call(target, METHOD_##method, (const roost_value[]){__VA_ARGS__}, \
              sizeof((const roost_value[]){__VA_ARGS__}) / sizeof(roost_value))

/* The last answer's item behind frame kind and number. */
static struct item answer(void)
{
    struct item it;
    assert_true(effects.len >= 1);
    const uint8_t *p = effects.bytes.data + effects.items[0].at + FRAME_HEADER;
    p = roost__scan_skip(roost__scan_skip(roost__scan_item(p, &it)));
    roost__scan_item(p, &it);
    return it;
}

/* The last answer refuses, and its message names the limit. */
static void assert_names(const char *limit)
{
    struct item it;
    char words[400];
    assert_int_equal(answer().as.i, ROOST_ELIMIT);
    const uint8_t *p = effects.bytes.data + effects.items[0].at + FRAME_HEADER;
    p = roost__scan_skip(roost__scan_skip(roost__scan_skip(roost__scan_item(p, &it))));
    roost__scan_item(p, &it);
    snprintf(words, sizeof(words), "%.*s", (int)it.len, (const char *)it.as.bytes);
    if (strstr(words, limit) == NULL)
        fail_msg("\"%s\" does not name %s", words, limit);
}

static uint64_t open_object(uint32_t method, const char *name)
{
    roost_value arg = roost_str(name);
    assert_int_equal(step_call(0, method, &arg, 1), 0);
    return answer().as.u;
}

static int64_t info(const char *name)
{
    assert_int_equal(step_call(0, METHOD_server_info, NULL, 0), 0);
    struct item it;
    const uint8_t *p = effects.bytes.data + effects.items[0].at + FRAME_HEADER;
    p = roost__scan_skip(roost__scan_skip(roost__scan_item(p, &it)));
    return roost__map_item(scan_next(&p), name).as.i;
}

static int64_t len_of(uint64_t dict)
{
    assert_int_equal(step_call(dict, METHOD_dict_len, NULL, 0), 0);
    return answer().as.i;
}

static const char *words_of(char fill, size_t n)
{
    static char words[1 << 20];
    assert_true(n < sizeof(words));
    memset(words, fill, n);
    words[n] = '\0';
    return words;
}

static struct core_limits with_memory(int64_t bytes)
{
    struct core_limits limits = core_limits_standard;
    limits.memory_max = bytes;
    return limits;
}

/* Sets keys of 1000 bytes until the server refuses; returns how many it took. */
static int64_t fill(uint64_t dict)
{
    int64_t n = 0;
    while (n < 100000 && CALL(dict, dict_set, roost_int(n), roost_str(words_of('x', 1000))) == 0)
        n++;
    return n;
}

/* ---- memory ---- */

static void a_write_that_would_pass_memory_max_is_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    start(with_memory(100000));
    uint64_t d = open_object(METHOD_dict_open, "d");
    int64_t n = fill(d);
    assert_names("memory_max");
    assert_true(n > 50 && n < 100);
    assert_int_equal(len_of(d), n);
    assert_true(info("memory") <= 100000);
    assert_int_equal(CALL(d, dict_get, roost_int(n - 1)), 0);
    assert_int_equal(answer().len, 1000);
}

static void deletes_and_reads_work_in_full_memory_and_make_room(void **state)
{
    (void)state;
    start(with_memory(100000));
    uint64_t d = open_object(METHOD_dict_open, "d");
    int64_t n = fill(d);
    assert_int_equal(CALL(d, dict_contains, roost_int(0)), 0);
    assert_int_equal(CALL(d, dict_delete, roost_int(0)), 0);
    assert_int_equal(CALL(d, dict_set, roost_int(-1), roost_str(words_of('y', 1000))), 0);
    assert_int_equal(CALL(d, dict_set, roost_int(-2), roost_str(words_of('y', 1000))), ROOST_ELIMIT);
    assert_int_equal(len_of(d), n);
    assert_int_equal(CALL(0, server_delete, roost_str("d")), 0);
    assert_true(info("memory") < 5000);
}

static void many_keys_at_once_come_all_or_not_at_all(void **state)
{
    (void)state;
    start(with_memory(20000));
    uint64_t d = open_object(METHOD_dict_open, "d");
    int64_t before = info("memory");
    roost_pair pairs[100];
    for (int i = 0; i < 100; i++)
        pairs[i] = (roost_pair){roost_int(i), roost_str(words_of('z', 500))};
    assert_int_equal(CALL(d, dict_update, roost_map(pairs, 100)), ROOST_ELIMIT);
    assert_names("memory_max");
    assert_int_equal(len_of(d), 0);
    assert_int_equal(info("memory"), before);
}

static void every_container_counts_what_it_stores(void **state)
{
    (void)state;
    start(with_memory(60000));
    const roost_value big = roost_str(words_of('b', 100000));
    uint64_t l = open_object(METHOD_list_open, "l"), s = open_object(METHOD_set_open, "s");
    uint64_t q = open_object(METHOD_queue_open, "q"), n = open_object(METHOD_namespace_open, "n");
    uint64_t k = open_object(METHOD_keyed_lock_open, "k");
    assert_int_equal(CALL(l, list_append, big), ROOST_ELIMIT);
    assert_int_equal(CALL(s, set_add, big), ROOST_ELIMIT);
    assert_int_equal(CALL(q, queue_put, big), ROOST_ELIMIT);
    assert_int_equal(CALL(n, namespace_set, roost_str("a"), big), ROOST_ELIMIT);
    assert_int_equal(CALL(k, keyed_lock_acquire, roost_list_of(big)), ROOST_ELIMIT);
    assert_int_equal(CALL(0, array_open, roost_str("a"), roost_str("d"), roost_int(100000)), ROOST_ELIMIT);
    assert_names("memory_max");
    assert_int_equal(CALL(0, array_open, roost_str("a"), roost_str("d"), roost_int(100)), 0);
}

/* ---- the others ---- */

static void each_limit_has_a_name_in_its_error(void **state)
{
    (void)state;
    struct core_limits limits = core_limits_standard;
    limits.key_max = 16;
    limits.value_max = 100;
    limits.depth_max = 2;
    limits.name_max = 8;
    limits.objects_max = 3;
    limits.waiters_max = 2;
    limits.queue_bytes_max = 150;
    start(limits);
    uint64_t d = open_object(METHOD_dict_open, "d"), q = open_object(METHOD_queue_open, "q");
    uint64_t event = open_object(METHOD_event_open, "e");
    CALL(d, dict_set, roost_str(words_of('k', 30)), roost_int(1));
    assert_names("key_max");
    CALL(d, dict_set, roost_int(1), roost_str(words_of('v', 200)));
    assert_names("value_max");
    CALL(d, dict_set, roost_int(1), roost_list_of(roost_list_of(roost_list_of(roost_int(1)))));
    assert_names("depth_max");
    CALL(0, dict_open, roost_str("much too long"));
    assert_names("name_max");
    CALL(0, dict_open, roost_str("fourth"));
    assert_names("objects_max");
    assert_int_equal(CALL(q, queue_put, roost_str(words_of('i', 90))), 0);
    CALL(q, queue_put, roost_str(words_of('i', 90)));
    assert_names("queue_bytes_max");
    assert_int_equal(len_of(d), 0);
    assert_int_equal(step_call(event, METHOD_event_wait, NULL, 0), 0);
    assert_int_equal(step_call(event, METHOD_event_wait, NULL, 0), 0);
    step_call(event, METHOD_event_wait, NULL, 0);
    assert_names("waiters_max");
}

/* list.append of so many arrays in each other, as another client than libroost might send it. */
static int append_nested(uint64_t list, unsigned levels)
{
    struct buf b = buf_make(256);
    for (unsigned i = 0; i < levels + 1; i++)
        roost__put_array(&b, 1);
    roost__put_nil(&b);
    int code = step_raw(list, METHOD_list_append, buf_slice(&b));
    roost__buf_free(&b);
    return code;
}

static void values_nest_to_the_limit_and_no_deeper(void **state)
{
    (void)state;
    start(core_limits_standard);
    uint64_t l = open_object(METHOD_list_open, "l");
    assert_int_equal(append_nested(l, 24), 0);
    for (unsigned levels = 25; levels <= 28; levels++) {
        assert_int_equal(append_nested(l, levels), ROOST_ELIMIT);
        assert_names("depth_max");
    }
    assert_int_equal(append_nested(l, 0), 0);
}

static void a_session_may_have_so_many_calls_in_flight(void **state)
{
    (void)state;
    struct core_limits limits = core_limits_standard;
    limits.in_flight_max = 1;
    start(limits);
    uint64_t event = open_object(METHOD_event_open, "e");
    assert_int_equal(step_call(event, METHOD_event_wait, NULL, 0), 0);
    step_call(event, METHOD_event_wait, NULL, 0);
    assert_names("in_flight_max");
    session = open_session(); /* another's calls are another's */
    assert_int_equal(step_call(event, METHOD_event_wait, NULL, 0), 0);
}

static void queue_bytes_are_free_again_when_items_are_taken(void **state)
{
    (void)state;
    struct core_limits limits = core_limits_standard;
    limits.queue_bytes_max = 150;
    start(limits);
    for (int kind = 0; kind < 3; kind++) {
        static const char *const kinds[] = {"fifo", "lifo", "priority"};
        assert_int_equal(CALL(0, queue_open, roost_str(kinds[kind]), roost_int(0), roost_str(kinds[kind])),
                         0);
        uint64_t q = answer().as.u;
        for (int i = 0; i < 5; i++) {
            assert_int_equal(CALL(q, queue_put, roost_str(words_of('i', 90))), 0);
            assert_int_equal(CALL(q, queue_put, roost_str(words_of('j', 90))), ROOST_ELIMIT);
            assert_int_equal(step_call(q, METHOD_queue_get, NULL, 0), 0);
        }
    }
}

/* A transaction of two puts of 90 bytes each, of which 150 allow one. */
static int put_twice(const char *name)
{
    const roost_value put[] = {roost_str(name), roost_int(METHOD_queue_put),
                               roost_list_of(roost_str(words_of('i', 90)))};
    const roost_value calls[] = {roost_array(put, 3), roost_array(put, 3)};
    return CALL(0, server_transact, roost_array(NULL, 0), roost_array(calls, 2));
}

static void queue_bytes_are_as_before_when_a_transaction_is_taken_back(void **state)
{
    (void)state;
    struct core_limits limits = core_limits_standard;
    limits.queue_bytes_max = 150;
    start(limits);
    static const char *const kinds[] = {"fifo", "lifo", "priority"};
    for (int kind = 0; kind < 3; kind++) {
        assert_int_equal(CALL(0, queue_open, roost_str(kinds[kind]), roost_int(0), roost_str(kinds[kind])),
                         0);
        uint64_t q = answer().as.u;
        int64_t before = info("memory");
        assert_int_equal(put_twice(kinds[kind]), ROOST_ELIMIT);
        assert_int_equal(info("memory"), before);
        assert_int_equal(CALL(q, queue_put, roost_str(words_of('i', 90))), 0);
    }
}

static void info_tells_every_limit(void **state)
{
    (void)state;
    struct core_limits limits = core_limits_standard;
    limits.objects_max = 4711;
    start(limits);
    struct buf b = buf_make(4096);
    core_put_limits(core, &b);
    assert_int_equal(roost__map_item(buf_slice(&b), "objects_max").as.i, 4711);
#define ROOST_LIMIT(name, kind_, standard, min, max, unit, help) \
    assert_int_equal(roost__map_item(buf_slice(&b), #name).kind, ROOST_INT);
#include "core/limits.def"
#undef ROOST_LIMIT
    roost__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_write_that_would_pass_memory_max_is_refused_and_nothing_is_lost, stop),
        cmocka_unit_test_teardown(deletes_and_reads_work_in_full_memory_and_make_room, stop),
        cmocka_unit_test_teardown(many_keys_at_once_come_all_or_not_at_all, stop),
        cmocka_unit_test_teardown(every_container_counts_what_it_stores, stop),
        cmocka_unit_test_teardown(each_limit_has_a_name_in_its_error, stop),
        cmocka_unit_test_teardown(values_nest_to_the_limit_and_no_deeper, stop),
        cmocka_unit_test_teardown(a_session_may_have_so_many_calls_in_flight, stop),
        cmocka_unit_test_teardown(queue_bytes_are_free_again_when_items_are_taken, stop),
        cmocka_unit_test_teardown(queue_bytes_are_as_before_when_a_transaction_is_taken_back, stop),
        cmocka_unit_test_teardown(info_tells_every_limit, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
