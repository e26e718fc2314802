/*
 * fake_server.h: a server of one connection that does exactly what a test's script says, in a thread of its
 * own.
 *
 * The script runs after the handshake, with the connection in f->fd; when it returns, the connection closes.
 */
#ifndef ROOST_TESTS_CLIENT_FAKE_SERVER_H
#define ROOST_TESTS_CLIENT_FAKE_SERVER_H

#include "tests/support/test.h"

#include <pthread.h>

#include "wire/frame.h"

struct fake_server {
    char dir[32];
    char url[64];
    int listener;
    int fd;
    bool welcomes; /* false: the script also does the handshake */
    void (*script)(struct fake_server *f);
    void *arg;
    pthread_t thread;
    uint8_t payload[1 << 16]; /* the frame read last */
    struct slice frame;
};

void fake_start(struct fake_server *f, void (*script)(struct fake_server *f), void *arg);

/* The same, without the handshake. */
void fake_start_raw(struct fake_server *f, void (*script)(struct fake_server *f), void *arg);

/* Likewise, at tcp://127.0.0.1. */
void fake_start_tcp(struct fake_server *f, void (*script)(struct fake_server *f), void *arg);

/* Waits for the end of the script. */
void fake_stop(struct fake_server *f);

/* Reads the next frame; false at the end of the stream. */
bool fake_read(struct fake_server *f);

/* Reads the next frame, which must be a CALL of the method. */
struct call_frame fake_expect_call(struct fake_server *f, uint32_t method);

/* Sends raw bytes; false when the client is gone. */
bool fake_send(struct fake_server *f, const void *data, size_t len);

/* A whole REPLY or ERROR frame. */
void fake_reply(struct fake_server *f, uint64_t number, roost_value result);
void fake_error(struct fake_server *f, uint64_t number, int code, const char *message);

#endif
