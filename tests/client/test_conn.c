/* test_conn.c: one connection against a scripted server: order, pieces, lies, loss, acknowledgements,
 * references. */
#include "tests/client/fake_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/manager.h"
#include "roost/roost.h"
#include "wire/methods.h"

static struct fake_server fake;

static roost_manager *connected(void (*script)(struct fake_server *f), void *arg)
{
    roost_manager *m;
    fake_start(&fake, script, arg);
    assert_int_equal(roost_connect(fake.url, NULL, &m), 0);
    return m;
}

static void finish(roost_manager *m)
{
    roost_manager_close(m);
    fake_stop(&fake);
}

static roost_value ref_of(uint64_t id, roost_type type)
{
    return (roost_value){.kind = ROOST_REF, .len = (uint32_t)type, .as.ref = id};
}

/* The integer a ping was sent with. */
static roost_value payload_of(const struct call_frame *call)
{
    struct item it;
    roost__scan_item(call->args, &it);
    return roost_int(it.as.i);
}

/* ---- bytes ---- */

static void check_bytes_of_example(struct fake_server *f)
{
    static const char open_scores[] = "\xa6scores";
    struct call_frame call = fake_expect_call(f, METHOD_dict_open);
    assert_int_equal(call.number, 1);
    assert_int_equal(call.target, 0);
    assert_int_equal(call.argc, 1);
    assert_memory_equal(call.args, open_scores, sizeof(open_scores) - 1);
    fake_reply(f, 1, ref_of(5, ROOST_TYPE_dict));
    call = fake_expect_call(f, METHOD_dict_set);
    assert_int_equal(call.number, 2);
    assert_int_equal(call.target, 5);
    assert_int_equal(call.argc, 2);
    assert_memory_equal(call.args,
                        "\xa5"
                        "alice\x03",
                        7);
    fake_reply(f, 2, roost_nil());
}

static void calls_are_the_bytes_of_the_protocol(void **state)
{
    (void)state;
    roost_dict *d;
    roost_manager *m = connected(check_bytes_of_example, NULL);
    assert_int_equal(roost_dict_open(m, "scores", &d), 0);
    assert_int_equal(roost_dict_set(d, roost_str("alice"), roost_int(3)), 0);
    roost_dict_close(d);
    finish(m);
}

enum { BATCH = 20, BATCHES = 50 };

/* Peeks at what one write has brought. (Of several all might have come by then; hardly every time.) */
static void expect_one_write(struct fake_server *f)
{
    uint8_t bytes[4096];
    ssize_t n = recv(f->fd, bytes, sizeof(bytes), MSG_PEEK);
    int frames = 0;
    for (ssize_t at = 0; at + FRAME_HEADER <= n; at += FRAME_HEADER + (ssize_t)get_u32be(bytes + at))
        frames++;
    assert_int_equal(frames, BATCH);
    for (int i = 0; i < BATCH; i++) {
        struct call_frame call = fake_expect_call(f, METHOD_server_ping);
        if (i == 7)
            fake_error(f, call.number, ROOST_ETYPE, "not this one");
        else
            fake_reply(f, call.number, payload_of(&call));
    }
}

static void expect_batches_in_one_write_each(struct fake_server *f)
{
    for (int i = 0; i < BATCHES; i++)
        expect_one_write(f);
}

static void send_batch(roost_manager *m, roost_batch *b)
{
    roost_value v;
    uint32_t failed;
    roost_batch_clear(b);
    for (int i = 0; i < BATCH; i++)
        assert_int_equal(roost_batch_add(b, roost_server_ping(m, roost_int(i), NULL)), 0);
    assert_int_equal(roost_batch_send(b, &failed, -1), 0);
    assert_int_equal(failed, 1);
    for (uint32_t i = 0; i < BATCH; i++)
        if (i != 7) {
            assert_int_equal(roost_batch_result(b, i, &v), 0);
            assert_int_equal(v.as.i, i);
        }
    assert_int_equal(roost_batch_result(b, 7, &v), ROOST_ETYPE);
    assert_string_equal(roost_errmsg(), "server: ping: not this one");
}

