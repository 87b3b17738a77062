// The client of the fan-out benchmark: thousands of subscribers in one process with epoll, so that the client costs as
// little as possible. Of each event it reads only the send stamp. Linux only.
//
//   sse-client --addr HOST:PORT --protocol sse|nats
//
// It reads commands from stdin and answers each with one line of JSON:
//
//   connect N                 opens N more subscribers, and waits until the server answered all of them
//   stall N                   opens N that ask for /stalled, and read nothing behind the head of the response
//   measure WARMUP WINDOW     waits WARMUP milliseconds, then counts what arrives in WINDOW milliseconds
//
// It ends when stdin does. Its sockets are then reset: thousands in TIME-WAIT would use up the ports.
#include "common.h"
#include <sys/epoll.h>

#define BUFFER_BYTES (256 * 1024)
#define EVENTS 512
/** Connections that wait for an answer at once; more would overflow the servers' backlogs. */
#define CONNECTING 128
#define CONNECT_TIMEOUT_US (20 * 1000 * 1000)
/** Latencies are counted in 64 buckets per power of two of microseconds. */
#define SUB_BITS 6
#define BUCKETS ((40 - SUB_BITS) << SUB_BITS)

enum phase { OPENING, GREETING, READY };

struct subscriber {
  int fd;
  enum phase phase;
  int stalled;
  /** Characters of what ends the greeting that were seen. */
  int matched;
  /** The status line, so far. */
  char status[13];
  int status_length;
  /** Digits of a stamp that are still to come, and the value of those before. */
  int digits;
  uint64_t stamp;
};

static struct sockaddr_in address;
static const char *address_text;
static int nats;
static int epoll;
static struct subscriber **subscribers;
static int count, ready;
static uint64_t bytes, ops;
static uint32_t histogram[BUCKETS];
static char buffer[BUFFER_BYTES];

static int bucket_of(uint64_t us) {
  if (us < (1u << SUB_BITS)) return (int)us;
  int shift = 63 - __builtin_clzll(us) - SUB_BITS;
  int bucket = ((shift + 1) << SUB_BITS) + (int)((us >> shift) & ((1u << SUB_BITS) - 1));
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/** The lower end of a bucket. */
static double value_of(int bucket) {
  if (bucket < (1 << SUB_BITS)) return bucket;
  int shift = (bucket >> SUB_BITS) - 1;
  return (double)((uint64_t)((1 << SUB_BITS) + (bucket & ((1 << SUB_BITS) - 1))) << shift);
}

static double percentile_ms(double share) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += histogram[i];
  for (int i = 0; i < BUCKETS; i++) {
    seen += histogram[i];
    if (seen > 0 && (double)seen >= share * (double)total) return value_of(i) / 1e3;
  }
  return 0;
}

static void send_all(int fd, const char *text) {
  size_t length = strlen(text);
  if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length) fail("a request could not be sent");
}

static void open_subscriber(int stalled) {
  struct subscriber *one = calloc(1, sizeof *one);
  one->stalled = stalled;
  one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (one->fd < 0) fail("socket: %s (%d are open; raise ulimit -n)", strerror(errno), count);
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  int on = 1, small = 4096;
  setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (stalled) setsockopt(one->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  if (connect(one->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
    fail("connect: %s", strerror(errno));
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = one};
  epoll_ctl(epoll, EPOLL_CTL_ADD, one->fd, &event);
  subscribers = realloc(subscribers, sizeof *subscribers * (size_t)(count + 1));
  subscribers[count++] = one;
}

static void connected(struct subscriber *one) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) fail("connect: %s", strerror(error));
  one->phase = GREETING;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
  epoll_ctl(epoll, EPOLL_CTL_MOD, one->fd, &event);
  char request[256];
  if (nats) {
    send_all(one->fd, "CONNECT {\"verbose\":false}\r\nSUB bench 1\r\nPING\r\n");
    return;
  }
  snprintf(request, sizeof request,
           "GET /%s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n\r\n",
           one->stalled ? "stalled" : "events?stream=bench", address_text);
  send_all(one->fd, request);
}

static void became_ready(struct subscriber *one) {
  if (!nats && strncmp(one->status, "HTTP/1.1 200", 12) != 0) fail("a server answered %s", one->status);
  one->phase = READY;
  ready++;
  if (one->stalled) epoll_ctl(epoll, EPOLL_CTL_DEL, one->fd, NULL);
}

