// Command websocketyamux speaks hashicorp/yamux inside a WebSocket of gorilla/websocket: foreign code at both layers.
//
//	websocketyamux server                   listens, echoes streams, prints {"addr":…}, and per connection how it ended
//	websocketyamux client URL STREAMS BYTES echoes streams of BYTES each, answers one of the server, and prints the outcome
//
// Messages are cut without regard to the frames inside.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"

	"trunkline.dev/interop/internal/digest"
	"trunkline.dev/interop/internal/report"
)

const subprotocol = "yamux"

func main() {
	if len(os.Args) < 2 {
		report.Usage("usage: websocketyamux server|client …")
	}
	switch os.Args[1] {
	case "server":
		serve()
	case "client":
		streams, _ := strconv.Atoi(os.Args[3])
		size, _ := strconv.ParseInt(os.Args[4], 10, 64)
		dial(os.Args[2], streams, size)
	}
}

func serve() {
	upgrader := websocket.Upgrader{Subprotocols: []string{subprotocol}}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		bytes := &byteStream{Conn: socket}
		session, err := yamux.Server(bytes, yamux.DefaultConfig())
		if err != nil {
			report.Fatal(err)
		}
		echoAll(session)
		report.Line(map[string]any{"protocol": socket.Subprotocol(), "closeCode": bytes.closeCode})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		report.Fatal(err)
	}
	report.Line(map[string]any{"addr": listener.Addr().String()})
	go func() { report.Fatal(http.Serve(listener, handler)) }()
	<-report.StdinClosed()
}

func dial(url string, streams int, size int64) {
	dialer := websocket.Dialer{Subprotocols: []string{"other", subprotocol}}
	socket, response, err := dialer.Dial(url, nil)
	if err != nil {
		report.Fatal(err)
	}
	bytes := &byteStream{Conn: socket}
	session, err := yamux.Client(bytes, yamux.DefaultConfig())
	if err != nil {
		report.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		stream, err := session.AcceptStream()
		if err == nil {
			_, err = io.Copy(stream, stream)
			_ = stream.Close()
		}
		answered <- err
	}()
	_, expected, _ := digest.Of(digest.Pattern(size))
	var done sync.WaitGroup
	failures := make(chan error, streams)
	for range streams {
		done.Go(func() { failures <- echo(session, size, expected) })
	}
	done.Wait()
	close(failures)
	var failed error
	for err := range failures {
		failed = errors.Join(failed, err)
	}
	failed = errors.Join(failed, <-answered)
	_, pingErr := session.Ping()
	_ = session.Close()
	report.Line(map[string]any{
		"protocol":   socket.Subprotocol(),
		"extensions": response.Header.Get("Sec-WebSocket-Extensions"),
		"err":        report.Text(errors.Join(failed, pingErr)),
		"streams":    streams,
	})
}

// echo sends the pattern, half-closes, and expects the same back.
func echo(session *yamux.Session, size int64, expected string) error {
	stream, err := session.OpenStream()
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, digest.Pattern(size))
		sent <- errors.Join(err, stream.Close())
	}()
	count, sum, err := digest.Of(stream)
	if err := errors.Join(err, <-sent); err != nil {
		return err
	}
	if count != size || sum != expected {
		return fmt.Errorf("got %d bytes of digest %s", count, sum)
	}
	return nil
}

func echoAll(session *yamux.Session) {
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(stream, stream)
			_ = stream.Close()
		}()
	}
}

// byteStream is a WebSocket as a stream of bytes. Each write makes several messages.
type byteStream struct {
	*websocket.Conn
	reader    io.Reader
	closeCode int
	writing   sync.Mutex
	writes    int
}

func (b *byteStream) Read(into []byte) (int, error) {
	for {
		if b.reader == nil {
			kind, reader, err := b.NextReader()
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				b.closeCode = closed.Code
				if closed.Code == websocket.CloseNormalClosure {
					return 0, io.EOF
				}
			}
			if err != nil {
				return 0, err
			}
			if kind != websocket.BinaryMessage {
				return 0, fmt.Errorf("a message of type %d", kind)
			}
			b.reader = reader
		}
		n, err := b.reader.Read(into)
		if err == io.EOF {
			b.reader = nil
			if n == 0 {
				continue
			}
			err = nil
		}
		return n, err
	}
}

func (b *byteStream) Write(data []byte) (int, error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	for at := 0; at < len(data); {
		b.writes++
		end := min(len(data), at+1+b.writes*7919%4096)
		if err := b.WriteMessage(websocket.BinaryMessage, data[at:end]); err != nil {
			return at, err
		}
		at = end
	}
	return len(data), nil
}

// Close says goodbye as client-go's tunnel does: a close frame, and the socket with it.
func (b *byteStream) Close() error {
	message := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = b.WriteControl(websocket.CloseMessage, message, time.Now().Add(time.Second))
	return b.Conn.Close()
}
