package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"trunkline.dev/interop/internal/report"
)

type clientOptions struct {
	url, method, scenario string
	protocols             []string
	pingPeriod, idle      time.Duration
	streams               int
	wait                  time.Duration
}

type clientResult struct {
	OK            bool     `json:"ok"`
	Err           string   `json:"err"`
	Dialed        bool     `json:"dialed"`
	StatusCode    int      `json:"statusCode"`
	Accepted      []string `json:"accepted"`
	UpgradeFailed bool     `json:"upgradeFailed"`
	Protocol      string   `json:"protocol"`
	Echoed        int      `json:"echoed"`
	LastStreamID  uint32   `json:"lastStreamId"`
	Milliseconds  int64    `json:"milliseconds"`
}

var clientScenarios = map[string]func(o *clientOptions, connection httpstream.Connection, r *clientResult) error{
	"dial":   func(*clientOptions, httpstream.Connection, *clientResult) error { return nil },
	"echo":   echoStreams,
	"remove": removeStreams,
	"refuse": refusedStream,
	"idle":   idleTimeout,
	"wait":   waitForClose,
	"close":  closeWithOpenStreams,
}

func (o *clientOptions) run(config *tls.Config) clientResult {
	var r clientResult
	scenario, known := clientScenarios[o.scenario]
	if !known {
		report.Usage("unknown scenario %q", o.scenario)
	}
	start := time.Now()
	connection, err := o.dial(config, &r)
	if err == nil {
		r.Dialed = true
		err = scenario(o, connection, &r)
		_ = connection.Close()
	}
	r.OK, r.Err = err == nil, report.Text(err)
	r.UpgradeFailed = httpstream.IsUpgradeFailure(err)
	r.Milliseconds = time.Since(start).Milliseconds()
	return r
}

func (o *clientOptions) dial(config *tls.Config, r *clientResult) (httpstream.Connection, error) {
	roundTripper, err := spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{TLS: config, PingPeriod: o.pingPeriod})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(o.method, o.url, nil)
	if err != nil {
		return nil, err
	}
	for _, protocol := range o.protocols {
		request.Header.Add(httpstream.HeaderProtocolVersion, protocol)
	}
	response, err := roundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	r.StatusCode = response.StatusCode
	r.Accepted = response.Header.Values(httpstream.HeaderAcceptedProtocolVersions)
	r.Protocol = response.Header.Get(httpstream.HeaderProtocolVersion)
	return roundTripper.NewConnection(response)
}

func echoOnce(connection httpstream.Connection, text string, r *clientResult) (httpstream.Stream, error) {
	stream, err := connection.CreateStream(http.Header{"Op": {"echo"}})
	if err != nil {
		return nil, err
	}
	r.LastStreamID = stream.Identifier()
	if _, err = io.WriteString(stream, text); err != nil {
		return nil, err
	}
	if err = stream.Close(); err != nil {
		return nil, err
	}
	got, err := io.ReadAll(stream)
	if err == nil && string(got) != text {
		err = fmt.Errorf("sent %q, got %q", text, got)
	}
	r.Echoed++
	return stream, err
}

func echoStreams(o *clientOptions, connection httpstream.Connection, r *clientResult) error {
	for i := range o.streams {
		if _, err := echoOnce(connection, fmt.Sprintf("stream %d", i), r); err != nil {
			return err
		}
	}
	return nil
}

// removeStreams forgets each stream after its use, as port forwarding does, and a nil one.
func removeStreams(o *clientOptions, connection httpstream.Connection, r *clientResult) error {
	for i := range o.streams {
		stream, err := echoOnce(connection, fmt.Sprintf("stream %d", i), r)
		if err != nil {
			return err
		}
		connection.RemoveStreams(stream, nil)
	}
	return closesWithin(connection, o.wait)
}

func refusedStream(o *clientOptions, connection httpstream.Connection, r *clientResult) error {
	if _, err := connection.CreateStream(http.Header{"Op": {"refuse"}}); err == nil {
		return errors.New("the stream was not refused")
	}
	_, err := echoOnce(connection, "after the refusal", r)
	return err
}

// idleTimeout sets our own and expects to see the connection close by itself.
func idleTimeout(o *clientOptions, connection httpstream.Connection, r *clientResult) error {
	if _, err := connection.CreateStream(http.Header{"Op": {"hold"}}); err != nil {
		return err
	}
	connection.SetIdleTimeout(o.idle)
	return waitForClose(o, connection, r)
}

// waitForClose holds a stream open and expects the server to close the connection.
func waitForClose(o *clientOptions, connection httpstream.Connection, _ *clientResult) error {
	if _, err := connection.CreateStream(http.Header{"Op": {"hold"}}); err != nil {
		return err
	}
	select {
	case <-connection.CloseChan():
		return nil
	case <-time.After(o.wait):
		return errors.New("the connection stayed open")
	}
}

func closeWithOpenStreams(o *clientOptions, connection httpstream.Connection, _ *clientResult) error {
	for range o.streams {
		if _, err := connection.CreateStream(http.Header{"Op": {"hold"}}); err != nil {
			return err
		}
	}
	return closesWithin(connection, o.wait)
}

func closesWithin(connection httpstream.Connection, wait time.Duration) error {
	if err := connection.Close(); err != nil {
		return err
	}
	select {
	case <-connection.CloseChan():
		return nil
	case <-time.After(wait):
		return errors.New("the connection did not close")
	}
}
