// Command yamuxheaders speaks yamux with headers (docs/wire/yamux.md) on top of hashicorp/yamux, which it does not touch:
// proof that the preface is easy to implement.
//
//	yamuxheaders server          listens and prints {"addr":…}
//	yamuxheaders client ADDRESS  opens streams to a server and prints what became of them
//
// A server echoes, or refuses streams that have the header "refuse", with its values as reason and message.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/hashicorp/yamux"

	"trunkline.dev/interop/internal/report"
)

func main() {
	if len(os.Args) < 2 {
		report.Usage("usage: yamuxheaders server|client ADDRESS")
	}
	switch os.Args[1] {
	case "server":
		listener, err := net.Listen("tcp", "127.0.0.1:0")
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
				session, err := yamux.Server(socket, yamux.DefaultConfig())
				if err != nil {
					report.Fatal(err)
				}
				go serveAll(session)
			}
		}()
		<-report.StdinClosed()
	case "client":
		socket, err := net.Dial("tcp", os.Args[2])
		if err != nil {
			report.Fatal(err)
		}
		session, err := yamux.Client(socket, yamux.DefaultConfig())
		if err != nil {
			report.Fatal(err)
		}
		go serveAll(session)
		for _, h := range []headers{
			{"x-name": {"one"}},
			{"x-name": {"one", "two", "Grüße", ""}, "x-other": {"three"}},
			{},
			{"refuse": {"refused", "no room today"}},
			{"call-back": {"yes"}},
		} {
			report.Line(try(session, h))
		}
		_ = session.Close()
	}
}

func serveAll(session *yamux.Session) {
	for {
		stream, err := session.AcceptStream()
		if err != nil {
			return
		}
		go func() {
			if err := serve(stream); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
}

// try sends "early" in the first flight, before the reply, and reports the verdict and what came back.
func try(session *yamux.Session, h headers) map[string]any {
	stream, err := open(session, h)
	if err != nil {
		report.Fatal(err)
	}
	if _, err := stream.Write([]byte("early")); err != nil {
		report.Fatal(err)
	}
	_ = stream.SetReadDeadline(time.Now().Add(10 * time.Second))
	verdict := awaitReply(stream)
	_ = stream.Close()
	var answer []byte
	if verdict == nil {
		answer, err = io.ReadAll(stream)
	}
	return map[string]any{"refused": report.Text(verdict), "answer": string(answer), "err": report.Text(err)}
}
