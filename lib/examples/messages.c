/*
 * messages.c: [42, n, "hello"] through a queue from three processes.
 *
 * A message is any value: here an array of two numbers and a string. What get() gives owns its memory.
 *
 *   $ example_messages
 *   [42, 0, "hello"]
 *   [42, 1, "hello"]
 *   [42, 2, "hello"]      in the order in which they came
 */
#include "die.h"

struct sender {
    roost_queue *q;
    int n;
};

static int send_message(void *arg)
{
    const struct sender *s = arg;
    if (roost_queue_put(s->q, roost_list_of(roost_int(42), roost_int(s->n), roost_str("hello")), -1) != 0)
        return roost_die("put");
    return 0;
}

int main(int argc, char **argv)
{
    roost_manager *m;
    roost_queue *q;
    if (open_manager(argc, argv, &m) != 0 || roost_queue_new(m, 0, &q) != 0)
        return roost_die("start");
    struct sender senders[3] = {{q, 0}, {q, 1}, {q, 2}};
    int failed = run_processes(3, send_message, senders, sizeof(senders[0]));
    for (int i = 0; i < 3; i++) {
        roost_value message;
        if (roost_queue_get(q, &message, 1000) != 0)
            return roost_die("get");
        roost_value_print(stdout, message);
        putchar('\n');
        roost_value_free(&message);
    }
    roost_queue_close(q);
    return roost_manager_shutdown(m) != 0 || failed != 0;
}
