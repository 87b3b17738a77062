// base64client runs a command over a base64 WebSocket, with the client library that the tests of wsstream use. It sends
// -stdin in messages of -chunk bytes on channel 0, reads until the server closes, and prints what came on each channel.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"strings"

	"golang.org/x/net/websocket"

	"trunkline.dev/interop/internal/report"
)

func main() {
	address := flag.String("url", "", "ws: address of the exec endpoint, with its query")
	protocol := flag.String("protocol", "v4.base64.channel.k8s.io", "subprotocol")
	stdin := flag.Int("stdin", 0, "bytes to send, all of them x")
	chunk := flag.Int("chunk", 1000, "bytes in a message")
	flag.Parse()

	// The library cannot do without an Origin; this is what a page of the server itself would send.
	config, err := websocket.NewConfig(*address, strings.Replace(*address, "ws", "http", 1))
	if err != nil {
		report.Fatal(err)
	}
	config.Protocol = []string{*protocol}
	connection, err := websocket.DialConfig(config)
	if err != nil {
		report.Fatal(err)
	}
	defer connection.Close()
	go send(connection, *stdin, *chunk)

	channels := map[string][]byte{}
	messages := 0
	for {
		var text string
		err := websocket.Message.Receive(connection, &text)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			report.Fatal(err)
		}
		payload, err := base64.StdEncoding.Strict().DecodeString(text[1:])
		if err != nil {
			report.Fatal(err)
		}
		messages++
		channels[text[:1]] = append(channels[text[:1]], payload...)
	}
	digest := sha256.Sum256(channels["1"])
	report.Line(map[string]any{
		"protocol": connection.Config().Protocol,
		"messages": messages,
		"stdout":   map[string]any{"bytes": len(channels["1"]), "sha256": hex.EncodeToString(digest[:])},
		"stderr":   string(channels["2"]),
		"error":    string(channels["3"]),
	})
}

// send writes count bytes; what cannot be sent shows in what the server says.
func send(connection *websocket.Conn, count, chunk int) {
	for sent := 0; sent < count; sent += chunk {
		payload := strings.Repeat("x", min(chunk, count-sent))
		if websocket.Message.Send(connection, "0"+base64.StdEncoding.EncodeToString([]byte(payload))) != nil {
			return
		}
	}
}
