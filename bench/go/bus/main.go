// Command bus is the Go side of the broadcast benchmark: a nats-server of a cluster in this process, and a client on it
// that publishes or subscribes.
//
//	bus <core|jetstream> --size BYTES --in-flight N --interval MS
//
// It prints {"addrs":[…]} and takes the same commands from stdin as bench/peer/bus-main.ts, which explains them.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"trunkline.dev/bench/process"
)

// Rest between a warm-up at full speed and a paced load.
const settle = 500 * time.Millisecond

const stampDigits = 16

type options struct {
	size, inFlight int
	interval       time.Duration
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bus:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 || (arguments[0] != "core" && arguments[0] != "jetstream") {
		return fmt.Errorf("usage: bus core|jetstream [flags]")
	}
	var o options
	flags := flag.NewFlagSet("bus", flag.ContinueOnError)
	flags.IntVar(&o.size, "size", 200, "bytes of an event's data")
	flags.IntVar(&o.inFlight, "in-flight", 64, "events that are published and not acknowledged")
	interval := flags.Int("interval", 0, "milliseconds between events; 0 for as fast as possible")
	flags.Int("pods", 1, "pods in this process: always 1")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	o.interval = process.Milliseconds(*interval)
	p := newPod(arguments[0] == "jetstream", &o)
	defer p.close()
	if err := p.reserve(); err != nil {
		return err
	}
	process.Print(map[string]any{"addrs": []string{p.address}})
	return obey(&o, p)
}

func obey(o *options, p *pod) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		command, rest, _ := strings.Cut(lines.Text(), " ")
		if command == "join" {
			if err := p.join(strings.Split(rest, ",")); err != nil {
				return err
			}
			process.Print(map[string]any{})
			continue
		}
		var warmup, window int
		if _, err := fmt.Sscanf(rest, "%d %d", &warmup, &window); err != nil {
			return err
		}
		switch command {
		case "publish":
			if err := publish(o, p, process.Milliseconds(warmup), process.Milliseconds(window)); err != nil {
				return err
			}
		case "follow":
			follow(o, p, process.Milliseconds(warmup), process.Milliseconds(window))
		default:
			return fmt.Errorf("unknown command: %s", command)
		}
	}
	return lines.Err()
}

// publish warms up, then publishes for the window and for as long as the process lives.
func publish(o *options, p *pod, warmup, window time.Duration) error {
	if err := p.publishes(); err != nil {
		return err
	}
	start := time.Now()
	warm := start.Add(warmup)
	go func() {
		for o.interval == 0 || time.Now().Before(warm) {
			p.publish(stamped(o.size, p.next()))
		}
		for next := warm.Add(settle).Add(o.interval); ; next = next.Add(o.interval) {
			p.flush()
			time.Sleep(time.Until(next))
			p.publish(stamped(o.size, p.next()))
		}
	}()
	time.Sleep(warmup + rest(o))
	process.Print(measure(window, p.acknowledged))
	return nil
}

// follow counts what comes in the window, and how long it took.
func follow(o *options, p *pod, warmup, window time.Duration) {
	time.Sleep(warmup + rest(o))
	p.record(true)
	result := measure(window, p.received)
	times := p.record(false)
	slices.Sort(times)
	result["least"] = result["ops"]
	for name, share := range map[string]float64{"p50Ms": 0.5, "p99Ms": 0.99} {
		if len(times) > 0 {
			result[name] = float64(times[int(share*float64(len(times)))]) / 1000
		}
	}
	process.Print(result)
}

func rest(o *options) time.Duration {
	if o.interval == 0 {
		return 0
	}
	return settle
}

func measure(window time.Duration, count func() int64) map[string]any {
	before, ops, began := process.CPU(), count(), time.Now()
	time.Sleep(window)
	after := process.CPU()
	return map[string]any{
		"windowMs": process.ToMs(time.Since(began)), "ops": count() - ops,
		"cpuUserMs": process.ToMs(after[0] - before[0]), "cpuSystemMs": process.ToMs(after[1] - before[1]),
	}
}

// stamped is the data of an event: the time, its number, and padding.
func stamped(size int, n int64) string {
	head := fmt.Sprintf("@%0*d%0*d", stampDigits, process.Monotonic(), stampDigits, n)
	return head + strings.Repeat("x", max(0, size-len(head)))
}