/** Looks for what ends the greeting; returns how many bytes belonged to it. */
static size_t greet(struct subscriber *one, const char *at, size_t length) {
  const char *end = nats ? "PONG\r\n" : "\r\n\r\n";
  for (size_t i = 0; i < length; i++) {
    if (one->status_length < 12) one->status[one->status_length++] = at[i];
    one->matched = at[i] == end[one->matched] ? one->matched + 1 : at[i] == end[0];
    if (end[one->matched] != 0) continue;
    became_ready(one);
    return i + 1;
  }
  return length;
}

static void parse(struct subscriber *one, const char *at, size_t length, uint64_t now) {
  const char *end = at + length;
  while (at < end) {
    if (one->digits == 0) {
      at = memchr(at, STAMP_MARK, (size_t)(end - at));
      if (at == NULL) return;
      at++;
      one->digits = STAMP_DIGITS;
      one->stamp = 0;
    }
    for (; one->digits > 0 && at < end; at++) {
      unsigned digit = (unsigned char)*at - '0';
      if (digit > 9) fail("a broken stamp");
      one->stamp = one->stamp * 10 + digit;
      if (--one->digits > 0) continue;
      ops++;
      histogram[bucket_of(now > one->stamp ? now - one->stamp : 0)]++;
    }
  }
}

static void receive(struct subscriber *one) {
  ssize_t got = read(one->fd, buffer, sizeof buffer);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) fail("the server ended a connection: %s", got < 0 ? strerror(errno) : "end of stream");
  size_t skipped = one->phase == READY ? 0 : greet(one, buffer, (size_t)got);
  if (one->phase != READY || one->stalled) return;
  bytes += (uint64_t)got;
  parse(one, buffer + skipped, (size_t)got - skipped, now_us());
}

/** Handles what has happened; waits at most until `deadline`. Returns 1 when there is a command. */
static int turn(uint64_t deadline) {
  struct epoll_event events[EVENTS];
  uint64_t now = now_us();
  int wait = now >= deadline ? 0 : (int)((deadline - now + 999) / 1000);
  int happened = epoll_wait(epoll, events, EVENTS, wait);
  int command = 0;
  for (int i = 0; i < happened; i++) {
    struct subscriber *one = events[i].data.ptr;
    if (one == NULL) command = 1;
    else if (one->phase == OPENING) connected(one);
    else receive(one);
  }
  return command;
}

static void open_subscribers(int more, int stalled) {
  int goal = count + more;
  uint64_t deadline = now_us() + CONNECT_TIMEOUT_US;
  while (ready < goal) {
    while (count < goal && count - ready < CONNECTING) open_subscriber(stalled);
    turn(now_us() + 100000);
    if (now_us() > deadline) fail("only %d of %d subscribers were answered", ready, goal);
  }
  printf("{\"connected\":%d}\n", ready);
}

static void run_until(uint64_t deadline) {
  while (now_us() < deadline)
    if (turn(deadline)) exit(1);
}

static void measure(int warmup, int window) {
  uint64_t start = now_us() + (uint64_t)warmup * 1000;
  run_until(start);
  struct usage before = usage_now();
  start = now_us();
  bytes = ops = 0;
  memset(histogram, 0, sizeof histogram);
  run_until(start + (uint64_t)window * 1000);
  struct usage after = usage_now();
  printf("{\"windowMs\":%.3f,\"bytes\":%llu,\"ops\":%llu,\"cpuUserMs\":%.3f,\"cpuSystemMs\":%.3f,"
         "\"p50Ms\":%.3f,\"p99Ms\":%.3f}\n",
         (double)(now_us() - start) / 1e3, (unsigned long long)bytes, (unsigned long long)ops,
         after.user - before.user, after.system - before.system, percentile_ms(0.5), percentile_ms(0.99));
}

static void obey(const char *line) {
  int first, second;
  if (sscanf(line, "connect %d", &first) == 1) open_subscribers(first, 0);
  else if (sscanf(line, "stall %d", &first) == 1) open_subscribers(first, 1);
  else if (sscanf(line, "measure %d %d", &first, &second) == 2) measure(first, second);
  else fail("unknown command: %s", line);
  fflush(stdout);
}

int main(int argc, char **argv) {
  char host[64], line[128];
  address_text = argument(argc, argv, "--addr", "");
  nats = strcmp(argument(argc, argv, "--protocol", "sse"), "nats") == 0;
  int port;
  if (sscanf(address_text, "%63[0-9.]:%d", host, &port) != 2) fail("--addr must be HOST:PORT, not %s", address_text);
  address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  raise_file_limit();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  for (;;) {
    if (!turn(now_us() + 1000000)) continue;
    if (!read_command(line, sizeof line)) return 0;
    obey(line);
  }
}
