// What the client and the server of the fan-out benchmark share: clocks, usage, command lines, and how they fail.
#ifndef TRUNKLINE_BENCH_COMMON_H
#define TRUNKLINE_BENCH_COMMON_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/** Before the sixteen digits of an event's send stamp: microseconds of the monotonic clock. */
#define STAMP_MARK '@'
#define STAMP_DIGITS 16

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/** CPU times of this process so far, in milliseconds. */
struct usage {
  double user, system;
};

static double milliseconds(struct timeval value) {
  return (double)value.tv_sec * 1e3 + (double)value.tv_usec / 1e3;
}

static struct usage usage_now(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (struct usage){milliseconds(usage.ru_utime), milliseconds(usage.ru_stime)};
}

/** Lets this process have as many files as it is allowed to. */
static unsigned long raise_file_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return (unsigned long)limit.rlim_cur;
}

/** The value behind `--name` on the command line, or `otherwise`. */
static const char *argument(int count, char **values, const char *name, const char *otherwise) {
  for (int i = 1; i + 1 < count; i++)
    if (strcmp(values[i], name) == 0) return values[i + 1];
  return otherwise;
}

/** A line from stdin without its end, or 0 when the parent has gone. Called when there is something to read. */
static int read_command(char *line, size_t size) {
  size_t length = 0;
  while (length + 1 < size) {
    ssize_t got = read(STDIN_FILENO, line + length, 1);
    if (got <= 0) return 0;
    if (line[length] == '\n') break;
    length++;
  }
  line[length] = 0;
  return 1;
}

#endif
