package main

import (
	"io"
	"net"
	"net/http"

	"github.com/hashicorp/yamux"
	"github.com/moby/spdystream"
)

// wires are the ways of getting bytes from process to process, by name.
var wires = map[string]wire{
	"raw":   {openRaw, acceptRaw},
	"spdy":  {openSpdy, acceptSpdy},
	"yamux": {openYamux, acceptYamux},
}

type wire struct {
	// open connects and returns what makes a new pipe.
	open func(o *options) (func() (pipe, error), error)
	// accept serves a connection's pipes, each in a goroutine of its own.
	accept func(o *options, socket net.Conn, serve func(pipe)) error
}

// openRaw makes a socket for each pipe.
func openRaw(o *options) (func() (pipe, error), error) {
	return func() (pipe, error) {
		socket, err := net.Dial("tcp", o.address)
		if err != nil {
			return nil, err
		}
		return rawPipe{socket.(*net.TCPConn)}, nil
	}, nil
}

func acceptRaw(_ *options, socket net.Conn, serve func(pipe)) error {
	go serve(rawPipe{socket.(*net.TCPConn)})
	return nil
}

func openSpdy(o *options) (func() (pipe, error), error) {
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

func acceptSpdy(_ *options, socket net.Conn, serve func(pipe)) error {
	connection, err := spdystream.NewConnection(socket, true)
	if err != nil {
		return err
	}
	go connection.Serve(func(stream *spdystream.Stream) {
		if stream.SendReply(nil, false) == nil {
			go serve(spdyStream{stream})
		}
	})
	return nil
}

func openYamux(o *options) (func() (pipe, error), error) {
	socket, err := net.Dial("tcp", o.address)
	if err != nil {
		return nil, err
	}
	session, err := yamux.Client(socket, yamuxConfig(o))
	if err != nil {
		return nil, err
	}
	return func() (pipe, error) {
		stream, err := session.OpenStream()
		if err != nil {
			return nil, err
		}
		return yamuxStream{stream}, nil
	}, nil
}

func acceptYamux(o *options, socket net.Conn, serve func(pipe)) error {
	session, err := yamux.Server(socket, yamuxConfig(o))
	if err != nil {
		return err
	}
	go func() {
		for {
			stream, err := session.AcceptStream()
			if err != nil {
				return
			}
			go serve(yamuxStream{stream})
		}
	}()
	return nil
}

func yamuxConfig(o *options) *yamux.Config {
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	if o.streamWindow > 0 {
		config.MaxStreamWindowSize = uint32(o.streamWindow)
	}
	return config
}
