// Command execserver runs real local commands through exec and attach, on the Go code that container runtimes and the API
// server use: cri-streaming for SPDY and the older WebSocket protocols, and in front of it, for v5.channel.k8s.io, the API
// server's stream translator.
//
// It prints {"addr":"127.0.0.1:port"} when it listens and a result when its stdin ends.
package main

import (
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"trunkline.dev/interop/internal/report"
	"trunkline.dev/interop/internal/tlsfiles"
)

type server struct {
	noWebSocket bool
	noTranslate bool
	creation    time.Duration
	idle        time.Duration
	protocols   []string
	backend     *httptest.Server
	served      atomic.Int64
	running     atomic.Int64
}

func main() {
	var s server
	var files tlsfiles.Server
	address := flag.String("addr", "127.0.0.1:0", "address to listen on")
	protocols := flag.String("protocols", strings.Join(remotecommand.SupportedStreamingProtocols, ","), "SPDY subprotocols")
	flag.BoolVar(&s.noWebSocket, "no-websocket", false, "refuse WebSocket requests with 403")
	flag.BoolVar(&s.noTranslate, "no-v5", false, "serve WebSocket with the old protocols only, as a container runtime does")
	flag.DurationVar(&s.creation, "creation-timeout", 30*time.Second, "time for the client to create its streams")
	flag.DurationVar(&s.idle, "idle-timeout", 4*time.Hour, "idle timeout of a session")
	files.Flags()
	flag.Parse()
	s.protocols = strings.Split(*protocols, ",")

	// The translator speaks SPDY to an upstream; this is ours, on a port of its own.
	s.backend = httptest.NewServer(http.HandlerFunc(s.serveRuntime))
	defer s.backend.Close()

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		report.Fatal(err)
	}
	listener, err = files.Wrap(listener)
	if err != nil {
		report.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/namespaces/{namespace}/pods/{pod}/{verb}", s.serveStreaming)
	addDiscovery(mux)
	go func() { report.Fatal(http.Serve(listener, mux)) }()

	report.Line(map[string]any{"addr": listener.Addr().String()})
	<-report.StdinClosed()
	defer killRunning()
	report.Line(map[string]any{
		"served": s.served.Load(), "running": s.running.Load(), "maxRssBytes": report.MaxRSS(),
	})
}

func (s *server) serveStreaming(w http.ResponseWriter, req *http.Request) {
	if verb := req.PathValue("verb"); verb != "exec" && verb != "attach" {
		http.NotFound(w, req)
		return
	}
	if wsstream.IsWebSocketRequest(req) {
		if s.noWebSocket {
			writeStatus(w, http.StatusForbidden, "Forbidden", "websocket exec is turned off")
			return
		}
		if wsstream.IsWebSocketRequestWithStreamCloseProtocol(req) && !s.noTranslate {
			s.translate(w, req)
			return
		}
	}
	s.serveRuntime(w, req)
}

// translate does what the API server does with v5.channel.k8s.io.
func (s *server) translate(w http.ResponseWriter, req *http.Request) {
	location, err := url.Parse(s.backend.URL + req.URL.RequestURI())
	if err != nil {
		writeStatus(w, http.StatusInternalServerError, "InternalError", err.Error())
		return
	}
	query := req.URL.Query()
	options := proxy.Options{
		Stdin:  query.Get("stdin") == "true",
		Stdout: query.Get("stdout") == "true",
		Stderr: query.Get("stderr") == "true",
		Tty:    query.Get("tty") == "true",
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	proxy.NewStreamTranslatorHandler(location, transport, 0, options).ServeHTTP(w, req)
}

// serveRuntime does what a container runtime does with a SPDY request or an older WebSocket protocol.
func (s *server) serveRuntime(w http.ResponseWriter, req *http.Request) {
	query := req.URL.Query()
	options := &remotecommand.Options{
		Stdin:  query.Get("stdin") == "true",
		Stdout: query.Get("stdout") == "true",
		Stderr: query.Get("stderr") == "true" && query.Get("tty") != "true",
		TTY:    query.Get("tty") == "true",
	}
	if !options.Stdin && !options.Stdout && !options.Stderr {
		writeStatus(w, http.StatusBadRequest, "BadRequest", "you must specify at least 1 of stdin, stdout, stderr")
		return
	}
	s.served.Add(1)
	s.running.Add(1)
	defer s.running.Add(-1)
	runtime := &localRuntime{}
	if strings.HasSuffix(req.URL.Path, "/attach") {
		remotecommand.ServeAttach(w, req, runtime, "p", "", "c", options, s.idle, s.creation, s.protocols)
		return
	}
	remotecommand.ServeExec(w, req, runtime, "p", "", "c", query["command"], options, s.idle, s.creation, s.protocols)
}
