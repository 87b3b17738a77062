// Command portforwardserver forwards to ports of 127.0.0.1 with the Go code that container runtimes and the API server use:
// cri-streaming for SPDY and v4.channel.k8s.io, and in front of it the API server's handler for the WebSocket tunnel.
//
// It prints {"addr":"127.0.0.1:port"} when it listens and {"forwarded":n,"open":m} when its stdin ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	upgradeaware "k8s.io/apimachinery/pkg/util/proxy"
	"k8s.io/apiserver/pkg/util/proxy"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"trunkline.dev/interop/internal/report"
)

const tunnelPrefix = "SPDY/3.1+"

type server struct {
	noTunnel  bool
	backend   *httptest.Server
	forwarded atomic.Int64
	open      atomic.Int64
}

func main() {
	var s server
	address := flag.String("addr", "127.0.0.1:0", "address to listen on")
	flag.BoolVar(&s.noTunnel, "no-tunnel", false, "refuse the WebSocket tunnel, as API servers before 1.30")
	flag.Parse()

	// The tunnel speaks SPDY to an upstream; this is ours, on a port of its own.
	s.backend = httptest.NewServer(http.HandlerFunc(s.serveRuntime))
	defer s.backend.Close()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		report.Fatal(err)
	}
	go func() { report.Fatal(http.Serve(listener, http.HandlerFunc(s.serve))) }()
	report.Line(map[string]any{"addr": listener.Addr().String()})
	<-report.StdinClosed()
	report.Line(map[string]any{"forwarded": s.forwarded.Load(), "open": s.open.Load()})
}

func (s *server) serve(w http.ResponseWriter, req *http.Request) {
	offered := req.Header.Get("Sec-Websocket-Protocol")
	if wsstream.IsWebSocketRequest(req) && strings.HasPrefix(offered, tunnelPrefix) {
		if s.noTunnel {
			http.Error(w, "unable to upgrade: no tunnel here", http.StatusBadRequest)
			return
		}
		s.tunnel(w, req)
		return
	}
	s.serveRuntime(w, req)
}

// tunnel does what the API server does with the tunnel's subprotocol.
func (s *server) tunnel(w http.ResponseWriter, req *http.Request) {
	location, err := url.Parse(s.backend.URL + req.URL.RequestURI())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	upgrade := upgradeaware.NewUpgradeAwareHandler(location, transport, false, true, responder{})
	proxy.NewTunnelingHandler(upgrade).ServeHTTP(w, req)
}

type responder struct{}

func (responder) Error(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusBadGateway)
}

// serveRuntime does what a container runtime does.
func (s *server) serveRuntime(w http.ResponseWriter, req *http.Request) {
	// The API server translates its name of the query parameter for the kubelet.
	query := req.URL.Query()
	if ports := query["ports"]; len(ports) > 0 {
		query["port"] = ports
		req.URL.RawQuery = query.Encode()
	}
	options, err := portforward.NewV4Options(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, req, s, "p", "uid", options, 4*time.Hour, 30*time.Second,
		[]string{portforward.ProtocolV1Name})
}

// PortForward connects to a port and copies both ways, each with its half-close.
func (s *server) PortForward(_ context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	s.forwarded.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d: %w", port, err)
	}
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(conn, stream)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_, err = io.Copy(stream, conn)
	if err == nil {
		// A client may go on sending for a while; a runtime does not wait for long.
		select {
		case <-sent:
		case <-time.After(time.Second):
		}
	}
	return err
}
