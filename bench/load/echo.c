/* Echo: every connection has one byte under way; the round trips are timed. */
#include "load.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int run_echo(int port, int connections, struct timing timing) {
  static struct epoll_event events[EVENTS_MAX];
  uint64_t *sent_at = calloc(FD_MAX, sizeof *sent_at), now;
  if (!sent_at) die("out of memory\n");
  struct latencies trips = latencies_new();
  int poll = poller();
  for (int i = 0; i < connections; i++) {
    int fd = dial(port);
    sent_at[fd] = now_ns();
    send_small(fd, (char[]){ROLE_ECHO, 'x'}, 2);
    watch(poll, fd, EPOLLIN);
  }
  while ((now = now_ns()) < timing.end) {
    int ready = epoll_wait(poll, events, EVENTS_MAX, 10), count = counting(&timing, now);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      char bytes[16];
      ssize_t got = recv(fd, bytes, sizeof bytes, 0);
      if (got < 0 && would_block()) continue;
      if (got != 1) die("an echo came back as %zd bytes\n", got);
      uint64_t back_at = now_ns();
      if (count) latencies_add(&trips, back_at - sent_at[fd]);
      sent_at[fd] = back_at;
      send_small(fd, bytes, 1);
    }
  }
  latencies_print(&trips, (double)(now - timing.count_from) / 1e9);
  return 0;
}
