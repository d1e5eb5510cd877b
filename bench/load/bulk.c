/* Bulk: as many bytes as will go, towards us (`down`) or towards the target (`up`). */
#include "load.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static char chunk[CHUNK_BYTES];

/* One turn of a stream: the bytes moved. A stream that ends makes the whole measurement void. */
static uint64_t move(int fd, enum role role) {
  uint64_t moved = 0;
  for (int turn = 0; turn < 4; turn++) {
    /* MSG_TRUNC: the kernel drops the bytes without copying them to us. */
    ssize_t n = role == ROLE_SOURCE ? recv(fd, NULL, 1 << 20, MSG_TRUNC)
                                    : send(fd, chunk, sizeof chunk, MSG_NOSIGNAL);
    if (n > 0) moved += (uint64_t)n;
    else if (n < 0 && would_block()) break;
    else die("a stream ended in the middle of the transfer\n");
  }
  return moved;
}

int run_bulk(int port, int streams, struct timing timing, enum role role) {
  static struct epoll_event events[EVENTS_MAX];
  int poll = poller();
  uint64_t bytes = 0, now;
  char first = (char)role;
  for (int i = 0; i < streams; i++) {
    int fd = dial(port);
    send_small(fd, &first, 1);
    watch(poll, fd, role == ROLE_SOURCE ? EPOLLIN : EPOLLOUT);
  }
  while ((now = now_ns()) < timing.end) {
    int ready = epoll_wait(poll, events, EVENTS_MAX, 10), count = counting(&timing, now);
    for (int i = 0; i < ready; i++) {
      uint64_t moved = move(events[i].data.fd, role);
      if (count) bytes += moved;
    }
  }
  printf("{\"bytes\":%llu,\"seconds\":%.6f}\n", (unsigned long long)bytes,
         (double)(now - timing.count_from) / 1e9);
  return 0;
}
