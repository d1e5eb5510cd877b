/* The load generator and its target: one small program, because a generator in the language of
 * what is measured would be the bottleneck itself. Everything is non-blocking on one epoll. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The first byte that a connection sends to the target says what the target is to be. */
enum role {
  ROLE_SOURCE = 'D', /* sends for ever */
  ROLE_SINK = 'S',   /* reads and forgets */
  ROLE_REPLY = 'R',  /* answers REQUEST_BYTES with as many and ends */
  ROLE_ECHO = 'E',   /* sends back every byte after the first, and the end too */
};

enum {
  REQUEST_BYTES = 100, /* of ROLE_REPLY, the role byte included */
  CHUNK_BYTES = 256 * 1024,
  EVENTS_MAX = 1024,
  FD_MAX = 128 * 1024,
};

/* What a timed command works through: nothing is counted before `count_from`. All in nanoseconds. */
struct timing {
  uint64_t count_from, end;
};

/* Latencies in nanoseconds; past its capacity a sample is counted and not kept. */
struct latencies {
  uint32_t *kept;
  uint64_t count, capacity;
};

uint64_t now_ns(void);
/* Prints the reason on stderr and ends the program with status 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* A connected, non-blocking socket without Nagle's delay. Dies when nobody listens. */
int dial(int port);
int listen_on(int port);
int poller(void);
void watch(int poll, int fd, uint32_t events);
void rewatch(int poll, int fd, uint32_t events);
/* Sends all of a few bytes on a fresh connection, which always has room for them. */
void send_small(int fd, const void *bytes, size_t count);
/* True when the last call failed only because the socket has nothing or no room now. */
int would_block(void);
/* Closes with a reset, so that no port is left waiting. */
void reset(int fd);

struct timing begin(uint64_t warm_ms, uint64_t measure_ms);
/* Says once, on stdout, that counting has begun. Returns whether to count at time `now`. */
int counting(const struct timing *timing, uint64_t now);
struct latencies latencies_new(void);
void latencies_add(struct latencies *all, uint64_t ns);
/* Prints {"count":…,"perSecond":…,"p50":…,"p99":…} with the percentiles in microseconds. */
void latencies_print(struct latencies *all, double seconds);

int run_target(int port);
int run_bulk(int port, int streams, struct timing timing, enum role role);
int run_echo(int port, int connections, struct timing timing);
int run_connect(int port, int at_once, struct timing timing);
int run_idle(int port, int connections);
int run_verify(int port, int streams, uint64_t bytes_each);

#endif
