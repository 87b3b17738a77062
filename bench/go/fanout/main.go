// Command fanout is the Go side of the fan-out benchmark: Server-Sent Events with net/http, a goroutine and a channel
// for each client, or nats-server with plain subscribers.
//
//	fanout <sse|nats> --size BYTES --burst EVENTS --interval MS
//
// It prints {"addr":…} and takes the same commands from stdin as bench/peer/sse-main.ts, which explains them.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"trunkline.dev/bench/process"
)

type options struct {
	size, burst int
	interval    time.Duration
}

// A broadcaster sends the events of one tick to all clients.
type broadcaster interface {
	address() string
	// broadcast returns how many deliveries that makes.
	broadcast(data []string) int
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("usage: fanout sse|nats [flags]")
	}
	var o options
	flags := flag.NewFlagSet("fanout", flag.ContinueOnError)
	flags.IntVar(&o.size, "size", 200, "bytes of an event's data")
	flags.IntVar(&o.burst, "burst", 1, "events per tick")
	interval := flags.Int("interval", 0, "milliseconds between ticks; 0 for as fast as possible")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	o.interval = time.Duration(*interval) * time.Millisecond
	var b broadcaster
	var err error
	switch arguments[0] {
	case "sse":
		b, err = serveSSE()
	case "nats":
		b, err = serveNATS()
	default:
		err = fmt.Errorf("unknown server: %s", arguments[0])
	}
	if err != nil {
		return err
	}
	process.Print(map[string]any{"addr": b.address()})
	return obey(&o, b)
}

func obey(o *options, b broadcaster) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var warmup, settle, window int
		switch line := lines.Text(); {
		case line == "memory":
			rss, err := residentBytes()
			if err != nil {
				return err
			}
			process.Print(map[string]any{"rss": rss})
		case strings.HasPrefix(line, "broadcast "):
			if _, err := fmt.Sscanf(line, "broadcast %d %d %d", &warmup, &settle, &window); err != nil {
				return err
			}
			go measure(o, b, process.Milliseconds(warmup), process.Milliseconds(settle), process.Milliseconds(window))
		default:
			return fmt.Errorf("unknown command: %s", line)
		}
	}
	return lines.Err()
}

// residentBytes collects garbage first, and gives what is free back to the system.
func residentBytes() (uint64, error) {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var total, resident uint64
	_, err = fmt.Sscan(string(text), &total, &resident)
	return resident * uint64(os.Getpagesize()), err
}

// measure warms up, then broadcasts for the window and for as long as the process lives.
func measure(o *options, b broadcaster, warmup, settle, window time.Duration) {
	var ops atomic.Int64
	start := time.Now()
	go pace(o, b, &ops, start.Add(warmup), start.Add(warmup+settle))
	time.Sleep(warmup + settle)
	before, sent, began := process.CPU(), ops.Load(), time.Now()
	time.Sleep(window)
	after := process.CPU()
	process.Print(map[string]any{
		"windowMs": process.ToMs(time.Since(began)), "ops": ops.Load() - sent,
		"cpuUserMs": process.ToMs(after[0] - before[0]), "cpuSystemMs": process.ToMs(after[1] - before[1]),
	})
}

// pace broadcasts as fast as possible, and with an interval only until warm; then a tick per interval, the first half an
// interval behind start.
func pace(o *options, b broadcaster, ops *atomic.Int64, warm, start time.Time) {
	tick := func() { ops.Add(int64(b.broadcast(events(o)))) }
	for o.interval == 0 || time.Now().Before(warm) {
		tick()
	}
	for next := start.Add(o.interval / 2); ; next = next.Add(o.interval) {
		time.Sleep(time.Until(next))
		tick()
	}
}

// events are the data of one tick, each with the stamp that the client reads.
func events(o *options) []string {
	data := make([]string, o.burst)
	for i := range data {
		stamp := fmt.Sprintf("@%016d", process.Monotonic())
		data[i] = stamp + strings.Repeat("x", o.size-len(stamp))
	}
	return data
}