static void a_batch_is_one_write(void **state)
{
    (void)state;
    roost_batch *b;
    roost_manager *m = connected(expect_batches_in_one_write_each, NULL);
    assert_int_equal(roost_batch_new(m, &b), 0);
    for (int i = 0; i < BATCHES; i++)
        send_batch(m, b);
    roost_batch_free(b);
    finish(m);
}

static void send_in_pieces(struct fake_server *f)
{
    struct call_frame call = fake_expect_call(f, METHOD_server_ping);
    uint8_t frame[] = {0, 0, 0, 5, 0x93, FRAME_REPLY, (uint8_t)call.number, 0xa1, 'x'};
    for (size_t i = 0; i < sizeof(frame); i++)
        assert_true(fake_send(f, &frame[i], 1));
    call = fake_expect_call(f, METHOD_server_ping);
    uint8_t two[] = {0,    0, 0, 4, 0x93, FRAME_REPLY, 99,
                     0xc0, /* for nobody */
                     0,    0, 0, 4, 0x93, FRAME_REPLY, (uint8_t)call.number,
                     42};
    assert_true(fake_send(f, two, sizeof(two)));
}

static void replies_may_come_in_pieces_or_together(void **state)
{
    (void)state;
    roost_value v;
    roost_manager *m = connected(send_in_pieces, NULL);
    assert_int_equal(roost_server_ping(m, roost_nil(), &v), 0);
    assert_true(roost_value_equal(v, roost_str("x")));
    roost_value_free(&v);
    assert_int_equal(roost_server_ping(m, roost_nil(), &v), 0);
    assert_int_equal(v.as.i, 42);
    finish(m);
}

/* ---- many threads ---- */

enum { PINGERS = 8, ROUNDS = 300 };

static void *ping_often(void *arg)
{
    roost_manager *m = arg;
    static atomic_int number;
    for (int i = 0; i < ROUNDS; i++) {
        int mine = atomic_fetch_add(&number, 1);
        roost_value v;
        if (roost_server_ping(m, roost_int(mine), &v) != 0 || v.kind != ROOST_INT || v.as.i != mine)
            return arg;
    }
    return NULL;
}

static bool readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* Reads all the calls there are, then answers the newest: the oldest wait until the end. */
static void answer_backwards(struct fake_server *f)
{
    struct call_frame open[PINGERS];
    roost_value payloads[PINGERS];
    int n = 0;
    for (int left = PINGERS * ROUNDS; left > 0; left--) {
        while (n == 0 || (n < PINGERS && readable(f->fd))) {
            open[n] = fake_expect_call(f, METHOD_server_ping);
            payloads[n] = payload_of(&open[n]);
            n++;
        }
        n--;
        fake_reply(f, open[n].number, payloads[n]);
    }
}

static void replies_in_any_order_reach_their_callers(void **state)
{
    (void)state;
    pthread_t threads[PINGERS];
    roost_manager *m = connected(answer_backwards, NULL);
    for (int i = 0; i < PINGERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ping_often, m), 0);
    for (int i = 0; i < PINGERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    finish(m);
}

/* Answers the first caller when the second is asleep, and the second when the first has gone. */
struct turns {
    roost_manager *m;
    atomic_bool first_is_through;
};

static bool somebody_sleeps(roost_manager *m)
{
    struct conn *c = atomic_load(&m->conn);
    pthread_mutex_lock(&c->lock);
    bool yes = !list_empty(&c->followers);
    pthread_mutex_unlock(&c->lock);
    return yes;
}

static void answer_in_turns(struct fake_server *f)
{
    struct turns *turns = f->arg;
    struct call_frame first = fake_expect_call(f, METHOD_server_ping);
    struct call_frame second = fake_expect_call(f, METHOD_server_ping);
    while (!somebody_sleeps(turns->m))
        sched_yield();
    struct conn *c = atomic_load(&turns->m->conn);
    pthread_mutex_lock(&c->lock);
    uint64_t sleeper = container_of(list_first(&c->followers), struct call, link)->number;
    pthread_mutex_unlock(&c->lock);
    uint64_t leader = sleeper == first.number ? second.number : first.number;
    fake_reply(f, leader, roost_nil());
    while (!atomic_load(&turns->first_is_through))
        sched_yield();
    fake_reply(f, sleeper, roost_nil());
}

static void *ping_and_tell(void *arg)
{
    struct turns *turns = arg;
    int rc = roost_server_ping(turns->m, roost_nil(), NULL);
    atomic_store(&turns->first_is_through, true);
    return rc == 0 ? NULL : arg;
}

