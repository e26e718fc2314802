/* play_server.c: opening, the server's own methods, transactions; see play.h. */
#include "tests/sim/play.h"

/* ---- open ---- */

static void put_name(struct play *p, roost_type type)
{
    char name[4] = {(char)('a' + type), (char)('0' + pick(p, 2)), '\0'};
    if (likely(p, 3))
        name[0] = 'b'; /* which another type may have */
    likely(p, 70) ? roost__put_cstr(arg(p), name) : roost__put_nil(arg(p));
}

/* What is inside from the start: an array, or a map. */
static void put_items(struct play *p, bool is_map, bool keys)
{
    unsigned n = pick(p, 3);
    is_map ? roost__put_map(arg(p), n) : roost__put_array(arg(p), n);
    for (unsigned i = 0; i < n; i++) {
        if (is_map)
            roost__put_cstr(p->args, i == 0 ? "k" : "l");
        keys ? put_key(p, p->args) : put_stored(p, p->args);
    }
}

void play_open(struct play *p, roost_type type)
{
    static const char *const kinds[] = {"fifo", "lifo", "priority"};
    static const int64_t sizes[] = {0, 1, 2, 3};
    uint64_t lock = any_object(p, likely(p, 50) ? ROOST_TYPE_lock : ROOST_TYPE_rlock);
    p->method = (unsigned)type << 8;
    p->target = 0;
    put_name(p, type);
    switch ((int)type) {
    case ROOST_TYPE_dict:
    case ROOST_TYPE_namespace:
    case ROOST_TYPE_list:
    case ROOST_TYPE_set:
        if (likely(p, 40))
            put_items(p, type == ROOST_TYPE_dict || type == ROOST_TYPE_namespace, type == ROOST_TYPE_set);
        break;
    case ROOST_TYPE_queue:
        arg_int(p, sizes[pick(p, 4)]);
        roost__put_cstr(arg(p), kinds[pick(p, 3)]);
        break;
    case ROOST_TYPE_semaphore:
    case ROOST_TYPE_bounded_semaphore:
        arg_int(p, pick(p, 4));
        break;
    case ROOST_TYPE_barrier:
        arg_int(p, 1 + pick(p, 3));
        arg_int(p, likely(p, 50) ? -1 : 20);
        break;
    case ROOST_TYPE_value:
        roost__put_cstr(arg(p), likely(p, 50) ? "b" : "q");
        arg_int(p, pick(p, 3));
        break;
    case ROOST_TYPE_array:
        roost__put_cstr(arg(p), likely(p, 50) ? "b" : "q");
        arg_int(p, 3);
        break;
    case ROOST_TYPE_condition:
        if (lock != 0 && likely(p, 50))
            roost__put_ref(arg(p), lock, p->m->objects[lock - 1].type);
        break;
    default:
        break;
    }
}

/* ---- the server ---- */

static uint64_t any_takeable(struct play *p)
{
    static const roost_type types[] = {ROOST_TYPE_lock, ROOST_TYPE_rlock, ROOST_TYPE_semaphore,
                                       ROOST_TYPE_bounded_semaphore};
    for (unsigned i = pick(p, 4), n = 0; n < 4; n++, i = (i + 1) % 4) {
        uint64_t id = any_object(p, types[i]);
        if (id != 0)
            return id;
    }
    return 0;
}

static void play_several(struct play *p, bool takes)
{
    unsigned n = 1 + pick(p, M_WANTS);
    uint64_t id;
    p->method = takes ? METHOD_server_acquire : METHOD_server_give_back;
    roost__put_array(arg(p), n);
    for (unsigned i = 0; i < n; i++)
        (id = any_takeable(p)) != 0 ? roost__put_ref(p->args, id, p->m->objects[id - 1].type)
                                    : roost__put_ref(p->args, 99, ROOST_TYPE_lock);
    if (!takes)
        return;
    arg_int(p, p->m->hold_count > M_HOLDS - 40 ? 0 : any_timeout(p));
    if (likely(p, 30))
        arg_int(p, 1 + pick(p, 25));
}

static uint64_t anything(struct play *p)
{
    return p->m->object_count > 0 ? 1 + pick(p, (unsigned)p->m->object_count) : 0;
}

static void play_references(struct play *p)
{
    uint64_t id = anything(p);
    p->method = likely(p, 40) ? METHOD_server_retain : METHOD_server_release;
    roost__put_array(arg(p), p->method == METHOD_server_retain ? 1 : 2);
    roost__put_uint(p->args, id);
    if (p->method == METHOD_server_release)
        roost__put_uint(p->args, 1 + pick(p, 3));
}

