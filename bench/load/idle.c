/* Idle: connections that have each echoed one byte, so that they stand to the end, and then rest. */
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void wait_for_echo(int fd) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  char byte;
  if (poll(&one, 1, 10000) != 1) die("no echo within 10 s\n");
  if (recv(fd, &byte, 1, 0) != 1) die("a connection ended before it could rest\n");
}

int run_idle(int port, int connections) {
  for (int i = 0; i < connections; i++) {
    int fd = dial(port);
    send_small(fd, (char[]){ROLE_ECHO, 'x'}, 2);
    wait_for_echo(fd);
  }
  printf("{\"open\":%d}\n", connections);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  return 0;
}