static void a_sleeper_takes_the_lead_when_the_leader_leaves(void **state)
{
    (void)state;
    struct turns turns = {0};
    pthread_t threads[2];
    fake_start(&fake, answer_in_turns, &turns);
    assert_int_equal(roost_connect(fake.url, NULL, &turns.m), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ping_and_tell, &turns), 0);
    for (int i = 0; i < 2; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    finish(turns.m);
}

/* ---- loss ---- */

static void take_three_and_close(struct fake_server *f)
{
    for (int i = 0; i < 3; i++)
        fake_expect_call(f, METHOD_server_ping);
}

static void take_three_waits_and_no_more(struct fake_server *f)
{
    fake_reply(f, fake_expect_call(f, METHOD_event_open).number, ref_of(3, ROOST_TYPE_event));
    for (int i = 0; i < 3; i++)
        fake_expect_call(f, METHOD_event_wait);
    atomic_store((atomic_bool *)f->arg, true);
    assert_false(fake_read(f));
}

static void *ping_once(void *m)
{
    return (void *)(intptr_t)roost_server_ping(m, roost_nil(), NULL);
}

static void *wait_once(void *event)
{
    return (void *)(intptr_t)roost_event_wait(event, -1);
}

static void assert_all_return(pthread_t threads[3], int code)
{
    for (int i = 0; i < 3; i++) {
        void *rc;
        pthread_join(threads[i], &rc);
        assert_int_equal((int)(intptr_t)rc, code);
    }
}

static void a_lost_server_fails_waiting_and_later_calls(void **state)
{
    (void)state;
    pthread_t threads[3];
    roost_manager *m = connected(take_three_and_close, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ping_once, m), 0);
    assert_all_return(threads, ROOST_ECONN);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_string_equal(roost_errmsg(), "server: ping: connection lost: the server closed it");
    finish(m);
}

static void closing_wakes_the_threads_that_wait(void **state)
{
    (void)state;
    pthread_t threads[3];
    atomic_bool waiting = false;
    roost_event *e;
    roost_manager *m = connected(take_three_waits_and_no_more, &waiting);
    assert_int_equal(roost_event_new(m, &e), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_once, e), 0);
    while (!atomic_load(&waiting))
        sched_yield();
    roost_manager_close(m);
    assert_all_return(threads, ROOST_ECLOSED);
    roost_event_close(e);
    fake_stop(&fake);
}

/* ---- lies ---- */

struct lie {
    const void *bytes;
    size_t len;
};

static void answer_with_a_lie(struct fake_server *f)
{
    const struct lie *lie = f->arg;
    fake_expect_call(f, METHOD_server_ping);
    assert_true(fake_send(f, lie->bytes, lie->len));
    assert_false(fake_read(f)); /* the client hangs up */
}

static void garbage_ends_the_connection_and_nothing_else(void **state)
{
    (void)state;
    static const struct lie lies[] = {
        {"\xff\xff\xff\xff", 4},                               /* 4 GiB to come */
        {"\0\0\0\0", 4},                                       /* an empty frame */
        {"\0\0\0\1\xc1", 5},                                   /* no MessagePack */
        {"\0\0\0\1\x90", 5},                                   /* an empty array */
        {"\0\0\0\4\x93\x07\x01\xc0", 8},                       /* no such frame */
        {"\0\0\0\3\x92\x01\x01", 7},                           /* a reply without a result */
        {"\0\0\0\4\x93\x01\xff\xc0", 8},                       /* a negative number */
        {"\0\0\0\4\x94\x02\x01\xff", 8},                       /* an error cut short */
        {"\0\0\0\6\x94\x02\x01\x05\xa1x", 10},                 /* a positive code */
        {"\0\0\0\x0d\x97\0\xa5roost\x02\x07\x09\x80\x80", 17}, /* a second welcome */
        {"\0\0\0\6\x93\x01\x01\xdd\xff\xff", 10},              /* a count without elements */
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct lie lie = lies[i];
        roost_manager *m = connected(answer_with_a_lie, &lie);
        assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_EPROTO);
        assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_EPROTO);
        finish(m);
    }
}

