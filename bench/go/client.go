package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"
)

// overtime is how long the load goes on after the client's window.
const overtime = 150 * time.Millisecond

// drive is the client: it opens the streams, keeps them busy for the time, and ends the process with the result.
func drive(o *options) error {
	open, err := wires[o.wire].open(o)
	if err != nil {
		return err
	}
	var c counters
	var stopping atomic.Bool
	failed := make(chan error, o.streams)
	switch o.kind {
	case "openclose":
		for range o.streams {
			go func() {
				for !stopping.Load() {
					if err := exchange(open); err != nil {
						failed <- err
						return
					}
					c.bytes.Add(1)
					c.ops.Add(1)
				}
			}()
		}
	case "pingpong":
		one, err := open()
		if err != nil {
			return err
		}
		go func() { failed <- pingPong(o, &c, one) }()
	default:
		if err := transfer(o, &c, open); err != nil {
			return err
		}
	}
	stop := make(chan struct{})
	go func() {
		if err := <-failed; err != nil {
			fmt.Fprintln(os.Stderr, err)
			close(stop)
		}
	}()
	r := measure(o, &c, stop)
	if err := print(r); err != nil {
		return err
	}
	// The server's window began a little later.
	time.Sleep(overtime)
	stopping.Store(true)
	if !r.Complete {
		return fmt.Errorf("gobench: the window was cut short")
	}
	return nil
}

// transfer opens the streams and starts the writers or the readers.
func transfer(o *options, c *counters, open func() (pipe, error)) error {
	pipes := make([]pipe, o.streams)
	for i := range pipes {
		one, err := open()
		if err != nil {
			return err
		}
		pipes[i] = one
		// At once: with spdystream, data that nobody reads holds up the replies to the streams that follow.
		if !o.sender {
			go receive(o, c, one)
		}
	}
	switch {
	case !o.sender:
	case o.kind == "small":
		go write(o, c, pipes)
	default:
		for i := range pipes {
			go write(o, c, pipes[i:i+1])
		}
	}
	return nil
}

// write writes to the pipes in turn until one fails.
func write(o *options, c *counters, pipes []pipe) {
	data := make([]byte, o.size)
	for {
		for _, one := range pipes {
			if _, err := one.Write(data); err != nil {
				return
			}
			c.bytes.Add(int64(o.size))
			c.ops.Add(1)
		}
	}
}

// exchange opens, sends one byte, receives one, and closes.
func exchange(open func() (pipe, error)) error {
	one, err := open()
	if err != nil {
		return err
	}
	if err := one.writeLast([]byte{1}); err != nil {
		return err
	}
	var got [1]byte
	if _, err := io.ReadFull(one, got[:]); err != nil {
		return err
	}
	return one.finish()
}

// pingPong sends a message, waits for all of it to come back, and so on until something fails.
func pingPong(o *options, c *counters, one pipe) error {
	message := make([]byte, o.size)
	for {
		sent := time.Now()
		if _, err := one.Write(message); err != nil {
			return err
		}
		if _, err := io.ReadFull(one, message); err != nil {
			return err
		}
		c.trip(time.Since(sent))
		c.bytes.Add(int64(o.size))
		c.ops.Add(1)
	}
}
