// Command sseclient follows an event stream with github.com/tmaxmax/go-sse, through all reconnects, and prints each event
// as {"id":…,"type":…,"data":…}. It believes any certificate, and ends when its stdin is closed.
//
//	sseclient URL
package main

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"time"

	"github.com/tmaxmax/go-sse"

	"trunkline.dev/interop/internal/report"
)

func main() {
	if len(os.Args) != 2 {
		report.Usage("usage: sseclient URL")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-report.StdinClosed()
		cancel()
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Args[1], http.NoBody)
	if err != nil {
		report.Fatal(err)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
	}
	client := sse.Client{
		HTTPClient: &http.Client{Transport: transport},
		Backoff:    sse.Backoff{InitialInterval: 10 * time.Millisecond, MaxInterval: 100 * time.Millisecond},
	}
	connection := client.NewConnection(request)
	connection.SubscribeToAll(func(event sse.Event) {
		// A block that only moves the position is no event, but go-sse gives it all the same.
		if event.Type == "" && event.Data == "" {
			return
		}
		report.Line(map[string]string{"id": event.LastEventID, "type": event.Type, "data": event.Data})
	})
	if err := connection.Connect(); err != nil && ctx.Err() == nil {
		report.Fatal(err)
	}
}