static void say_goodbye(struct fake_server *f)
{
    static const char frame[] = "\0\0\0\x0a\x93\x03\xee\xa6so sad";
    fake_expect_call(f, METHOD_server_ping);
    assert_true(fake_send(f, frame, sizeof(frame) - 1));
}

static void the_reason_of_a_goodbye_is_told(void **state)
{
    (void)state;
    roost_manager *m = connected(say_goodbye, NULL);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), ROOST_ECONN);
    assert_non_null(strstr(roost_errmsg(), "so sad"));
    finish(m);
}

static void refuse_version(struct fake_server *f)
{
    static const char frame[] = "\0\0\0\x0b\x93\x03\xee\xa7no such";
    assert_true(fake_read(f));
    assert_true(fake_send(f, frame, sizeof(frame) - 1));
}

static void stay_silent(struct fake_server *f)
{
    assert_true(fake_read(f));
    assert_false(fake_read(f));
}

static void a_handshake_may_fail(void **state)
{
    (void)state;
    roost_manager *m;
    fake_start_raw(&fake, refuse_version, NULL);
    assert_int_equal(roost_connect(fake.url, NULL, &m), ROOST_EPROTO);
    assert_non_null(strstr(roost_errmsg(), "no such"));
    fake_stop(&fake);
    fake_start_raw(&fake, stay_silent, NULL);
    assert_int_equal(roost_connect(fake.url, &(roost_options){.timeout_ms = 50}, &m), ROOST_ETIMEDOUT);
    fake_stop(&fake);
    assert_int_equal(roost_connect(fake.url, NULL, &m), ROOST_ECONN);
    assert_int_equal(roost_connect("http://x", NULL, &m), ROOST_EINVAL);
    assert_int_equal(roost_connect("tcp://nowhere", NULL, &m), ROOST_EINVAL);
    assert_int_equal(roost_connect("ipc://", NULL, &m), ROOST_EINVAL);
}

/* A frame of a server's that may not come yet. */
static void answer_too_early(struct fake_server *f)
{
    const char *const *frame = f->arg;
    assert_true(fake_read(f));
    assert_true(fake_send(f, *frame, FRAME_HEADER + (size_t)(*frame)[3]));
}

static void only_welcome_answers_hello(void **state)
{
    (void)state;
    static const char *const frames[] = {"\0\0\0\x04\x93\x01\x01\x01",       /* REPLY */
                                         "\0\0\0\x07\x94\x02\x01\xfd\xa2no", /* ERROR */
                                         "\0\0\0\x02\x91\x05"};              /* PONG */
    roost_manager *m;
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        const char *frame = frames[i];
        fake_start_raw(&fake, answer_too_early, &frame);
        assert_int_equal(roost_connect(fake.url, NULL, &m), ROOST_EPROTO);
        fake_stop(&fake);
    }
}

/* ---- signals ---- */

static void ignore(int number)
{
    (void)number;
}

static void interrupt_then_answer(struct fake_server *f)
{
    struct call_frame call = fake_expect_call(f, METHOD_server_ping);
    for (int i = 0; i < 20; i++) {
        pthread_kill(*(pthread_t *)f->arg, SIGUSR1);
        sched_yield();
    }
    fake_reply(f, call.number, roost_int(1));
}

static void signals_do_not_disturb_a_call(void **state)
{
    (void)state;
    pthread_t self = pthread_self();
    struct sigaction without_restart = {.sa_handler = ignore}, before;
    sigaction(SIGUSR1, &without_restart, &before);
    roost_manager *m = connected(interrupt_then_answer, &self);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), 0);
    finish(m);
    sigaction(SIGUSR1, &before, NULL);
}

/* ---- messages, acknowledgements, references ---- */

static void time_out(struct fake_server *f)
{
    struct call_frame call = fake_expect_call(f, METHOD_queue_open);
    fake_reply(f, call.number, ref_of(7, ROOST_TYPE_queue));
    call = fake_expect_call(f, METHOD_queue_get);
    fake_error(f, call.number, ROOST_ETIMEDOUT, "timed out after 250 ms");
    call = fake_expect_call(f, METHOD_queue_get);
    fake_error(f, call.number, ROOST_EDELETED, "the object was deleted");
}

