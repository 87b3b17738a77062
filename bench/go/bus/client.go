package main

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
)

// client speaks the protocol of NATS: just as much as is needed, so that little is measured but the server.
type client struct {
	mutex  sync.Mutex
	writer *bufio.Writer
	reader *bufio.Reader
}

func connect(address string) (*client, error) {
	socket, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := &client{writer: bufio.NewWriterSize(socket, 64<<10), reader: bufio.NewReaderSize(socket, 64<<10)}
	c.send("CONNECT {\"verbose\":false}\r\n")
	c.flush()
	return c, nil
}

func (c *client) send(format string, arguments ...any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	fmt.Fprintf(c.writer, format, arguments...)
}

// publish sends a message; reply may be empty.
func (c *client) publish(subject, reply, data string) {
	if reply != "" {
		subject += " " + reply
	}
	c.send("PUB %s %d\r\n%s\r\n", subject, len(data), data)
}

func (c *client) flush() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	_ = c.writer.Flush()
}

// read calls back for each message until the connection ends, and whenever nothing more has been read.
func (c *client) read(message func(subject, data string), drained func()) {
	for {
		if c.reader.Buffered() == 0 {
			drained()
		}
		line, err := c.reader.ReadString('\n')
		if err != nil {
			return
		}
		if strings.HasPrefix(line, "PING") {
			c.send("PONG\r\n")
			c.flush()
		}
		if !strings.HasPrefix(line, "MSG ") {
			continue
		}
		fields := strings.Fields(line)
		length, _ := strconv.Atoi(fields[len(fields)-1])
		data := make([]byte, length+2)
		for filled := 0; filled < len(data); {
			count, err := c.reader.Read(data[filled:])
			if err != nil {
				return
			}
			filled += count
		}
		message(fields[1], string(data[:length]))
	}
}
