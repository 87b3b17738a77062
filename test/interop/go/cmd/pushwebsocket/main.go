// Command pushwebsocket follows an event log over a WebSocket (docs/wire/push-websocket.md) with gorilla/websocket.
//
//	pushwebsocket URL STREAM COUNT [ID]
//
// follows STREAM, under ID if one is given, and prints a line for each event, until it has seen COUNT. Whenever its
// connection is cut it dials again and resumes from the cursor that it saw last. It counts credit.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/gorilla/websocket"

	"trunkline.dev/interop/internal/report"
)

const (
	protocol = "push.trunkline.dev.v1"
	credit   = 8
)

type message struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Event   string `json:"event"`
	Data    string `json:"data"`
	Cursor  string `json:"cursor"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func main() {
	if len(os.Args) < 4 {
		report.Usage("usage: pushwebsocket URL STREAM COUNT [ID]")
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		report.Fatal(err)
	}
	f := &follower{url: os.Args[1], stream: os.Args[2], left: count}
	if len(os.Args) > 4 {
		f.id = os.Args[4]
	}
	calls := 0
	for ; f.left > 0; calls++ {
		if err := f.once(); err != nil {
			time.Sleep(5 * time.Millisecond)
		}
	}
	report.Line(map[string]any{"calls": calls})
}

type follower struct {
	url, stream, id, cursor string
	left                    int
}

// once follows until all was seen, or the connection fails.
func (f *follower) once() error {
	dialer := websocket.Dialer{Subprotocols: []string{protocol}, HandshakeTimeout: 5 * time.Second}
	socket, _, err := dialer.Dial(f.url, nil)
	if err != nil {
		return err
	}
	defer socket.Close()
	if socket.Subprotocol() != protocol {
		report.Fatal(fmt.Errorf("subprotocol %q", socket.Subprotocol()))
	}
	subscribe := map[string]any{"type": "subscribe", "streams": []string{f.stream}, "credit": credit}
	grant := map[string]any{"type": "credit", "items": credit / 2}
	if f.id != "" {
		subscribe["id"], grant["id"] = f.id, f.id
	}
	if f.cursor != "" {
		subscribe["cursor"] = f.cursor
	}
	if err := socket.WriteJSON(subscribe); err != nil {
		return err
	}
	for granted := 0; f.left > 0; {
		if err := socket.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			return err
		}
		var m message
		if err := socket.ReadJSON(&m); err != nil {
			return err
		}
		if m.ID != f.id {
			report.Fatal(fmt.Errorf("a message for %q", m.ID))
		}
		f.cursor = m.Cursor
		switch m.Type {
		case "subscribed":
			report.Line(map[string]any{"subscribed": true})
		case "event":
			report.Line(map[string]any{"data": m.Data, "type": m.Event})
			f.left--
			if granted++; granted%(credit/2) == 0 {
				if err := socket.WriteJSON(grant); err != nil {
					return err
				}
			}
		default:
			report.Fatal(fmt.Errorf("unexpected: %+v", m))
		}
	}
	return nil
}
