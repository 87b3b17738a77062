package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/moby/spdystream"
)

// overtime is how long the load goes on after the client's window.
const overtime = 150 * time.Millisecond

// drive is the client: it opens the streams, keeps them busy for the time, and ends the process with the result.
func drive(o *options) error {
	open, err := opener(o)
	if err != nil {
		return err
	}
	var c counters
	var stopping atomic.Bool
	failed := make(chan error, o.streams)
	if o.kind == "openclose" {
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
	} else if err := transfer(o, &c, open); err != nil {
		return err
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

// opener returns what makes a new stream: a socket each with raw, all on one connection with spdy.
func opener(o *options) (func() (pipe, error), error) {
	if o.wire == "raw" {
		return func() (pipe, error) {
			socket, err := net.Dial("tcp", o.address)
			if err != nil {
				return nil, err
			}
			return rawPipe{socket.(*net.TCPConn)}, nil
		}, nil
	}
	socket, err := net.Dial("tcp", o.address)
	if err != nil {
		return nil, err
	}
	connection, err := spdystream.NewConnection(socket, false)
	if err != nil {
		return nil, err
	}
	go connection.Serve(spdystream.NoOpStreamHandler)
	return func() (pipe, error) {
		stream, err := connection.CreateStream(http.Header{"Case": {o.kind}}, nil, false)
		if err != nil {
			return nil, err
		}
		return spdyStream{stream}, stream.Wait()
	}, nil
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