static void an_error_says_what_and_on_which_object(void **state)
{
    (void)state;
    roost_queue *jobs, *same;
    roost_manager *m = connected(time_out, NULL);
    assert_int_equal(roost_queue_open(m, "jobs", NULL, &jobs), 0);
    assert_int_equal(roost_queue_get(jobs, NULL, 250), ROOST_ETIMEDOUT);
    assert_string_equal(roost_errmsg(), "queue \"jobs\": get: timed out after 250 ms");
    assert_int_equal(roost_errcode(), ROOST_ETIMEDOUT);
    assert_int_equal(roost_queue_from(m, roost_queue_ref(jobs), &same), 0);
    assert_int_equal(roost_queue_get(same, NULL, -1), ROOST_EDELETED);
    assert_string_equal(roost_errmsg(), "queue #7: get: the object was deleted");
    assert_int_equal(roost_queue_put(NULL, roost_nil(), -1), ROOST_EINVAL);
    assert_int_equal(roost_queue_put(same, roost_str("\xff"), -1), ROOST_EINVAL);
    assert_non_null(strstr(roost_errmsg(), "UTF-8"));
    roost_queue_close(jobs);
    roost_queue_close(same);
    finish(m);
}

static void deliver(struct fake_server *f)
{
    struct call_frame call = fake_expect_call(f, METHOD_queue_open);
    fake_reply(f, call.number, ref_of(7, ROOST_TYPE_queue));
    call = fake_expect_call(f, METHOD_queue_get);
    fake_reply(f, call.number, roost_str("item"));
    struct item it;
    assert_true(fake_read(f));
    assert_int_equal(roost__frame_kind(f->frame), FRAME_ACK);
    const uint8_t *p = roost__scan_item(f->payload, &it);
    assert_int_equal(it.len, 2);
    p = roost__scan_item(p, &it);
    roost__scan_item(p, &it);
    assert_int_equal(it.as.i, call.number);
    call = fake_expect_call(f, METHOD_queue_put); /* and not acknowledged, for it delivers nothing */
    fake_reply(f, call.number, roost_nil());
    call = fake_expect_call(f, METHOD_queue_qsize);
    fake_reply(f, call.number, roost_int(0));
}

static void a_delivery_is_acknowledged_before_it_is_handed_on(void **state)
{
    (void)state;
    roost_queue *q;
    roost_value item;
    int64_t size;
    roost_manager *m = connected(deliver, NULL);
    assert_int_equal(roost_queue_new(m, 0, &q), 0);
    assert_int_equal(roost_queue_get(q, &item, -1), 0);
    assert_true(roost_value_equal(item, roost_str("item")));
    roost_value_free(&item);
    assert_int_equal(roost_queue_put(q, roost_nil(), -1), 0);
    assert_int_equal(roost_queue_qsize(q, &size), 0);
    roost_queue_close(q);
    finish(m);
}

static void send_references(struct fake_server *f)
{
    roost_value two[] = {ref_of(21, ROOST_TYPE_list), ref_of(21, ROOST_TYPE_list)};
    roost_pair pair = {roost_str("inner"), ref_of(22, ROOST_TYPE_dict)};
    struct call_frame call = fake_expect_call(f, METHOD_server_ping);
    fake_reply(f, call.number, roost_array(two, 2));
    call = fake_expect_call(f, METHOD_server_ping);
    fake_reply(f, call.number, roost_map(&pair, 1));
    call = fake_expect_call(f, METHOD_server_release); /* 21 was received twice; 22 is kept by a handle */
    static const char released[] = "\x92\x15\x02";
    assert_memory_equal(call.args, released, sizeof(released) - 1);
    assert_int_equal(fake_expect_call(f, METHOD_server_ping).number, call.number + 1);
    fake_error(f, call.number, ROOST_EINVAL, "of a release nobody hears");
    fake_reply(f, call.number + 1, roost_nil());
    call = fake_expect_call(f, METHOD_dict_len);
    assert_int_equal(call.target, 22);
    fake_reply(f, call.number, roost_int(0));
    call = fake_expect_call(f, METHOD_server_release);
    static const char released_too[] = "\x92\x16\x01";
    assert_memory_equal(call.args, released_too, sizeof(released_too) - 1);
    fake_reply(f, fake_expect_call(f, METHOD_server_ping).number, roost_nil());
    call = fake_expect_call(f, METHOD_server_retain);
    static const char retained[] = "\x91\x17";
    assert_memory_equal(call.args, retained, sizeof(retained) - 1);
    fake_error(f, call.number, ROOST_ENOENT, "no object #23");
}

