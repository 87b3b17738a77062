package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	startTimeout = 10 * time.Second
	// Ticks that the server may still have to take from the publisher.
	ticksInFlight = 4
)

// bus is nats-server in this process, and one publisher on a connection of its own.
type bus struct {
	server *server.Server
	writer *bufio.Writer
	reader *bufio.Reader
	// Ticks that the server has not answered yet.
	pending int
}

func serveNATS() (broadcaster, error) {
	natsServer, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, PingInterval: time.Hour,
	})
	if err != nil {
		return nil, err
	}
	natsServer.Start()
	if !natsServer.ReadyForConnections(startTimeout) {
		return nil, fmt.Errorf("nats-server did not start")
	}
	socket, err := net.Dial("tcp", natsServer.Addr().String())
	if err != nil {
		return nil, err
	}
	b := &bus{server: natsServer, writer: bufio.NewWriter(socket), reader: bufio.NewReader(socket)}
	fmt.Fprint(b.writer, "CONNECT {\"verbose\":false}\r\n")
	return b, b.writer.Flush()
}

func (b *bus) address() string { return b.server.Addr().String() }

// broadcast publishes, and waits when the server is some ticks behind.
func (b *bus) broadcast(data []string) int {
	for _, one := range data {
		fmt.Fprintf(b.writer, "PUB bench %d\r\n%s\r\n", len(one), one)
	}
	fmt.Fprint(b.writer, "PING\r\n")
	if b.writer.Flush() != nil {
		return 0
	}
	for b.pending++; b.pending > ticksInFlight; {
		line, err := b.reader.ReadString('\n')
		if err != nil {
			return 0
		}
		if strings.HasPrefix(line, "PONG") {
			b.pending--
		}
	}
	return len(data) * (b.server.NumClients() - 1)
}
