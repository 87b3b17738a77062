// Command httpstreampeer upgrades HTTP connections with k8s.io/streaming's SPDY round tripper and response upgrader.
//
//	httpstreampeer server                   serves the paths of server.go, streams by their "op" header
//	httpstreampeer client -url U -scenario S  dials and runs one scenario of client.go
package main

import (
	"flag"
	"os"
	"strings"
	"time"

	"trunkline.dev/interop/internal/report"
	"trunkline.dev/interop/internal/tlsfiles"
)

func main() {
	if len(os.Args) < 2 {
		report.Usage("usage: httpstreampeer server|client [flags]")
	}
	mode := os.Args[1]
	var serverTLS tlsfiles.Server
	var clientTLS tlsfiles.Client
	serverTLS.Flags()
	clientTLS.Flags()
	protocols := flag.String("protocols", "v4.channel.k8s.io", "stream protocols, most preferred first; empty offers none")
	pingPeriod := flag.Duration("ping-period", 0, "time between pings; 0 is never")
	idle := flag.Duration("idle", 0, "idle timeout of connections; 0 is none")
	address := flag.String("addr", "127.0.0.1:0", "address to listen on")
	var o clientOptions
	flag.StringVar(&o.url, "url", "", "address to upgrade")
	flag.StringVar(&o.method, "method", "POST", "request method")
	flag.StringVar(&o.scenario, "scenario", "echo", "what the client does")
	flag.IntVar(&o.streams, "streams", 1, "streams")
	flag.DurationVar(&o.wait, "wait", 10*time.Second, "how long to wait for what the scenario expects")
	if err := flag.CommandLine.Parse(os.Args[2:]); err != nil {
		report.Fatal(err)
	}
	names := strings.FieldsFunc(*protocols, func(r rune) bool { return r == ',' })
	switch mode {
	case "server":
		s := &server{protocols: names, pingPeriod: *pingPeriod, idle: *idle}
		s.run(*address, &serverTLS)
	case "client":
		o.protocols, o.pingPeriod, o.idle = names, *pingPeriod, *idle
		config, err := clientTLS.Config()
		if err != nil {
			report.Fatal(err)
		}
		report.Line(o.run(config))
	default:
		report.Usage("unknown mode %q", mode)
	}
}
