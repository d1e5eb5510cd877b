/* Connection rate: dial, send a request, read the answer to its end, close, and again. */
#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct attempt {
  uint64_t began;
  uint32_t received;
};

static struct attempt *attempts;

static void begin_attempt(int poll, int port) {
  char request[REQUEST_BYTES];
  memset(request, ROLE_REPLY, sizeof request);
  uint64_t began = now_ns();
  int fd = dial(port);
  attempts[fd] = (struct attempt){.began = began};
  send_small(fd, request, sizeof request);
  watch(poll, fd, EPOLLIN);
}

int run_connect(int port, int at_once, struct timing timing) {
  static struct epoll_event events[EVENTS_MAX];
  uint64_t now;
  attempts = calloc(FD_MAX, sizeof *attempts);
  if (!attempts) die("out of memory\n");
  struct latencies whole = latencies_new();
  int poll = poller();
  for (int i = 0; i < at_once; i++) begin_attempt(poll, port);
  while ((now = now_ns()) < timing.end) {
    int ready = epoll_wait(poll, events, EVENTS_MAX, 10), count = counting(&timing, now);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      char bytes[4096];
      ssize_t got = recv(fd, bytes, sizeof bytes, 0);
      if (got > 0) attempts[fd].received += (uint32_t)got;
      if (got > 0 || (got < 0 && would_block())) continue;
      if (got < 0 || attempts[fd].received != REQUEST_BYTES)
        die("a connection ended after %u bytes of %d\n", attempts[fd].received, REQUEST_BYTES);
      if (count) latencies_add(&whole, now_ns() - attempts[fd].began);
      reset(fd);
      begin_attempt(poll, port);
    }
  }
  latencies_print(&whole, (double)(now - timing.count_from) / 1e9);
  return 0;
}
