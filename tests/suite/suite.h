/*
 * suite.h: the language of the object suite: clients that post calls and look at answers, on any backend.
 *
 * A failed expectation fails the running cmocka case with file and line. Called by the case files only.
 */
#ifndef ROOST_TESTS_SUITE_H
#define ROOST_TESTS_SUITE_H

#include "tests/support/test.h"

#include "base/buf.h"
#include "roost/roost.h"

struct client;

/* What carries frames between the suite and a core. */
struct backend {
    const char *name;
    void (*start)(void);
    void (*stop)(void);
    void *(*open)(void);                            /* a new session */
    void (*lose)(void *link);                       /* its connection ends, without a word */
    void (*send)(void *link, struct slice frame);   /* a whole frame, header included */
    bool (*receive)(void *link, struct buf *frame); /* the next payload; waits for it up to 10 s */
    bool real_time;                                 /* else pass_time() moves the clock */
    void (*pass_time)(int64_t ms);
};

extern const struct backend backend_core, backend_saved, backend_durable, backend_resume, backend_ipc,
    backend_tcp, backend_nng, backend_ring, backend_tcpring, backend_tls;

/* backend_net.c: a roostd on a socket of its own, and a connection to it that gives up after 10 s. */
void net_start_ipc(void);
void net_start_tcp(void);
void net_start_tls(const char *cert, const char *key);
void net_stop(void);
int net_connect(void);

void suite_start(const struct backend *b);
void suite_stop(void);

struct client *client_open(void);
void lose(struct client *c);

/* Sends a call; returns its number. */
uint64_t post(struct client *c, uint64_t target, const char *method, const char *args);
uint64_t post_as(struct client *c, uint64_t thread, uint64_t target, const char *method, const char *args);

/* The same with options of the call. */
uint64_t post_with(struct client *c, const char *options, uint64_t target, const char *method,
                   const char *args);

/* The same with a guard: good only as long as the grant of that lock's token holds. */
uint64_t post_guarded(struct client *c, uint64_t lock, uint64_t token, uint64_t target, const char *method,
                      const char *args);
/* The same for what is nested in the target at a path. */
uint64_t post_at(struct client *c, uint64_t target, const char *path, const char *method, const char *args);

/* The answer to a call as text: the result as JSON, or "error <code>". Valid until the client's next answer.
 */
const char *answer_text(struct client *c, uint64_t number);

/* True while a call is unanswered though everything the server did until now has been seen. */
bool is_waiting(struct client *c, uint64_t number);

void acknowledge_call(struct client *c, uint64_t number);

/* Asks the server to give up a call that waits. */
void cancel_call(struct client *c, uint64_t number);

/* Lets ms pass: on a backend with real time the answer just comes later. */
void pass_time(int64_t ms);

/* True where nothing but pass_time() moves the clock. */
bool time_stands_still(void);

/* Lets ms pass and asks until the answer is the one expected. */
void await_answer(struct client *c, int64_t ms, uint64_t target, const char *method, const char *args,
                  const char *expected);

/* Opens an object; returns its id. args begins with the name, or is "[]" for an anonymous one. */
uint64_t open_object(struct client *c, const char *type, const char *args);

/* A member of server.info. */
int64_t info(struct client *c, const char *name);

/* Waits until a member of server.info has a value: for what another session's end brings about. */
void await_info(struct client *c, const char *name, int64_t value);

/* Names of rows that no case has called. */
const char *first_row_not_called(void);

/* Formats into one of a few static buffers. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define answered(c, number, expected)         assert_string_equal(answer_text(c, number), expected)
#define ok(c, target, method, args, expected) answered(c, post(c, target, method, args), expected)
#define ok_as(c, thread, target, method, args, expected) \
    answered(c, post_as(c, thread, target, method, args), expected)
#define fails(c, target, method, args, code) \
    answered(c, post(c, target, method, args), text("error %d", code))
#define ok_at(c, target, path, method, args, expected) \
    answered(c, post_at(c, target, path, method, args), expected)
#define fails_at(c, target, path, method, args, code) \
    answered(c, post_at(c, target, path, method, args), text("error %d", code))
#define waits(c, number) assert_true(is_waiting(c, number))

/* A grant was answered; returns its token and checks whether the owner before had died. */
uint64_t granted(struct client *c, uint64_t number, bool owner_died);

/* Takes it with a wait without limit, from thread 1 or another; returns the token. */
uint64_t take(struct client *c, uint64_t o, const char *method);
uint64_t take_as(struct client *c, uint64_t thread, uint64_t o, const char *method);

/* Posts a call that must wait. */
uint64_t wait_as(struct client *c, uint64_t thread, uint64_t o, const char *method, const char *args);

/* The last error's message has these words in it. */
void says(const struct client *c, const char *words);

/* The cases, group by group; whoever runs them all goes through the list. */
typedef void suite_group(const struct CMUnitTest **ret, size_t *ret_len);

suite_group suite_containers, suite_nested, suite_expiry, suite_queues, suite_numbers, suite_waitables,
    suite_cancel, suite_deadlocks, suite_locks, suite_keyed_locks, suite_transactions, suite_pages,
    suite_server;

extern suite_group *const suite_groups[];
extern const size_t suite_group_count;

#endif
