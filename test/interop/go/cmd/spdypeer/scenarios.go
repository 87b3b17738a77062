package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/moby/spdystream"

	"trunkline.dev/interop/internal/digest"
	"trunkline.dev/interop/internal/report"
)

type scenarioOptions struct {
	scenario       string
	streams, count int
	bytes          int64
	frame          int
	wait           time.Duration
}

type scenarioResult struct {
	OK           bool   `json:"ok"`
	Err          string `json:"err"`
	Done         int    `json:"done"`
	Bytes        int64  `json:"bytes"`
	LastStreamID uint32 `json:"lastStreamId"`
	Detail       any    `json:"detail"`
	Milliseconds int64  `json:"milliseconds"`
	MaxRSSBytes  int64  `json:"maxRssBytes"`
}

var scenarios = map[string]func(p *peer, o scenarioOptions, r *scenarioResult) error{
	"echo":          echo,
	"headers":       echoHeaders,
	"many-headers":  manyHeaders,
	"header-frames": headerFrames,
	"half-close":    halfClose,
	"bulk-up":       bulkUp,
	"bulk-down":     bulkDown,
	"openclose":     openClose,
	"refuse":        func(p *peer, o scenarioOptions, r *scenarioResult) error { return p.expectRefusal("refuse", o) },
	"cancel":        func(p *peer, o scenarioOptions, r *scenarioResult) error { return p.expectRefusal("cancel", o) },
	"silent":        silent,
	"reset-after":   resetAfter,
	"reset":         reset,
	"call-back":     callBack,
	"ping":          ping,
	"go-away":       func(p *peer, o scenarioOptions, r *scenarioResult) error { return p.expectClose("go-away", o) },
	"cut":           func(p *peer, o scenarioOptions, r *scenarioResult) error { return p.expectClose("cut", o) },
	"leave":         leave,
}

func (p *peer) run(o scenarioOptions) scenarioResult {
	var r scenarioResult
	scenario, ok := scenarios[o.scenario]
	if !ok {
		report.Usage("unknown scenario %q", o.scenario)
	}
	start := time.Now()
	err := scenario(p, o, &r)
	r.OK, r.Err = err == nil, report.Text(err)
	r.Milliseconds = time.Since(start).Milliseconds()
	r.MaxRSSBytes = report.MaxRSS()
	if o.scenario != "leave" {
		p.SetCloseTimeout(time.Second)
		_ = p.CloseWait()
	}
	return r
}

func (p *peer) open(headers http.Header, wait time.Duration) (*spdystream.Stream, error) {
	stream, err := p.CreateStream(headers, nil, false)
	if err != nil {
		return nil, err
	}
	return stream, stream.WaitTimeout(wait)
}

func op(name string, more ...string) http.Header {
	headers := http.Header{"Op": {name}}
	for i := 0; i+1 < len(more); i += 2 {
		headers.Add(more[i], more[i+1])
	}
	return headers
}

type echoResult struct {
	Sent     string `json:"sent"`
	Received string `json:"received"`
	StreamID uint32 `json:"streamId"`
	Err      string `json:"err"`
}

// echoOnce sends data on a stream of its own, half-closes, and reads to the end.
func (p *peer) echoOnce(data []byte, headers http.Header) echoResult {
	result := echoResult{Sent: string(data)}
	stream, err := p.open(headers, 10*time.Second)
	if err == nil {
		result.StreamID = stream.Identifier()
		if _, err = stream.Write(data); err == nil {
			err = stream.Close()
		}
	}
	if err == nil {
		var received []byte
		received, err = io.ReadAll(stream)
		result.Received = string(received)
	}
	result.Err = report.Text(err)
	return result
}