static void references_go_back_as_often_as_they_came(void **state)
{
    (void)state;
    roost_value array, map;
    roost_dict *d;
    int64_t len;
    roost_manager *m = connected(send_references, NULL);
    assert_int_equal(roost_server_ping(m, roost_nil(), &array), 0);
    assert_int_equal(roost_server_ping(m, roost_nil(), &map), 0);
    assert_int_equal(roost_dict_from(m, *roost_map_get(map, roost_str("inner")), &d), 0);
    roost_value_free(&array);
    roost_value_free(&map);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), 0);
    assert_int_equal(roost_dict_len(d, &len), 0);
    roost_dict_close(d);
    assert_int_equal(roost_server_ping(m, roost_nil(), NULL), 0);
    assert_int_equal(roost_dict_from(m, ref_of(23, ROOST_TYPE_dict), &d), ROOST_ENOENT);
    assert_string_equal(roost_errmsg(), "dict #23: from: no object #23");
    assert_int_equal(roost_dict_from(m, ref_of(23, ROOST_TYPE_list), &d), ROOST_ETYPE);
    assert_int_equal(roost_dict_from(m, roost_int(23), &d), ROOST_ETYPE);
    finish(m);
}

static void send_many_references(struct fake_server *f)
{
    struct call_frame call = fake_expect_call(f, METHOD_server_ping);
    roost_value refs[100];
    for (uint64_t i = 0; i < 100; i++)
        refs[i] = ref_of(1000 + i, ROOST_TYPE_event);
    fake_reply(f, call.number, roost_array(refs, 100));
    fake_expect_call(f, METHOD_server_release);
}

static void many_references_go_back_without_a_further_call(void **state)
{
    (void)state;
    roost_value array;
    roost_manager *m = connected(send_many_references, NULL);
    assert_int_equal(roost_server_ping(m, roost_nil(), &array), 0);
    roost_value_free(&array);
    fake_stop(&fake); /* the script has seen the release */
    roost_manager_close(m);
}

static void send_an_event(struct fake_server *f)
{
    fake_reply(f, fake_expect_call(f, METHOD_event_open).number, ref_of(3, ROOST_TYPE_event));
    fake_reply(f, fake_expect_call(f, METHOD_server_ping).number, ref_of(4, ROOST_TYPE_list));
    assert_false(fake_read(f));
}

static void handles_and_values_outlive_their_manager(void **state)
{
    (void)state;
    roost_event *e;
    roost_value v;
    roost_manager *m = connected(send_an_event, NULL);
    assert_int_equal(roost_event_new(m, &e), 0);
    assert_int_equal(roost_server_ping(m, roost_nil(), &v), 0);
    finish(m);
    assert_int_equal(roost_event_set(e), ROOST_ECLOSED);
    assert_string_equal(roost_errmsg(), "event #3: set: the manager was closed");
    roost_event_close(e);
    roost_value_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_the_bytes_of_the_protocol),
        cmocka_unit_test(a_batch_is_one_write),
        cmocka_unit_test(replies_may_come_in_pieces_or_together),
        cmocka_unit_test(replies_in_any_order_reach_their_callers),
        cmocka_unit_test(a_sleeper_takes_the_lead_when_the_leader_leaves),
        cmocka_unit_test(a_lost_server_fails_waiting_and_later_calls),
        cmocka_unit_test(closing_wakes_the_threads_that_wait),
        cmocka_unit_test(garbage_ends_the_connection_and_nothing_else),
        cmocka_unit_test(the_reason_of_a_goodbye_is_told),
        cmocka_unit_test(a_handshake_may_fail),
        cmocka_unit_test(only_welcome_answers_hello),
        cmocka_unit_test(signals_do_not_disturb_a_call),
        cmocka_unit_test(an_error_says_what_and_on_which_object),
        cmocka_unit_test(a_delivery_is_acknowledged_before_it_is_handed_on),
        cmocka_unit_test(references_go_back_as_often_as_they_came),
        cmocka_unit_test(many_references_go_back_without_a_further_call),
        cmocka_unit_test(handles_and_values_outlive_their_manager),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
