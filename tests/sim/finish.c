/* finish.c: the end of a history: everything goes; see world.h. */
#include "tests/sim/world.h"

void delete_objects(struct world *w, bool all)
{
    for (uint64_t id = 1; id <= w->model->object_count; id++) {
        const struct mobject *o = &w->model->objects[id - 1];
        uint8_t bytes[64];
        struct buf b = {.data = bytes, .cap = sizeof(bytes), .max = sizeof(bytes)};
        if (!o->live || (o->name[0] == '\0' && !all))
            continue;
        roost__put_array(&b, CALL_PARTS);
        roost__put_int(&b, FRAME_CALL);
        roost__put_uint(&b, ++w->observed);
        roost__put_uint(&b, 0);
        roost__put_uint(&b, 0);
        roost__put_uint(&b, METHOD_server_delete);
        roost__put_array(&b, 1);
        roost__put_ref(&b, id, o->type);
        check_step(w, (struct event){.kind = EVENT_CALL, .session = w->observer, .payload = buf_slice(&b)});
        net_answer(w);
    }
}

void end_sessions(struct world *w)
{
    for (uint64_t id = 1; id <= w->model->session_count; id++)
        if (id != w->observer && model_session(w->model, id) != NULL)
            check_step(w, (struct event){.kind = EVENT_LOST, .session = id});
}
