package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/moby/spdystream"

	"trunkline.dev/interop/internal/digest"
	"trunkline.dev/interop/internal/report"
)

var accepted atomic.Int64

// accept serves one stream by its "op" header:
//
//	echo         repeats the data, then half-closes; HEADERS frames are repeated too
//	digest       reads to the end, then writes {"bytes","sha256"} and half-closes
//	pattern      writes "bytes" pattern bytes in writes of "frame", and half-closes
//	headers      writes the stream's headers as JSON and half-closes
//	half-close   half-closes at once, reads to the end and prints the digest as an event
//	refuse       answers RST_STREAM REFUSED_STREAM; cancel: RST_STREAM CANCEL; silent: no answer at all
//	reset-after  reads "bytes" bytes, then resets
//	fin-reply    answers SYN_REPLY with FIN
//	call-back    opens a stream of its own to the peer's "echo", writes the result and half-closes
//	ping         pings the peer, writes "pong" and half-closes
//	go-away      half-closes and closes the connection; cut: drops the socket
func (p *peer) accept(stream *spdystream.Stream) {
	headers := stream.Headers()
	op := headers.Get("op")
	switch op {
	case "refuse":
		_ = stream.Refuse()
		return
	case "cancel":
		_ = stream.Reset()
		return
	case "silent":
		return
	case "fin-reply":
		_ = stream.SendReply(http.Header{}, true)
		return
	}
	accepted.Add(1)
	reply := http.Header{}
	for name, values := range headers {
		if strings.HasPrefix(name, "X-") {
			reply[name] = values
		}
	}
	if stream.SendReply(reply, false) != nil {
		return
	}
	go p.serve(stream, op)
}

func (p *peer) serve(stream *spdystream.Stream, op string) {
	size, _ := strconv.ParseInt(stream.Headers().Get("bytes"), 10, 64)
	frame, _ := strconv.Atoi(stream.Headers().Get("frame"))
	switch op {
	case "digest":
		bytes, sum, err := digest.Of(stream)
		writeJSON(stream, transfer{bytes, sum, report.Text(err)})
	case "pattern":
		_, _ = copyFrames(stream, digest.Pattern(size), frame)
	case "headers":
		writeJSON(stream, stream.Headers())
	case "half-close":
		_ = stream.Close()
		bytes, sum, err := digest.Of(stream)
		report.Line(map[string]any{"event": "half-close", "bytes": bytes, "sha256": sum, "err": report.Text(err)})
		return
	case "reset-after":
		_, _ = io.CopyN(io.Discard, stream, size)
		_ = stream.Reset()
		return
	case "call-back":
		writeJSON(stream, p.echoOnce([]byte("called back"), http.Header{"Op": {"echo"}}))
	case "ping":
		if _, err := p.Ping(); err != nil {
			_, _ = stream.Write([]byte(err.Error()))
			break
		}
		_, _ = stream.Write([]byte("pong"))
	case "go-away":
		_ = stream.Close()
		_ = p.Connection.Close()
		return
	case "cut":
		_ = p.socket.Close()
		return
	default:
		go func() {
			for {
				headers, err := stream.ReceiveHeader()
				if err != nil || stream.SendHeader(headers, false) != nil {
					return
				}
			}
		}()
		_, _ = copyFrames(stream, stream, 0)
	}
	_ = stream.Close()
}

type transfer struct {
	Bytes  int64  `json:"bytes"`
	Sha256 string `json:"sha256"`
	Err    string `json:"err"`
}

func writeJSON(stream *spdystream.Stream, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		report.Fatal(err)
	}
	_, _ = stream.Write(text)
}

// copyFrames copies with one write, so one DATA frame, per frame bytes.
func copyFrames(to io.Writer, from io.Reader, frame int) (int64, error) {
	if frame <= 0 {
		frame = 64 * 1024
	}
	return io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, frame))
}
