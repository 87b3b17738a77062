package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"trunkline.dev/interop/internal/digest"
	"trunkline.dev/interop/internal/report"
	"trunkline.dev/interop/internal/tlsfiles"
)

type server struct {
	protocols  []string
	pingPeriod time.Duration
	idle       time.Duration
	streams    atomic.Int64
}

func (s *server) run(address string, files *tlsfiles.Server) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		report.Fatal(err)
	}
	if listener, err = files.Wrap(listener); err != nil {
		report.Fatal(err)
	}
	mux := http.NewServeMux()
	// The normal case: handshake, then upgrade.
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		if _, err := httpstream.Handshake(req, w, s.protocols); err != nil {
			report.Line(map[string]any{"event": "handshake", "err": err.Error()})
			return
		}
		s.upgrade(w, req, nil)
	})
	// No stream protocol is negotiated.
	mux.HandleFunc("/plain", func(w http.ResponseWriter, req *http.Request) { s.upgrade(w, req, nil) })
	// The server opens a stream in the same breath as the 101.
	mux.HandleFunc("/early", func(w http.ResponseWriter, req *http.Request) { s.upgrade(w, req, openEarly) })
	// Refusals of each kind.
	mux.HandleFunc("/forbidden", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \"p\" is forbidden","reason":"Forbidden","details":{"name":"p","kind":"pods"},"code":403}`)
	})
	mux.HandleFunc("/text", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such thing", 404) })
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "not upgraded") })
	mux.HandleFunc("/redirect", func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/", http.StatusFound) })
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	mux.HandleFunc("/bad101", func(w http.ResponseWriter, _ *http.Request) {
		socket, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			report.Fatal(err)
		}
		_, _ = io.WriteString(socket, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		time.Sleep(100 * time.Millisecond)
		_ = socket.Close()
	})
	go func() { report.Fatal(http.Serve(listener, mux)) }()
	report.Line(map[string]any{"addr": listener.Addr().String()})
	<-report.StdinClosed()
	report.Line(map[string]any{"event": "result", "streams": s.streams.Load(), "maxRssBytes": report.MaxRSS()})
}

func (s *server) upgrade(w http.ResponseWriter, req *http.Request, opened func(httpstream.Connection)) {
	var connection httpstream.Connection
	ready := make(chan struct{})
	connection = spdy.NewResponseUpgraderWithPings(s.pingPeriod).UpgradeResponse(w, req,
		func(stream httpstream.Stream, replySent <-chan struct{}) error {
			if stream.Headers().Get("op") == "refuse" {
				return errors.New("asked to refuse")
			}
			s.streams.Add(1)
			go func() {
				<-replySent
				<-ready
				serveStream(connection, stream)
			}()
			return nil
		})
	close(ready)
	if connection == nil {
		return
	}
	if s.idle > 0 {
		connection.SetIdleTimeout(s.idle)
	}
	if opened != nil {
		opened(connection)
	}
	<-connection.CloseChan()
	report.Line(map[string]any{"event": "closed"})
	_ = connection.Close()
}

func openEarly(connection httpstream.Connection) {
	stream, err := connection.CreateStream(http.Header{"Op": {"echo"}})
	if err != nil {
		report.Line(map[string]any{"event": "early", "err": err.Error()})
		return
	}
	_, _ = io.WriteString(stream, "early bird")
	_ = stream.Close()
	text, err := io.ReadAll(stream)
	report.Line(map[string]any{"event": "early", "text": string(text), "err": report.Text(err)})
}

// serveStream serves the ops echo, pattern, headers, hold, reset and close.
func serveStream(connection httpstream.Connection, stream httpstream.Stream) {
	switch stream.Headers().Get("op") {
	case "pattern":
		size, _ := strconv.ParseInt(stream.Headers().Get("bytes"), 10, 64)
		_, _ = io.CopyBuffer(struct{ io.Writer }{stream}, digest.Pattern(size), make([]byte, 64*1024))
	case "headers":
		_ = json.NewEncoder(stream).Encode(stream.Headers())
	case "hold":
		_, _ = io.Copy(io.Discard, stream)
	case "reset":
		_ = stream.Reset()
		return
	case "close":
		_ = connection.Close()
		return
	default:
		_, _ = io.Copy(stream, stream)
	}
	_ = stream.Close()
}
