// sserpod is a pod that serves event streams and exchanges events with peers as go.skia.org/infra/go/sser does. Lines of
// JSON on its standard input set the peers and send messages; it ends with its input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"os"

	sser "trunkline.dev/sserpod/standin"
)

type command struct {
	Peers  []string `json:"peers"`
	Stream string   `json:"stream"`
	Msg    string   `json:"msg"`
}

type listed struct{ changes chan []string }

func (l listed) Start(context.Context) ([]string, <-chan []string, error) {
	return []string{}, l.changes, nil
}

func main() {
	host := flag.String("host", "127.0.0.1", "address of the internal port and of the clients' port")
	port := flag.Int("internal-port", 7000, "internal port")
	flag.Parse()
	ctx := context.Background()
	finder := listed{changes: make(chan []string)}
	server := sser.New(*host, *port, finder)
	if err := server.Start(ctx); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(*host, "0"))
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, server.ClientConnectionHandler(ctx))) }()
	output := json.NewEncoder(os.Stdout)
	_ = output.Encode(map[string]string{"addr": listener.Addr().String()})
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			log.Fatal(err)
		}
		if c.Peers != nil {
			finder.changes <- c.Peers
			_ = output.Encode(map[string]any{"peers": c.Peers})
			continue
		}
		if err := server.Send(ctx, c.Stream, c.Msg); err != nil {
			log.Fatal(err)
		}
	}
}
