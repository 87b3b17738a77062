package main

import (
	"fmt"
	"io"
	"net"

	"github.com/hashicorp/yamux"
	"github.com/moby/spdystream"
)

// pipe is a socket or a stream.
type pipe interface {
	io.ReadWriter
	// writeLast writes data as the last of this side.
	writeLast(data []byte) error
	// finish ends the pipe once everything expected has arrived.
	finish() error
}

// rawPipe has no half-close: openclose means one connection, one byte each way.
type rawPipe struct{ *net.TCPConn }

func (p rawPipe) writeLast(data []byte) error {
	_, err := p.Write(data)
	return err
}

// finish resets, because some ten thousand connections a second in TIME-WAIT would use up the ports.
func (p rawPipe) finish() error {
	if err := p.SetLinger(0); err != nil {
		return err
	}
	return p.Close()
}

// spdyStream hides the rest of spdystream's Stream from io.Copy.
type spdyStream struct{ stream *spdystream.Stream }

func (s spdyStream) Read(into []byte) (int, error)  { return s.stream.Read(into) }
func (s spdyStream) Write(data []byte) (int, error) { return s.stream.Write(data) }

func (s spdyStream) writeLast(data []byte) error { return s.stream.WriteData(data, true) }

// finish waits for the peer's FIN; the stream is forgotten when both sides have sent theirs.
func (s spdyStream) finish() error { return readEnd(s) }

// yamuxStream closes its writing side alone, which is what Close of yamux's Stream does.
type yamuxStream struct{ stream *yamux.Stream }

func (s yamuxStream) Read(into []byte) (int, error)  { return s.stream.Read(into) }
func (s yamuxStream) Write(data []byte) (int, error) { return s.stream.Write(data) }

func (s yamuxStream) writeLast(data []byte) error {
	if _, err := s.stream.Write(data); err != nil {
		return err
	}
	return s.stream.Close()
}

// finish waits for the peer's FIN, as with spdyStream.
func (s yamuxStream) finish() error { return readEnd(s) }

func readEnd(from io.Reader) error {
	n, err := io.Copy(io.Discard, from)
	if err == nil && n > 0 {
		err = fmt.Errorf("gobench: %d bytes too many", n)
	}
	return err
}
