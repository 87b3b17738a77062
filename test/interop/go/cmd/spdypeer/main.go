// Command spdypeer speaks SPDY/3 with moby/spdystream straight over TCP, without the HTTP upgrade.
//
//	spdypeer server                      listens and serves streams by their "op" header (see serve.go)
//	spdypeer client -addr A -scenario S  connects and runs one scenario against a server of ops (see scenarios.go)
//
// The server prints {"addr":…}, then one line per event; both print a last line with their result.
package main

import (
	"flag"
	"net"
	"os"
	"time"

	"github.com/moby/spdystream"

	"trunkline.dev/interop/internal/report"
)

func main() {
	if len(os.Args) < 2 {
		report.Usage("usage: spdypeer server|client [flags]")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	address := flags.String("addr", "127.0.0.1:0", "address to listen on or to connect to")
	idle := flags.Duration("idle", 0, "idle timeout of the connection")
	var o scenarioOptions
	flags.StringVar(&o.scenario, "scenario", "echo", "what the client does")
	flags.IntVar(&o.streams, "streams", 1, "streams at once")
	flags.IntVar(&o.count, "count", 100, "streams or rounds in all, where the scenario repeats something")
	flags.Int64Var(&o.bytes, "bytes", 1000, "bytes per stream, where the scenario transfers something")
	flags.IntVar(&o.frame, "frame", 64*1024, "bytes per write")
	flags.DurationVar(&o.wait, "wait", 10*time.Second, "how long to wait for what the scenario expects")
	if err := flags.Parse(os.Args[2:]); err != nil {
		report.Fatal(err)
	}
	switch os.Args[1] {
	case "server":
		serve(*address, *idle)
	case "client":
		socket, err := net.Dial("tcp", *address)
		if err != nil {
			report.Fatal(err)
		}
		p, err := newPeer(socket, false, *idle)
		if err != nil {
			report.Fatal(err)
		}
		report.Line(p.run(o))
	default:
		report.Usage("unknown mode %q", os.Args[1])
	}
}

// peer is one SPDY connection on a socket that can also be cut.
type peer struct {
	*spdystream.Connection
	socket net.Conn
}

func newPeer(socket net.Conn, server bool, idle time.Duration) (*peer, error) {
	connection, err := spdystream.NewConnection(socket, server)
	if err != nil {
		return nil, err
	}
	p := &peer{connection, socket}
	if idle > 0 {
		connection.SetIdleTimeout(idle)
	}
	// The handler runs on one of five frame workers, so it must not block.
	go connection.Serve(p.accept)
	return p, nil
}

func serve(address string, idle time.Duration) {
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
			p, err := newPeer(socket, true, idle)
			if err != nil {
				report.Fatal(err)
			}
			go func() {
				<-p.CloseChan()
				report.Line(map[string]any{"event": "closed"})
			}()
		}
	}()
	<-report.StdinClosed()
	report.Line(map[string]any{"event": "result", "accepted": accepted.Load(), "maxRssBytes": report.MaxRSS()})
}
