/* A lossy link of IP packets between this network and one of its own: whoever is started in that one
 * (nsenter --net, by this program's pid) reaches us at `near`, and is reached at `far`. Every packet is held
 * back for a fixed time, and some are lost, in both directions alike: beneath TCP and UDP, so that both
 * meet with it as they would outside. The kernel's own netem would do the same, where it has it.
 *
 *   link NUMBER ONE_WAY_MS LOST_PER_THOUSAND
 *
 * The number tells links from each other. Prints a line when the link is up. Needs root and /dev/net/tun; all of it goes away with the program. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  PACKET_BYTES = 1500,
  HELD_MAX = 1 << 16, /* in each direction; a full queue drops, as any router's */
  DEVICE_QUEUE = 10000,
};

struct packet {
  uint64_t due;
  ssize_t bytes;
  unsigned char data[PACKET_BYTES];
};

struct direction {
  int from, to;
  struct packet *held;
  uint64_t first, next;
};

static void die(const char *what) {
  fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The same losses in every run. */
static unsigned random_next(void) {
  static unsigned state = 2463534242u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static void set_address(int control, struct ifreq *request, unsigned long which, const char *text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  inet_pton(AF_INET, text, &address.sin_addr);
  memcpy(&request->ifr_addr, &address, sizeof address);
  if (ioctl(control, which, request) != 0) die(text);
}

static void bring_up(int control, struct ifreq *request) {
  request->ifr_flags = IFF_UP;
  if (ioctl(control, SIOCSIFFLAGS, request) != 0) die("up");
}

/* A device in the network that this process is in now. */
static int open_device(const char *name, const char *own, const char *other) {
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  int control = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0) die("/dev/net/tun");
  set_address(control, &request, SIOCSIFADDR, own);
  set_address(control, &request, SIOCSIFDSTADDR, other);
  request.ifr_qlen = DEVICE_QUEUE;
  if (ioctl(control, SIOCSIFTXQLEN, &request) != 0) die("queue");
  bring_up(control, &request);
  close(control);
  return device;
}

static void take(struct direction *way, uint64_t delay, unsigned lost_per_thousand) {
  for (;;) {
    struct packet *packet = &way->held[way->next % HELD_MAX];
    unsigned char spare[PACKET_BYTES];
    int full = way->next - way->first == HELD_MAX;
    ssize_t got = read(way->from, full ? spare : packet->data, PACKET_BYTES);
    if (got < 0) return;
    if (full || random_next() % 1000 < lost_per_thousand) continue;
    packet->bytes = got;
    packet->due = now_ns() + delay;
    way->next++;
  }
}

static void give(struct direction *way, uint64_t now) {
  for (; way->first < way->next; way->first++) {
    struct packet *packet = &way->held[way->first % HELD_MAX];
    if (packet->due > now || write(way->to, packet->data, (size_t)packet->bytes) < 0) return;
  }
}

int main(int count, char **words) {
  if (count != 4) {
    fprintf(stderr, "link NUMBER ONE_WAY_MS LOST_PER_THOUSAND\n");
    return 1;
  }
  unsigned number = (unsigned)strtoul(words[1], NULL, 10) % 256;
  uint64_t delay = strtoull(words[2], NULL, 10) * 1000000u;
  unsigned lost = (unsigned)strtoul(words[3], NULL, 10);
  char name[16], here[16], there[16]; /* RFC 2544 keeps these addresses for benchmarks */
  snprintf(name, sizeof name, "lossy%u", number);
  snprintf(here, sizeof here, "198.18.%u.1", number);
  snprintf(there, sizeof there, "198.18.%u.2", number);
  int near = open_device(name, here, there);
  if (unshare(CLONE_NEWNET) != 0) die("unshare");
  int far = open_device(name, there, here);
  int control = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq loopback = {.ifr_name = "lo"};
  bring_up(control, &loopback);
  close(control);

  struct direction ways[2] = {{.from = near, .to = far}, {.from = far, .to = near}};
  for (int i = 0; i < 2; i++) {
    ways[i].held = malloc(HELD_MAX * sizeof(struct packet));
    if (!ways[i].held) die("memory");
  }
  printf("{\"near\":\"%s\",\"far\":\"%s\",\"device\":\"%s\"}\n", here, there, name);
  fflush(stdout);
  for (;;) {
    uint64_t now = now_ns(), due = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
      give(&ways[i], now);
      if (ways[i].first < ways[i].next) {
        uint64_t first = ways[i].held[ways[i].first % HELD_MAX].due;
        if (first < due) due = first;
      }
    }
    struct timespec wait = {0, 0};
    if (due != UINT64_MAX && due > now) {
      wait.tv_sec = (time_t)((due - now) / 1000000000u);
      wait.tv_nsec = (long)((due - now) % 1000000000u);
    }
    struct pollfd both[2] = {{near, POLLIN, 0}, {far, POLLIN, 0}};
    ppoll(both, 2, due == UINT64_MAX ? NULL : &wait, NULL);
    for (int i = 0; i < 2; i++) take(&ways[i], delay, lost);
  }
}
