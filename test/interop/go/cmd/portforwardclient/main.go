// Command portforwardclient forwards local ports with client-go's portforward package.
//
// It prints {"ports":[{"local":n,"remote":m},…]} when it listens, and {"error":"…","messages":[…]} when it is over: because
// its stdin ended, or because the connection was lost. The messages are what client-go logs about single connections.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/httpstream"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"trunkline.dev/interop/internal/report"
)

type port struct {
	Local  uint16 `json:"local"`
	Remote uint16 `json:"remote"`
}

func main() {
	address := flag.String("url", "", "whole URL of the port-forward request")
	transport := flag.String("transport", "fallback", "spdy, tunnel or fallback")
	ports := flag.String("ports", "", "comma-separated, as 8080:80 or :80")
	addresses := flag.String("addresses", "localhost", "comma-separated")
	flag.Parse()

	target, err := url.Parse(*address)
	if err != nil {
		report.Fatal(err)
	}
	dialer, err := newDialer(*transport, target)
	if err != nil {
		report.Fatal(err)
	}
	messages := collectMessages()
	stop, ready := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(dialer, strings.Split(*addresses, ","), strings.Split(*ports, ","),
		stop, ready, io.Discard, io.Discard)
	if err != nil {
		report.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- forwarder.ForwardPorts() }()
	closed := report.StdinClosed()
	select {
	case err = <-over:
	case <-ready:
		report.Line(map[string]any{"ports": portsOf(forwarder)})
		select {
		case err = <-over:
		case <-closed:
			close(stop)
			err = <-over
		}
	}
	report.Line(map[string]any{"error": report.Text(err), "messages": messages()})
}

func newDialer(transport string, target *url.URL) (httpstream.Dialer, error) {
	config := &rest.Config{Host: target.Scheme + "://" + target.Host}
	roundTripper, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialer(upgrader, &http.Client{Transport: roundTripper}, http.MethodPost, target)
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(target, config)
	if err != nil {
		return nil, err
	}
	switch transport {
	case "spdy":
		return overSPDY, nil
	case "tunnel":
		return tunnel, nil
	case "fallback":
		return portforward.NewFallbackDialer(tunnel, overSPDY, httpstream.IsUpgradeFailure), nil
	default:
		return nil, fmt.Errorf("unknown transport %q", transport)
	}
}

func portsOf(forwarder *portforward.PortForwarder) []port {
	forwarded, err := forwarder.GetPorts()
	if err != nil {
		report.Fatal(err)
	}
	ports := []port{}
	for _, one := range forwarded {
		ports = append(ports, port{Local: one.Local, Remote: one.Remote})
	}
	return ports
}

// collectMessages takes what client-go would log, and returns how to get at it.
func collectMessages() func() []string {
	var mutex sync.Mutex
	messages := []string{}
	utilruntime.ErrorHandlers = []utilruntime.ErrorHandler{
		func(_ context.Context, err error, message string, _ ...any) {
			mutex.Lock()
			defer mutex.Unlock()
			messages = append(messages, strings.TrimSpace(message+" "+report.Text(err)))
		},
	}
	return func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		return append([]string{}, messages...)
	}
}
