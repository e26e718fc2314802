/* play.c: chooses an object and has a call of it made up; see play.h. */
#include "tests/sim/play.h"

static void play_object(struct play *p)
{
    switch ((int)p->o->type) {
    case ROOST_TYPE_dict:
        play_dict(p, p->o->items.len);
        break;
    case ROOST_TYPE_list:
        play_list(p, p->o->items.len);
        break;
    case ROOST_TYPE_set:
        play_set(p);
        break;
    case ROOST_TYPE_namespace:
        play_namespace(p);
        break;
    case ROOST_TYPE_queue:
        play_queue(p);
        break;
    case ROOST_TYPE_value:
    case ROOST_TYPE_array:
        play_number(p);
        break;
    case ROOST_TYPE_condition:
        play_condition(p);
        break;
    case ROOST_TYPE_event:
        play_event(p);
        break;
    case ROOST_TYPE_barrier:
        play_barrier(p);
        break;
    default:
        play_take(p);
    }
}

static void play_array_inside(struct play *p)
{
    static const unsigned methods[] = {METHOD_list_append, METHOD_list_len, METHOD_list_copy,
                                       METHOD_list_pop};
    p->method = methods[pick(p, 4)];
    if (p->method == METHOD_list_append)
        arg_int(p, pick(p, 4));
}

static void play_map_inside(struct play *p)
{
    static const unsigned methods[] = {METHOD_dict_set, METHOD_dict_copy, METHOD_dict_incr, METHOD_dict_get};
    p->method = methods[pick(p, 4)];
    if (p->method != METHOD_dict_copy)
        put_key(p, arg(p));
    if (p->method == METHOD_dict_set)
        arg_int(p, pick(p, 4));
}

/* A plain array or map that stands in the object, or one step deeper: on it the call is made. False: there is
 * none. */
static bool play_inside(struct play *p, struct buf *path)
{
    const struct mitems *items = &p->o->items;
    for (size_t i = 0; i < items->len; i++) {
        const struct mvalue *v = &items->at[i].value;
        roost_kind kind = scan_value(vslice(v)).kind;
        bool deeper = kind == ROOST_MAP && likely(p, 50);
        if ((kind != ROOST_ARRAY && kind != ROOST_MAP) || v->len > 16)
            continue;
        roost__put_array(path, 1 + deeper);
        if (p->o->type == ROOST_TYPE_list)
            roost__put_int(path, (int64_t)i);
        else
            buf_append(path, items->at[i].key.bytes, items->at[i].key.len);
        if (deeper)
            roost__put_cstr(path, "k");
        kind == ROOST_ARRAY || deeper ? play_array_inside(p) : play_map_inside(p);
        return true;
    }
    return false;
}

static bool is_nest(const struct mobject *o)
{
    return o->type == ROOST_TYPE_dict || o->type == ROOST_TYPE_list || o->type == ROOST_TYPE_namespace;
}

static void put_guard(struct play *p, struct buf *b)
{
    struct grant g = any_grant(p, 0);
    roost__put_array(b, 2);
    roost__put_uint(b, g.object);
    roost__put_uint(b, g.token);
}

static void choose(struct play *p)
{
    roost_type type = p->w->types[pick(p, 4)];
    bool room = p->m->object_count < M_OBJECTS - 16;
    uint64_t id = any_object(p, type);
    if (likely(p, 7) || (id == 0 && !room)) {
        play_server(p);
    } else if (likely(p, 8)) {
        play_transact(p);
    } else if (room && (id == 0 || likely(p, 6))) {
        play_open(p, type);
    } else if (id == 0) {
        p->method = METHOD_server_ping;
    } else {
        p->target = id;
        p->o = &p->m->objects[id - 1];
    }
}

void play(struct world *w, const struct client *c, unsigned thread, uint64_t *ret_target,
          unsigned *ret_method, struct buf *ret_args, struct buf *options)
{
    struct buf args = buf_make(FRAME_BYTES), path = buf_make(FRAME_BYTES);
    struct play p = {.w = w,
                     .dice = &w->dice,
                     .m = w->model,
                     .client = c,
                     .thread = thread,
                     .args = &args,
                     .options = options};
    choose(&p);
    bool inside = p.o != NULL && is_nest(p.o) && likely(&p, 25) && play_inside(&p, &path);
    if (p.o != NULL && !inside)
        play_object(&p);
    bool guarded = likely(&p, 4);
    if (inside || guarded)
        roost__put_map(options, (size_t)inside + guarded);
    if (inside) {
        roost__put_cstr(options, "at");
        buf_append(options, path.data, path.len);
    }
    if (guarded) {
        roost__put_cstr(options, "guard");
        put_guard(&p, options);
    }
    roost__put_array(ret_args, p.argc);
    buf_append(ret_args, args.data, args.len);
    *ret_target = p.target;
    *ret_method = p.method;
    roost__buf_free(&args);
    roost__buf_free(&path);
}
