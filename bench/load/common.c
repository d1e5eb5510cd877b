#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void die(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  exit(1);
}

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET,
      .sin_port = htons((uint16_t)port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
}

int dial(int port) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (fd < 0) die("socket: %s\n", strerror(errno));
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    die("connect to 127.0.0.1:%d: %s\n", port, strerror(errno));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

int listen_on(int port) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  if (fd < 0) die("socket: %s\n", strerror(errno));
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16384) != 0)
    die("listen on 127.0.0.1:%d: %s\n", port, strerror(errno));
  return fd;
}

int poller(void) {
  int fd = epoll_create1(0);
  if (fd < 0) die("epoll: %s\n", strerror(errno));
  return fd;
}

static void control(int poll, int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poll, operation, fd, &event) != 0) die("epoll: %s\n", strerror(errno));
}

void watch(int poll, int fd, uint32_t events) { control(poll, EPOLL_CTL_ADD, fd, events); }

void rewatch(int poll, int fd, uint32_t events) { control(poll, EPOLL_CTL_MOD, fd, events); }

void send_small(int fd, const void *bytes, size_t count) {
  if (send(fd, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) die("send: %s\n", strerror(errno));
}

int would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

void reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

struct timing begin(uint64_t warm_ms, uint64_t measure_ms) {
  uint64_t count_from = now_ns() + warm_ms * 1000000;
  return (struct timing){.count_from = count_from, .end = count_from + measure_ms * 1000000};
}

int counting(const struct timing *timing, uint64_t now) {
  static int said;
  if (now < timing->count_from) return 0;
  if (!said) {
    said = 1;
    puts("{\"counting\":true}");
    fflush(stdout);
  }
  return 1;
}

struct latencies latencies_new(void) {
  struct latencies all = {.capacity = 4u << 20};
  all.kept = malloc(all.capacity * sizeof *all.kept);
  if (!all.kept) die("out of memory\n");
  return all;
}

void latencies_add(struct latencies *all, uint64_t ns) {
  if (all->count < all->capacity) all->kept[all->count] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
  all->count++;
}

static int ascending(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

void latencies_print(struct latencies *all, double seconds) {
  uint64_t kept = all->count < all->capacity ? all->count : all->capacity;
  if (kept == 0) die("no answer came while it was counted\n");
  qsort(all->kept, kept, sizeof *all->kept, ascending);
  printf("{\"count\":%llu,\"perSecond\":%.1f,\"p50\":%.1f,\"p99\":%.1f}\n",
         (unsigned long long)all->count, (double)all->count / seconds, all->kept[kept / 2] / 1e3,
         all->kept[kept * 99 / 100] / 1e3);
}
