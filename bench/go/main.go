// Command gobench is the Go end of a benchmark: raw TCP, or moby/spdystream or hashicorp/yamux straight over TCP.
//
//	gobench <raw|spdy|yamux> <server|client> --case bulk|small|pingpong|openclose --streams N --size N --addr A
//	    --warmup MS --window MS --stream-window BYTES
//
// The client opens the streams (sockets, with raw) and sends; the server receives, and in openclose answers each byte.
// --stream-window is for yamux, whose default is 256 KiB. In bulk and small, --send server turns the direction round: the client still connects and opens the streams.
//
//	bulk       every stream has a writer of its own that writes --size bytes at a time, without pause
//	small      one writer, which writes --size bytes to one stream after the other (a sending server: one per stream)
//	pingpong   one stream; --size bytes there and back, one at a time
//	openclose  --streams workers; each opens a stream, sends one byte, receives one byte, and closes
//
// The server prints {"addr":…} when it listens. Each end prints one JSON result: the client when its window is over, the
// server when its stdin ends (its warm-up begins with the first connection; the client keeps the load up for 150 ms after
// its own window, so that the server's is full: "complete"). bytes and ops are those of the window, and so are the CPU
// times, which are those of this process alone. With pingpong the client adds the median and the 99th percentile of the
// round trip times.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

var kinds = []string{"bulk", "small", "pingpong", "openclose"}

type options struct {
	wire, role, kind, address string
	sender                    bool
	streams, size             int
	streamWindow              int
	warmup, window            time.Duration
}

// counters are what has passed since the start.
type counters struct {
	bytes, ops atomic.Int64
	mutex      sync.Mutex
	trips      []time.Duration
}

// trip counts a message that came back.
func (c *counters) trip(took time.Duration) {
	c.mutex.Lock()
	c.trips = append(c.trips, took)
	c.mutex.Unlock()
}

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if o.role == "server" {
		err = serve(o)
	} else {
		err = drive(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(arguments []string) (*options, error) {
	if len(arguments) < 2 {
		return nil, fmt.Errorf("usage: gobench raw|spdy|yamux server|client [flags]")
	}
	o := &options{wire: arguments[0], role: arguments[1]}
	flags := flag.NewFlagSet("gobench", flag.ContinueOnError)
	flags.StringVar(&o.kind, "case", "bulk", "bulk, small, pingpong or openclose")
	flags.StringVar(&o.address, "addr", "127.0.0.1:0", "address to listen on or to connect to")
	flags.IntVar(&o.streams, "streams", 1, "streams at once")
	flags.IntVar(&o.size, "size", 64*1024, "bytes per write")
	flags.IntVar(&o.streamWindow, "stream-window", 0, "bytes of each stream's window; 0 for the default")
	send := flags.String("send", "client", "which end sends in bulk and small")
	warmup := flags.Int("warmup", 400, "milliseconds before the window")
	window := flags.Int("window", 800, "milliseconds that are measured")
	if err := flags.Parse(arguments[2:]); err != nil {
		return nil, err
	}
	o.warmup = time.Duration(*warmup) * time.Millisecond
	o.window = time.Duration(*window) * time.Millisecond
	o.sender = *send == o.role
	_, known := wires[o.wire]
	for _, check := range []struct {
		ok   bool
		what string
	}{
		{known, "wire must be raw, spdy or yamux"},
		{o.role == "server" || o.role == "client", "role must be server or client"},
		{slices.Contains(kinds, o.kind), "case must be bulk, small, pingpong or openclose"},
		{*send == "server" || *send == "client", "send must be server or client"},
		{o.streams > 0 && o.size > 0 && o.window > 0, "streams, size and window must be positive"},
	} {
		if !check.ok {
			return nil, fmt.Errorf("gobench: %s", check.what)
		}
	}
	return o, nil
}

func print(value any) error { return json.NewEncoder(os.Stdout).Encode(value) }

// stdinClosed waits for the parent to close our stdin.
func stdinClosed() { _, _ = io.Copy(io.Discard, os.Stdin) }
