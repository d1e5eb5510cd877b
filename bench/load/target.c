/* The service behind every contender: what each connection gets is said by its first byte. */
#define _GNU_SOURCE /* accept4 */
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
  enum role role; /* 0 until the first byte has come */
  int answered;   /* ROLE_REPLY: only the peer's end is awaited */
  uint32_t received;
  char *unsent; /* ROLE_ECHO: what the socket had no room for; nothing is read meanwhile */
  size_t unsent_from, unsent_to;
};

static struct connection *connections;
static char chunk[CHUNK_BYTES];
static int poll_fd;

static void finish(int fd) {
  free(connections[fd].unsent);
  close(fd);
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= FD_MAX) die("too many connections\n");
    connections[fd] = (struct connection){0};
    watch(poll_fd, fd, EPOLLIN);
  }
}

/* Discards what has come, unread. Returns 0 when the connection is over. */
static int discard(int fd) {
  for (int turn = 0; turn < 16; turn++) {
    ssize_t got = recv(fd, NULL, 1 << 20, MSG_TRUNC);
    if (got == 0) return 0;
    if (got < 0) return would_block();
  }
  return 1;
}

static int source(int fd, uint32_t events) {
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !discard(fd)) return 0;
  for (int turn = 0; turn < 4; turn++)
    if (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) < 0) return would_block();
  return 1;
}

static int reply(int fd, struct connection *self) {
  if (self->answered) return discard(fd);
  ssize_t got = recv(fd, NULL, 4096, MSG_TRUNC);
  if (got <= 0) return got < 0 && would_block();
  self->received += (uint32_t)got;
  if (self->received < REQUEST_BYTES - 1) return 1; /* the role byte was read before */
  self->answered = 1;
  if (send(fd, chunk, REQUEST_BYTES, MSG_NOSIGNAL) != REQUEST_BYTES) return 0;
  shutdown(fd, SHUT_WR);
  return 1;
}

static int send_unsent(int fd, struct connection *self) {
  ssize_t sent = send(fd, self->unsent + self->unsent_from, self->unsent_to - self->unsent_from,
                      MSG_NOSIGNAL);
  if (sent < 0) return would_block();
  self->unsent_from += (size_t)sent;
  if (self->unsent_from == self->unsent_to) {
    free(self->unsent);
    self->unsent = NULL;
    rewatch(poll_fd, fd, EPOLLIN);
  }
  return 1;
}

static int echo(int fd, struct connection *self) {
  if (self->unsent) return send_unsent(fd, self);
  ssize_t got = recv(fd, chunk, sizeof chunk, 0);
  if (got <= 0) return got < 0 && would_block();
  ssize_t sent = send(fd, chunk, (size_t)got, MSG_NOSIGNAL);
  if (sent == got) return 1;
  if (sent < 0 && !would_block()) return 0;
  self->unsent_from = 0;
  self->unsent_to = (size_t)(got - (sent < 0 ? 0 : sent));
  self->unsent = malloc(self->unsent_to);
  if (!self->unsent) die("out of memory\n");
  memcpy(self->unsent, chunk + got - self->unsent_to, self->unsent_to);
  rewatch(poll_fd, fd, EPOLLOUT);
  return 1;
}

static int read_role(int fd, struct connection *self) {
  char role;
  ssize_t got = recv(fd, &role, 1, 0);
  if (got <= 0) return got < 0 && would_block();
  self->role = (enum role)role;
  if (role == ROLE_SOURCE) rewatch(poll_fd, fd, EPOLLIN | EPOLLOUT);
  return 1;
}

/* Returns 0 when the connection is over. */
static int serve(int fd, uint32_t events) {
  struct connection *self = &connections[fd];
  if (self->role == 0 && !read_role(fd, self)) return 0;
  switch (self->role) {
    case ROLE_SOURCE: return source(fd, events);
    case ROLE_SINK: return discard(fd);
    case ROLE_REPLY: return reply(fd, self);
    case ROLE_ECHO: return echo(fd, self);
  }
  return self->role == 0; /* a role that nobody knows ends the connection */
}

int run_target(int port) {
  static struct epoll_event events[EVENTS_MAX];
  connections = calloc(FD_MAX, sizeof *connections);
  if (!connections) die("out of memory\n");
  poll_fd = poller();
  int listener = listen_on(port);
  watch(poll_fd, listener, EPOLLIN);
  for (;;) {
    int ready = epoll_wait(poll_fd, events, EVENTS_MAX, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_all(listener);
      else if (!serve(fd, events[i].events)) finish(fd);
    }
  }
}
