package main

import (
	"io"
	"net"
	"sync"
)

func serve(o *options) error {
	listener, err := net.Listen("tcp", o.address)
	if err != nil {
		return err
	}
	if err := print(map[string]any{"addr": listener.Addr().String()}); err != nil {
		return err
	}
	var c counters
	started := make(chan struct{})
	var once sync.Once
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				return
			}
			once.Do(func() { close(started) })
			_ = wires[o.wire].accept(o, socket, func(one pipe) { serveOne(o, &c, one) })
		}
	}()
	ended := make(chan struct{})
	go func() {
		stdinClosed()
		close(ended)
	}()
	measured := make(chan result, 1)
	go func() {
		select {
		case <-started:
		case <-ended:
		}
		measured <- measure(o, &c, ended)
	}()
	<-ended
	return print(<-measured)
}

// serveOne is the server's part in one socket or stream.
func serveOne(o *options, c *counters, peer pipe) {
	switch {
	case o.kind == "openclose":
		answer(c, peer)
	case o.kind == "pingpong":
		echo(o, c, peer)
	case o.sender:
		write(o, c, []pipe{peer})
	default:
		receive(o, c, peer)
	}
}

// receive counts what arrives. A message counts when all its bytes are there.
func receive(o *options, c *counters, from io.Reader) {
	buffer := make([]byte, 64*1024)
	var whole int64
	for {
		n, err := from.Read(buffer)
		c.bytes.Add(int64(n))
		whole += int64(n)
		c.ops.Add(whole / int64(o.size))
		whole %= int64(o.size)
		if err != nil {
			return
		}
	}
}

// answer waits for the one byte and sends one back.
func answer(c *counters, peer pipe) {
	var one [1]byte
	if _, err := io.ReadFull(peer, one[:]); err != nil {
		return
	}
	if peer.writeLast(one[:]) != nil {
		return
	}
	// The client ends it; then nothing is left of it here.
	_, _ = io.Copy(io.Discard, peer)
	_ = peer.finish()
	c.bytes.Add(1)
	c.ops.Add(1)
}

// echo sends every message back.
func echo(o *options, c *counters, peer pipe) {
	message := make([]byte, o.size)
	for {
		if _, err := io.ReadFull(peer, message); err != nil {
			return
		}
		if _, err := peer.Write(message); err != nil {
			return
		}
		c.bytes.Add(int64(o.size))
		c.ops.Add(1)
	}
}