// inParallel runs n calls and returns the first error.
func inParallel(n int, call func(i int) error) error {
	failures := make(chan error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Add(1)
		go func() {
			defer group.Done()
			failures <- call(i)
		}()
	}
	group.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

func echo(p *peer, o scenarioOptions, r *scenarioResult) error {
	return inParallel(o.streams, func(i int) error {
		data := []byte(fmt.Sprintf("stream %d says hello", i))
		got := p.echoOnce(data, op("echo"))
		if got.Err != "" {
			return errors.New(got.Err)
		}
		if got.Received != string(data) {
			return fmt.Errorf("stream %d: sent %q, got %q", i, data, got.Received)
		}
		return nil
	})
}

func (p *peer) headersSeenByPeer(headers http.Header, wait time.Duration) (http.Header, error) {
	stream, err := p.open(headers, wait)
	if err != nil {
		return nil, err
	}
	if err = stream.Close(); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	seen := map[string][]string{}
	if err = json.Unmarshal(text, &seen); err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	canonical := http.Header{}
	for name, values := range seen {
		for _, value := range values {
			canonical.Add(name, value)
		}
	}
	return canonical, nil
}

func sameHeaders(sent, seen http.Header) error {
	if len(sent) != len(seen) {
		return fmt.Errorf("%d names sent, %d seen: %v", len(sent), len(seen), seen)
	}
	for name, values := range sent {
		if strings.Join(values, "\x00") != strings.Join(seen.Values(name), "\x00") {
			return fmt.Errorf("%s: sent %q, seen %q", name, values, seen.Values(name))
		}
	}
	return nil
}

func echoHeaders(p *peer, o scenarioOptions, r *scenarioResult) error {
	for i := range o.count {
		sent := op("headers", "X-Round", strconv.Itoa(i), "X-Many", "one", "X-Many", "two", "X-Utf8", "Grüße", "X-Empty", "")
		seen, err := p.headersSeenByPeer(sent, o.wait)
		if err != nil {
			return err
		}
		if err = sameHeaders(sent, seen); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		r.Done++
	}
	return nil
}

func manyHeaders(p *peer, o scenarioOptions, r *scenarioResult) error {
	sent := op("headers")
	for i := range o.count {
		sent.Set(fmt.Sprintf("X-Header-%d", i), strings.Repeat(strconv.Itoa(i), 10))
	}
	seen, err := p.headersSeenByPeer(sent, o.wait)
	if err != nil {
		return err
	}
	return sameHeaders(sent, seen)
}

// headerFrames sends HEADERS frames between data; whatever the peer does with them, the compression context must survive.
func headerFrames(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open(op("echo"), o.wait)
	if err != nil {
		return err
	}
	go func() {
		for {
			if _, err := stream.ReceiveHeader(); err != nil {
				return
			}
		}
	}()
	for i := range o.count {
		if err = stream.SendHeader(http.Header{"X-Round": {strconv.Itoa(i)}}, false); err != nil {
			return err
		}
		if _, err = fmt.Fprintf(stream, "%d\n", i); err != nil {
			return err
		}
		r.Done++
	}
	if err = stream.Close(); err != nil {
		return err
	}
	if _, err = io.ReadAll(stream); err != nil {
		return err
	}
	// A new stream after it shows that both contexts are in step.
	return echoHeaders(p, scenarioOptions{count: 3, wait: o.wait}, r)
}

// halfClose has the peer half-close first and sends afterwards.
func halfClose(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open(op("half-close"), o.wait)
	if err != nil {
		return err
	}
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		return fmt.Errorf("expected an end at once, got %q, %w", rest, err)
	}
	if r.Bytes, err = copyFrames(stream, digest.Pattern(o.bytes), o.frame); err != nil {
		return err
	}
	return stream.Close()
}

func bulkUp(p *peer, o scenarioOptions, r *scenarioResult) error {
	sums := make([]transfer, o.streams)
	err := inParallel(o.streams, func(i int) error {
		stream, err := p.open(op("digest"), o.wait)
		if err != nil {
			return err
		}
		if _, err = copyFrames(stream, digest.Pattern(o.bytes), o.frame); err != nil {
			return err
		}
		if err = stream.Close(); err != nil {
			return err
		}
		text, err := io.ReadAll(stream)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &sums[i])
	})
	r.Detail = sums
	return errors.Join(err, checkSums(sums, o.bytes))
}

func bulkDown(p *peer, o scenarioOptions, r *scenarioResult) error {
	sums := make([]transfer, o.streams)
	err := inParallel(o.streams, func(i int) error {
		headers := op("pattern", "Bytes", strconv.FormatInt(o.bytes, 10), "Frame", strconv.Itoa(o.frame))
		stream, err := p.open(headers, o.wait)
		if err != nil {
			return err
		}
		if err = stream.Close(); err != nil {
			return err
		}
		bytes, sum, err := digest.Of(stream)
		sums[i] = transfer{bytes, sum, report.Text(err)}
		return err
	})
	r.Detail = sums
	return errors.Join(err, checkSums(sums, o.bytes))
}