void play_server(struct play *p)
{
    static const unsigned methods[] = {METHOD_server_delete, METHOD_server_find, METHOD_server_expire,
                                       METHOD_server_ttl, METHOD_server_persist};
    unsigned which = pick(p, 20);
    uint64_t id = anything(p);
    p->target = 0;
    if (which < 6)
        play_several(p, true);
    else if (which < 8)
        play_several(p, false);
    else if (which < 14 || id == 0)
        play_references(p);
    else {
        p->method = methods[which < 15 ? 0 : 1 + pick(p, 4)];
        if (p->method == METHOD_server_find)
            roost__put_cstr(arg(p), p->m->objects[id - 1].name);
        else
            put_object(p, arg(p), id);
        if (p->method == METHOD_server_expire)
            arg_int(p, pick(p, 60));
    }
}

/* ---- transactions ---- */

static uint64_t data_object(struct play *p)
{
    static const roost_type types[] = {ROOST_TYPE_dict,  ROOST_TYPE_list,     ROOST_TYPE_queue,
                                       ROOST_TYPE_value, ROOST_TYPE_set,      ROOST_TYPE_event,
                                       ROOST_TYPE_lock,  ROOST_TYPE_semaphore};
    for (unsigned i = pick(p, 8), n = 0; n < 8; n++, i = (i + 1) % 8) {
        uint64_t id = any_object(p, types[i]);
        if (id != 0)
            return id;
    }
    return 0;
}

static void put_condition(struct play *p, uint64_t id)
{
    struct buf *b = p->args;
    roost_type type = p->m->objects[id - 1].type;
    bool keyed = type == ROOST_TYPE_dict || type == ROOST_TYPE_set;
    const char *kind = keyed                      ? (likely(p, 50) ? "present" : "absent")
                       : type == ROOST_TYPE_list  ? "len"
                       : type == ROOST_TYPE_value ? "equals"
                       : type == ROOST_TYPE_queue ? (likely(p, 50) ? "not_empty" : "has_room")
                                                  : "token";
    roost__put_array(b, type == ROOST_TYPE_queue ? 2 : type == ROOST_TYPE_value ? 4 : 3);
    roost__put_cstr(b, kind);
    roost__put_ref(b, id, type);
    if (keyed) {
        roost__put_array(b, 1);
        put_key(p, b);
    } else if (type == ROOST_TYPE_list) {
        roost__put_int(b, pick(p, 4));
    } else if (type == ROOST_TYPE_value) {
        roost__put_array(b, 0);
        roost__put_int(b, pick(p, 3));
    } else if (type != ROOST_TYPE_queue) {
        roost__put_uint(b, any_grant(p, id).token);
    }
}

/* One call with its arguments: as if it were made alone, but what waits does not. */
static void put_call(struct play *p, uint64_t id)
{
    struct buf args = buf_make(FRAME_BYTES), none = buf_make(FRAME_BYTES);
    struct play sub = *p;
    sub.args = &args;
    sub.options = &none;
    sub.argc = 0;
    sub.target = id;
    sub.o = &p->m->objects[id - 1];
    switch ((int)sub.o->type) {
    case ROOST_TYPE_dict:
        play_dict(&sub, sub.o->items.len);
        break;
    case ROOST_TYPE_list:
        play_list(&sub, sub.o->items.len);
        break;
    case ROOST_TYPE_set:
        play_set(&sub);
        break;
    case ROOST_TYPE_value:
        play_number(&sub);
        break;
    case ROOST_TYPE_queue:
        do {
            buf_reset(&args);
            sub.argc = 0;
            play_queue(&sub);
        } while (sub.method == METHOD_queue_join);
        break;
    case ROOST_TYPE_event:
        sub.method = likely(p, 50) ? METHOD_event_set : METHOD_event_clear;
        break;
    default:
        sub.method = ((unsigned)sub.o->type << 8) + 2; /* release */
    }
    roost__put_array(p->args, 3);
    roost__put_ref(p->args, id, sub.o->type);
    roost__put_uint(p->args, sub.method);
    roost__put_array(p->args, sub.argc);
    buf_append(p->args, args.data, args.len);
    roost__buf_free(&args);
    roost__buf_free(&none);
}

void play_transact(struct play *p)
{
    unsigned conditions = pick(p, 3), calls = 1 + pick(p, 3);
    p->method = METHOD_server_transact;
    p->target = 0;
    uint64_t about[2] = {data_object(p), data_object(p)};
    if (about[0] == 0)
        conditions = calls = 0;
    for (unsigned i = 0; i < conditions; i++)
        if (p->m->objects[about[i] - 1].type == ROOST_TYPE_event) /* about which nothing can be asked */
            conditions = 0;
    roost__put_array(arg(p), conditions);
    for (unsigned i = 0; i < conditions; i++)
        put_condition(p, about[i]);
    roost__put_array(arg(p), calls);
    for (unsigned i = 0; i < calls; i++)
        put_call(p, data_object(p));
    arg_int(p, any_timeout(p));
}
