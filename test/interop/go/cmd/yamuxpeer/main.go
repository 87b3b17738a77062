// Command yamuxpeer speaks plain yamux with hashicorp/yamux straight over TCP, without an HTTP upgrade and without headers.
//
//	yamuxpeer server                      listens and serves streams by their first line (see serve.go)
//	yamuxpeer client -addr A -scenario S  connects and runs one scenario against a server of ops (see scenarios.go)
//
// The server prints {"addr":…}, then one line per event; both print a last line with their result. What the library logs
// goes to stderr.
package main

import (
	"bufio"
	"flag"
	"net"
	"os"
	"time"

	"github.com/hashicorp/yamux"

	"trunkline.dev/interop/internal/report"
)

func main() {
	if len(os.Args) < 2 {
		report.Usage("usage: yamuxpeer server|client [flags]")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	config := yamux.DefaultConfig()
	address := flags.String("addr", "127.0.0.1:0", "address to listen on or to connect to")
	flags.IntVar(&config.AcceptBacklog, "backlog", config.AcceptBacklog, "streams that may wait to be accepted")
	flags.BoolVar(&config.EnableKeepAlive, "keepalive", false, "whether to send pings")
	flags.DurationVar(&config.KeepAliveInterval, "keepalive-interval", config.KeepAliveInterval, "time between pings")
	flags.DurationVar(&config.ConnectionWriteTimeout, "write-timeout", config.ConnectionWriteTimeout, "for writes and pings")
	flags.DurationVar(&config.StreamOpenTimeout, "open-timeout", config.StreamOpenTimeout, "until an open stream must be acknowledged")
	flags.DurationVar(&config.StreamCloseTimeout, "close-timeout", config.StreamCloseTimeout, "until a closed stream is reset")
	window := flags.Uint("window", uint(config.MaxStreamWindowSize), "largest receive window of a stream")
	accept := flags.Bool("accept", true, "whether streams are accepted")
	var o scenarioOptions
	flags.StringVar(&o.scenario, "scenario", "echo", "what the client does")
	flags.IntVar(&o.streams, "streams", 1, "streams at once")
	flags.IntVar(&o.count, "count", 100, "rounds, where the scenario repeats something")
	flags.Int64Var(&o.bytes, "bytes", 1000, "bytes per stream, where the scenario transfers something")
	flags.IntVar(&o.frame, "frame", 64*1024, "largest write; sizes are random below it")
	flags.DurationVar(&o.wait, "wait", 10*time.Second, "how long to wait for what the scenario expects")
	if err := flags.Parse(os.Args[2:]); err != nil {
		report.Fatal(err)
	}
	config.MaxStreamWindowSize = uint32(*window)
	switch os.Args[1] {
	case "server":
		listen(*address, config, *accept)
	case "client":
		socket, err := net.Dial("tcp", *address)
		if err != nil {
			report.Fatal(err)
		}
		p := newPeer(socket, false, config, *accept)
		report.Line(p.run(o))
	default:
		report.Usage("unknown mode %q", os.Args[1])
	}
}

// peer is one yamux session on a socket that can also be cut.
type peer struct {
	*yamux.Session
	socket net.Conn
}

func newPeer(socket net.Conn, server bool, config *yamux.Config, accept bool) *peer {
	role := yamux.Client
	if server {
		role = yamux.Server
	}
	session, err := role(socket, config.Clone())
	if err != nil {
		report.Fatal(err)
	}
	p := &peer{Session: session, socket: socket}
	if accept {
		go p.acceptAll()
	}
	return p
}

func (p *peer) acceptAll() {
	for {
		stream, err := p.AcceptStream()
		if err != nil {
			return
		}
		go p.serve(&conn{stream, bufio.NewReaderSize(stream, 64*1024)})
	}
}

// conn is a stream whose first line was, or will be, read as text.
type conn struct {
	*yamux.Stream
	reader *bufio.Reader
}

func (c *conn) Read(into []byte) (int, error) { return c.reader.Read(into) }

func listen(address string, config *yamux.Config, accept bool) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		report.Fatal(err)
	}
	report.Line(map[string]any{"addr": listener.Addr().String()})
	go func() {
		for {
			socket, err := listener.Accept()
			if err != nil {
				report.Fatal(err)
			}
			p := newPeer(socket, true, config, accept)
			go func() {
				<-p.CloseChan()
				report.Line(map[string]any{"event": "closed", "remote": socket.RemoteAddr().String()})
			}()
		}
	}()
	<-report.StdinClosed()
	report.Line(map[string]any{"event": "result", "maxRssBytes": report.MaxRSS()})
}