func checkSums(sums []transfer, n int64) error {
	_, want, err := digest.Of(digest.Pattern(n))
	if err != nil {
		return err
	}
	for i, sum := range sums {
		if sum.Bytes != n || sum.Sha256 != want {
			return fmt.Errorf("stream %d: %d bytes %s, expected %d bytes %s", i, sum.Bytes, sum.Sha256, n, want)
		}
	}
	return nil
}

// openClose opens count streams, streams of them at a time; each carries one byte each way.
func openClose(p *peer, o scenarioOptions, r *scenarioResult) error {
	var mutex sync.Mutex
	return inParallel(o.streams, func(worker int) error {
		for i := worker; i < o.count; i += o.streams {
			got := p.echoOnce([]byte{byte('a' + i%26)}, op("echo"))
			if got.Err != "" {
				return errors.New(got.Err)
			}
			if got.Received != got.Sent {
				return fmt.Errorf("round %d: sent %q, got %q", i, got.Sent, got.Received)
			}
			mutex.Lock()
			r.Done++
			r.LastStreamID = max(r.LastStreamID, got.StreamID)
			mutex.Unlock()
		}
		return nil
	})
}

// expectRefusal opens refused streams and then an accepted one: the connection must not suffer.
func (p *peer) expectRefusal(name string, o scenarioOptions) error {
	for range o.count {
		if _, err := p.open(op(name), o.wait); !errors.Is(err, spdystream.ErrReset) {
			return fmt.Errorf("expected %v, got %v", spdystream.ErrReset, err)
		}
	}
	return echo(p, o, nil)
}

func silent(p *peer, o scenarioOptions, r *scenarioResult) error {
	if _, err := p.open(op("silent"), 300*time.Millisecond); !errors.Is(err, spdystream.ErrTimeout) {
		return fmt.Errorf("expected %v, got %v", spdystream.ErrTimeout, err)
	}
	return echo(p, o, r)
}

// resetAfter has the peer reset the stream while we still write.
func resetAfter(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open(op("reset-after", "Bytes", strconv.FormatInt(o.bytes, 10)), o.wait)
	if err != nil {
		return err
	}
	if _, err = copyFrames(stream, digest.Pattern(o.bytes+1), o.frame); err != nil {
		return err
	}
	// spdystream shows a reset as an end.
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		return fmt.Errorf("got %d bytes, %w", len(rest), err)
	}
	return echo(p, o, r)
}

// reset cancels streams in the middle of an echo.
func reset(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.count {
		stream, err := p.open(op("echo"), o.wait)
		if err != nil {
			return err
		}
		if _, err = stream.Write(bytes.Repeat([]byte("x"), int(o.bytes))); err != nil {
			return err
		}
		if err = stream.Reset(); err != nil {
			return err
		}
		r.Done++
	}
	return echo(p, o, r)
}

// callBack has the peer open a stream to us.
func callBack(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open(op("call-back"), o.wait)
	if err != nil {
		return err
	}
	if err = stream.Close(); err != nil {
		return err
	}
	text, err := io.ReadAll(stream)
	if err != nil {
		return err
	}
	var got echoResult
	if err = json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	r.Detail = got
	if got.Err != "" || got.Received != got.Sent || got.StreamID%2 != 0 {
		return fmt.Errorf("bad call back: %+v", got)
	}
	return nil
}

// ping pings the peer, and has the peer ping us.
func ping(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.count {
		if _, err := p.Ping(); err != nil {
			return err
		}
		r.Done++
	}
	stream, err := p.open(op("ping"), o.wait)
	if err != nil {
		return err
	}
	if err = stream.Close(); err != nil {
		return err
	}
	text, err := io.ReadAll(stream)
	if err == nil && string(text) != "pong" {
		err = fmt.Errorf("expected pong, got %q", text)
	}
	return err
}

// expectClose asks the peer to end the connection.
func (p *peer) expectClose(name string, o scenarioOptions) error {
	if _, err := p.open(op(name), o.wait); err != nil && !errors.Is(err, spdystream.ErrReset) {
		return err
	}
	select {
	case <-p.CloseChan():
		return nil
	case <-time.After(o.wait):
		return errors.New("the connection did not end")
	}
}

// leave opens streams and then drops the socket without a goodbye. No data comes back, because what nobody reads would
// hold up the replies to further streams.
func leave(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.streams {
		stream, err := p.open(op("digest"), o.wait)
		if err != nil {
			return err
		}
		if _, err = stream.Write([]byte("half")); err != nil {
			return err
		}
		r.Done++
	}
	return p.socket.Close()
}
