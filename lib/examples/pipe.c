/*
 * pipe.c: a parent and its child talk through a pipe, each by its own end.
 *
 *   $ example_pipe
 *   child got: [1, "hello", null]
 *   parent got: {"answer": 42, "from": "child"}
 *   the child has closed its end
 */
#include "die.h"

struct ends {
    roost_pipe *parent, *child;
};

static int child(void *arg)
{
    struct ends *e = arg;
    roost_value v;
    roost_pipe_close(e->parent); /* the copy that this process does not use */
    if (roost_pipe_recv(e->child, &v, 10000) != 0)
        return roost_die("child: recv");
    printf("child got: ");
    roost_value_print(stdout, v);
    putchar('\n');
    roost_value_free(&v);
    const roost_pair answer[] = {{roost_str("answer"), roost_int(42)},
                                 {roost_str("from"), roost_str("child")}};
    if (roost_pipe_send(e->child, roost_map(answer, 2), 10000) != 0)
        return roost_die("child: send");
    roost_pipe_close(e->child);
    return 0;
}

int main(void)
{
    struct ends e;
    roost_process *p;
    roost_value v;
    if (roost_pipe_new(true, &e.parent, &e.child) != 0 || roost_process_start(&p, child, &e, NULL) != 0)
        return roost_die("start");
    roost_pipe_close(e.child);
    if (roost_pipe_send(e.parent, roost_list_of(roost_int(1), roost_str("hello"), roost_nil()), 10000) != 0)
        return roost_die("send");
    if (roost_pipe_recv(e.parent, &v, 10000) != 0)
        return roost_die("recv");
    int failed = finish_process(p);
    printf("parent got: ");
    roost_value_print(stdout, v);
    putchar('\n');
    roost_value_free(&v);
    if (roost_pipe_recv(e.parent, &v, 10000) == ROOST_ECLOSED)
        puts("the child has closed its end");
    roost_pipe_close(e.parent);
    return failed;
}
