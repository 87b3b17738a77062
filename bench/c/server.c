// The floor of the fan-out benchmark: a server in C that frames each event once and makes one blocking write per client.
//
//   sse-server --size BYTES --burst EVENTS --interval MS
//
// It prints {"addr":…} and takes the same commands from stdin as bench/peer/sse-main.ts, which explains them.
#include "common.h"
#include <poll.h>
#include <signal.h>

#define MAX_CLIENTS 20000
#define HEAD                                                                                                         \
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n" \
  "Connection: keep-alive\r\n\r\n"

static int clients[MAX_CLIENTS];
static int count;
static int listener;
static int size, burst;
static uint64_t interval_us;
static uint64_t events, ops;

static void write_all(int fd, const char *at, size_t length) {
  while (length > 0) {
    // Not send(), which is somewhat cheaper: write() is what Node uses.
    ssize_t sent = write(fd, at, length);
    if (sent < 0) fail("write: %s", strerror(errno));
    at += sent;
    length -= (size_t)sent;
  }
}

/** Reads a request up to its end, and answers it. */
static void admit(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0 || count == MAX_CLIENTS) fail("accept: %s", strerror(errno));
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  char request[4096];
  size_t length = 0;
  do {
    ssize_t got = read(fd, request + length, sizeof request - 1 - length);
    if (got <= 0) fail("a client ended its request early");
    length += (size_t)got;
    request[length] = 0;
  } while (strstr(request, "\r\n\r\n") == NULL);
  write_all(fd, HEAD, strlen(HEAD));
  clients[count++] = fd;
}

/** Sends the events of one tick to all clients. */
static void tick(void) {
  static char body[1 << 20], frame[(1 << 20) + 16];
  size_t length = 0;
  for (int i = 0; i < burst; i++) {
    length += (size_t)sprintf(body + length, "id: %llu\ndata: @%016llu", (unsigned long long)++events,
                              (unsigned long long)now_us());
    int rest = size - 1 - STAMP_DIGITS;
    memset(body + length, 'x', (size_t)rest);
    length += (size_t)rest;
    memcpy(body + length, "\n\n", 2);
    length += 2;
  }
  size_t head = (size_t)sprintf(frame, "%zx\r\n", length);
  memcpy(frame + head, body, length);
  memcpy(frame + head + length, "\r\n", 2);
  for (int i = 0; i < count; i++) write_all(clients[i], frame, head + length + 2);
  ops += (uint64_t)count * (uint64_t)burst;
}

/** Waits until `deadline` at most, and admits who comes. Ends the process when the parent has gone. */
static int wait_for_command(uint64_t deadline) {
  struct pollfd both[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
  uint64_t now = now_us();
  int wait = now >= deadline ? 0 : (int)((deadline - now + 999) / 1000);
  if (poll(both, 2, wait) <= 0) return 0;
  if (both[1].revents != 0) admit();
  return both[0].revents != 0;
}

static void idle_until(uint64_t deadline) {
  while (now_us() < deadline)
    if (wait_for_command(deadline)) exit(1);
}

static void saturate_until(uint64_t deadline) {
  while (now_us() < deadline) {
    tick();
    if (wait_for_command(0)) exit(0);
  }
}

/** One tick per interval; the first half an interval from now. */
static void pace_until(uint64_t deadline) {
  static uint64_t next;
  if (next == 0) next = now_us() + interval_us / 2;
  for (; next < deadline; next += interval_us) {
    idle_until(next);
    tick();
  }
  idle_until(deadline);
}

static void broadcast(int warmup, int settle, int window) {
  uint64_t start = now_us();
  saturate_until(start + (uint64_t)warmup * 1000);
  idle_until(start + (uint64_t)(warmup + settle) * 1000);
  struct usage before = usage_now();
  start = now_us();
  ops = 0;
  uint64_t end = start + (uint64_t)window * 1000;
  if (interval_us == 0) saturate_until(end);
  else pace_until(end);
  struct usage after = usage_now();
  printf("{\"windowMs\":%.3f,\"ops\":%llu,\"cpuUserMs\":%.3f,\"cpuSystemMs\":%.3f}\n",
         (double)(now_us() - start) / 1e3, (unsigned long long)ops, after.user - before.user,
         after.system - before.system);
  fflush(stdout);
  // The client's window may end a little later.
  for (;;) {
    if (interval_us == 0) saturate_until(now_us() + 100000);
    else if (wait_for_command(now_us() + 100000)) exit(0);
  }
}

static void memory(void) {
  unsigned long long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*u %llu", &pages) != 1) fail("there is no /proc/self/statm");
  fclose(file);
  printf("{\"rss\":%llu}\n", pages * (unsigned long long)sysconf(_SC_PAGESIZE));
  fflush(stdout);
}

int main(int argc, char **argv) {
  char line[128];
  size = atoi(argument(argc, argv, "--size", "200"));
  burst = atoi(argument(argc, argv, "--burst", "1"));
  interval_us = (uint64_t)atoi(argument(argc, argv, "--interval", "0")) * 1000;
  if (size <= STAMP_DIGITS || burst < 1 || (size_t)burst * (size_t)(size + 64) > (1 << 20)) fail("bad --size or --burst");
  raise_file_limit();
  signal(SIGPIPE, SIG_IGN);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 4096) < 0)
    fail("listen: %s", strerror(errno));
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("{\"addr\":\"127.0.0.1:%d\"}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int warmup, settle, window;
    if (!wait_for_command(now_us() + 1000000)) continue;
    if (!read_command(line, sizeof line)) return 0;
    if (strcmp(line, "memory") == 0) memory();
    else if (sscanf(line, "broadcast %d %d %d", &warmup, &settle, &window) == 3) broadcast(warmup, settle, window);
    else fail("unknown command: %s", line);
  }
}
