/* Verify: every stream echoes its own pseudo-random bytes in pieces of random length, ends its own
 * direction, and must get exactly the same bytes back and then the end. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK_BYTES = 64 * 1024 };
static const uint64_t patience_ns = 30000000000u; /* without one byte moving */

/* A xorshift sequence, a block at a time. */
struct sequence {
  uint64_t state;
  size_t used;
  uint8_t block[BLOCK_BYTES];
};

struct stream {
  int fd;
  uint64_t sent, received;
  struct sequence out, expected;
};

static uint64_t next(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static void refill(struct sequence *self) {
  for (size_t at = 0; at < BLOCK_BYTES; at += 8) {
    uint64_t word = next(&self->state);
    memcpy(self->block + at, &word, 8);
  }
  self->used = 0;
}

static void start_sequence(struct sequence *self, uint64_t seed) {
  self->state = seed;
  refill(self);
}

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Sends one piece; the bytes sent. */
static uint64_t push(struct stream *self, int poll, uint64_t total, uint64_t *dice) {
  if (self->out.used == BLOCK_BYTES) refill(&self->out);
  uint64_t room = least(BLOCK_BYTES - self->out.used, total - self->sent);
  uint64_t piece = least(room, 1 + next(dice) % BLOCK_BYTES);
  ssize_t sent = send(self->fd, self->out.block + self->out.used, piece, MSG_NOSIGNAL);
  if (sent < 0 && would_block()) return 0;
  if (sent < 0) die("a stream broke after %" PRIu64 " bytes sent\n", self->sent);
  self->out.used += (size_t)sent;
  self->sent += (uint64_t)sent;
  if (self->sent == total) {
    shutdown(self->fd, SHUT_WR);
    rewatch(poll, self->fd, EPOLLIN);
  }
  return (uint64_t)sent;
}

/* Compares what has come; the bytes received. Sets `ended` at the end of the stream. */
static uint64_t pull(struct stream *self, uint64_t total, int *ended) {
  static uint8_t bytes[BLOCK_BYTES];
  if (self->expected.used == BLOCK_BYTES) refill(&self->expected);
  ssize_t got = recv(self->fd, bytes, BLOCK_BYTES - self->expected.used, 0);
  if (got < 0 && would_block()) return 0;
  if (got < 0) die("a stream broke after %" PRIu64 " bytes received\n", self->received);
  if (got == 0 && self->received != total)
    die("a stream ended after %" PRIu64 " bytes of %" PRIu64 "\n", self->received, total);
  if (self->received + (uint64_t)got > total) die("a stream gave more than was sent\n");
  if (memcmp(bytes, self->expected.block + self->expected.used, (size_t)got) != 0)
    die("wrong bytes between %" PRIu64 " and %" PRIu64 "\n", self->received, self->received + (uint64_t)got);
  self->expected.used += (size_t)got;
  self->received += (uint64_t)got;
  *ended = got == 0;
  return (uint64_t)got;
}

int run_verify(int port, int count, uint64_t total) {
  static struct epoll_event events[EVENTS_MAX];
  if (count < 1 || total < 1) die("STREAMS and BYTES_EACH must be at least 1\n");
  struct stream *streams = calloc((size_t)count, sizeof *streams);
  if (!streams) die("out of memory\n");
  int *stream_of = calloc(FD_MAX, sizeof *stream_of), poll = poller(), open = count;
  uint64_t dice = 88172645463325252u, began = now_ns(), moved_at = began;
  for (int i = 0; i < count; i++) {
    struct stream *self = &streams[i];
    self->fd = dial(port);
    stream_of[self->fd] = i;
    start_sequence(&self->out, 0x9e3779b97f4a7c15u + (uint64_t)i);
    start_sequence(&self->expected, 0x9e3779b97f4a7c15u + (uint64_t)i);
    send_small(self->fd, (char[]){ROLE_ECHO}, 1);
    watch(poll, self->fd, EPOLLIN | EPOLLOUT);
  }
  while (open > 0) {
    int ready = epoll_wait(poll, events, EVENTS_MAX, 1000);
    if (now_ns() - moved_at > patience_ns) die("no byte has moved for 30 s; %d streams stand\n", open);
    for (int i = 0; i < ready; i++) {
      struct stream *self = &streams[stream_of[events[i].data.fd]];
      uint64_t moved = 0;
      int ended = 0;
      if (events[i].events & EPOLLOUT) moved += push(self, poll, total, &dice);
      if (events[i].events & ~(uint32_t)EPOLLOUT) moved += pull(self, total, &ended);
      if (moved > 0) moved_at = now_ns();
      if (ended) {
        close(self->fd);
        open--;
      }
    }
  }
  printf("{\"bytes\":%" PRIu64 ",\"seconds\":%.6f}\n", total * (uint64_t)count,
         (double)(now_ns() - began) / 1e9);
  return 0;
}
