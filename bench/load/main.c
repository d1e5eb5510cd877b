#include "load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "load target PORT                                     serves every role until it is killed\n"
    "load down|up|echo|connect PORT COUNT WARM_MS MEASURE_MS\n"
    "load idle PORT COUNT                                 holds COUNT connections until stdin ends\n"
    "load verify PORT STREAMS BYTES_EACH                  echoes random bytes and compares them\n";

static uint64_t number(const char *text) {
  char *rest;
  unsigned long long value = strtoull(text, &rest, 10);
  if (*text == '\0' || *rest != '\0') die("not a number: %s\n%s", text, usage);
  return value;
}

static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max < FD_MAX ? limit.rlim_max : FD_MAX;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int main(int count, char **words) {
  if (count < 3) die("%s", usage);
  const char *command = words[1];
  int port = (int)number(words[2]);
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();

  if (count == 3 && strcmp(command, "target") == 0) return run_target(port);
  if (count == 4 && strcmp(command, "idle") == 0) return run_idle(port, (int)number(words[3]));
  if (count == 5 && strcmp(command, "verify") == 0)
    return run_verify(port, (int)number(words[3]), number(words[4]));
  if (count != 6) die("%s", usage);

  int many = (int)number(words[3]);
  uint64_t warm = number(words[4]), measure = number(words[5]);
  if (many < 1 || measure < 1) die("COUNT and MEASURE_MS must be at least 1\n");
  if (strcmp(command, "down") == 0) return run_bulk(port, many, begin(warm, measure), ROLE_SOURCE);
  if (strcmp(command, "up") == 0) return run_bulk(port, many, begin(warm, measure), ROLE_SINK);
  if (strcmp(command, "echo") == 0) return run_echo(port, many, begin(warm, measure));
  if (strcmp(command, "connect") == 0) return run_connect(port, many, begin(warm, measure));
  die("%s", usage);
}
