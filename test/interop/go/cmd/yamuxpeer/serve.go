package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/interop/internal/digest"
	"trunkline.dev/interop/internal/report"
)

// serve reads a line and does what it says; arguments follow the name, with a space between:
//
//	echo                  repeats the data, then half-closes
//	digest                reads to the end, then writes {"bytes","sha256"} and half-closes
//	pattern BYTES FRAME   writes pattern bytes in writes of at most FRAME, and half-closes
//	duplex BYTES FRAME    both at once: writes a pattern and half-closes, and prints the digest of what came as an event
//	half-close            half-closes at once, reads to the end and prints the digest as an event
//	close                 closes and forgets the stream, whatever comes; after the close timeout it is reset
//	hold                  half-closes nothing, reads nothing
//	read BYTES            writes "ready", reads BYTES bytes, writes "read", and reads no more
//	call-back TEXT        opens a stream to the peer's "echo", writes what came back and half-closes
//	ping                  pings the peer, writes "pong" and half-closes
//	streams               writes how many streams there are, and half-closes
//	go-away               takes no more streams, writes "gone" and half-closes
//	end                   closes the session; cut: drops the socket
func (p *peer) serve(stream *conn) {
	line, err := stream.reader.ReadString('\n')
	if err != nil {
		_ = stream.Close()
		return
	}
	op, arguments, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	var size int64
	var frame int
	_, _ = fmt.Sscan(arguments, &size, &frame)
	switch op {
	case "echo":
		_, _ = io.CopyBuffer(struct{ io.Writer }{stream}, struct{ io.Reader }{stream}, make([]byte, 64*1024))
	case "digest":
		writeJSON(stream, digestOf(stream))
	case "pattern":
		_ = writePattern(stream, size, frame)
	case "duplex":
		sum, err := duplex(stream, size, frame)
		report.Line(map[string]any{"event": "duplex", "id": stream.StreamID(), "sum": sum, "err": report.Text(err)})
		return
	case "half-close":
		_ = stream.Close()
		report.Line(map[string]any{"event": "half-close", "id": stream.StreamID(), "sum": digestOf(stream)})
		return
	case "hold":
		return
	case "read":
		_, _ = io.WriteString(stream, "ready")
		_, _ = io.CopyN(io.Discard, stream, size)
		_, _ = io.WriteString(stream, "read")
		return
	case "call-back":
		text, err := p.ask("echo\n" + arguments)
		if err != nil {
			text = err.Error()
		}
		_, _ = io.WriteString(stream, text)
	case "ping":
		text := "pong"
		if _, err := p.Ping(); err != nil {
			text = err.Error()
		}
		_, _ = io.WriteString(stream, text)
	case "streams":
		_, _ = io.WriteString(stream, strconv.Itoa(p.NumStreams()))
	case "go-away":
		text := "gone"
		if err := p.GoAway(); err != nil {
			text = err.Error()
		}
		_, _ = io.WriteString(stream, text)
	case "end":
		_ = p.Session.Close()
	case "cut":
		_ = p.socket.Close()
	}
	_ = stream.Close()
}

type transfer struct {
	Bytes  int64  `json:"bytes"`
	Sha256 string `json:"sha256"`
	Err    string `json:"err,omitempty"`
}

func digestOf(reader io.Reader) transfer {
	bytes, sum, err := digest.Of(reader)
	return transfer{bytes, sum, report.Text(err)}
}

// duplex sends a pattern and the end while it reads to the end.
func duplex(stream *conn, size int64, frame int) (transfer, error) {
	received := make(chan transfer, 1)
	go func() { received <- digestOf(stream) }()
	err := writePattern(stream, size, frame)
	_ = stream.Close()
	return <-received, err
}

// writePattern writes in pieces of random sizes.
func writePattern(to io.Writer, size int64, most int) error {
	source := digest.Pattern(size)
	buffer := make([]byte, max(1, most))
	for {
		n, err := io.ReadFull(source, buffer[:1+rand.IntN(len(buffer))])
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ask opens a stream, sends text and the end, and reads all of the answer.
func (p *peer) ask(text string) (string, error) {
	stream, err := p.open(text)
	if err != nil {
		return "", err
	}
	if err := stream.Close(); err != nil {
		return "", err
	}
	_ = stream.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer, err := io.ReadAll(stream)
	return string(answer), err
}

func writeJSON(stream io.Writer, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		report.Fatal(err)
	}
	_, _ = stream.Write(text)
}
