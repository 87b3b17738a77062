package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

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
	Done         int64  `json:"done"`
	Left         int    `json:"left"`
	Detail       any    `json:"detail"`
	Milliseconds int64  `json:"milliseconds"`
	MaxRSSBytes  int64  `json:"maxRssBytes"`
}

// Where a scenario repeats a test of the library across the wire, it has the name of that test.
var scenarios = map[string]func(p *peer, o scenarioOptions, r *scenarioResult) error{
	"duplex":                              duplexes,
	"echo":                                echo,
	"openclose":                           openClose,
	"call-back":                           callBack,
	"leave":                               leave,
	"TestPing":                            ping,
	"TestCloseBeforeAck":                  closeBeforeAck,
	"TestAccept":                          accept,
	"TestOpenStreamTimeout":               openStreamTimeout,
	"TestClose_closeTimeout":              closeTimeout,
	"TestSendData_Small":                  sendDataSmall,
	"TestSendData_Large":                  sendDataLarge,
	"TestGoAway":                          goAway,
	"TestManyStreams":                     manyStreams,
	"TestManyStreams_PingPong":            pingPong,
	"TestHalfClose":                       halfClose,
	"TestHalfCloseSessionShutdown":        halfCloseSessionShutdown,
	"TestBacklogExceeded":                 backlogExceeded,
	"TestBacklogExceeded_Accept":          backlogExceededAccept,
	"TestKeepAlive":                       keepAlive,
	"TestLargeWindow":                     largeWindow,
	"TestSession_PartialReadWindowUpdate": partialRead,
}

func (p *peer) run(o scenarioOptions) scenarioResult {
	var r scenarioResult
	scenario, ok := scenarios[o.scenario]
	if !ok {
		report.Usage("unknown scenario %q", o.scenario)
	}
	start := time.Now()
	err := scenario(p, o, &r)
	leaves := o.scenario == "leave"
	if err == nil && !leaves && !p.IsClosed() {
		err = p.drained(o.wait)
		// Once it is answered, all that was sent is read: the kernel resets a socket that is closed with bytes unread in it,
		// and what is still under way is lost then. A peer that heard our go away may have left by itself.
		_, _ = p.Ping()
	}
	r.OK, r.Err, r.Left = err == nil, report.Text(err), p.NumStreams()
	r.Milliseconds = time.Since(start).Milliseconds()
	r.MaxRSSBytes = report.MaxRSS()
	if !leaves {
		_ = p.Session.Close()
	}
	return r
}

// open opens a stream and sends text.
func (p *peer) open(text string) (*conn, error) {
	stream, err := p.OpenStream()
	if err != nil {
		return nil, err
	}
	_, err = stream.Write([]byte(text))
	return &conn{stream, bufio.NewReaderSize(stream, 64*1024)}, err
}

// drained waits until no stream is left: what a scenario has closed, the peer must close too.
func (p *peer) drained(wait time.Duration) error {
	return eventually(wait, func() error {
		if n := p.NumStreams(); n > 0 {
			return fmt.Errorf("%d streams are left", n)
		}
		return nil
	})
}

func eventually(wait time.Duration, check func() error) error {
	deadline := time.Now().Add(wait)
	for {
		err := check()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// inParallel runs n calls and returns their errors.
func inParallel(n int, call func(i int) error) error {
	failures := make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { failures[i] = call(i) })
	}
	group.Wait()
	return errors.Join(failures...)
}

// duplexes sends a pattern on every stream and receives one, all at once; each end checks what it got.
func duplexes(p *peer, o scenarioOptions, r *scenarioResult) error {
	size := o.bytes / int64(o.streams)
	_, want, err := digest.Of(digest.Pattern(size))
	if err != nil {
		return err
	}
	return inParallel(o.streams, func(int) error {
		stream, err := p.open(fmt.Sprintf("duplex %d %d\n", size, o.frame))
		if err != nil {
			return err
		}
		sum, err := duplex(stream, size, o.frame)
		if err == nil && (sum.Bytes != size || sum.Sha256 != want || sum.Err != "") {
			err = fmt.Errorf("stream %d: got %+v, expected %d bytes %s", stream.StreamID(), sum, size, want)
		}
		atomic.AddInt64(&r.Done, sum.Bytes)
		return err
	})
}

func (p *peer) expect(question, answer string) error {
	got, err := p.ask(question)
	if err == nil && got != answer {
		err = fmt.Errorf("asked %q, got %q", question, got)
	}
	return err
}

func echo(p *peer, o scenarioOptions, r *scenarioResult) error {
	return inParallel(o.streams, func(i int) error {
		text := fmt.Sprintf("stream %d says hello", i)
		return p.expect("echo\n"+text, text)
	})
}

// openClose opens count streams, streams of them at a time; each carries a byte each way.
func openClose(p *peer, o scenarioOptions, r *scenarioResult) error {
	return inParallel(o.streams, func(worker int) error {
		for i := worker; i < o.count; i += o.streams {
			text := string(rune('a' + i%26))
			if err := p.expect("echo\n"+text, text); err != nil {
				return fmt.Errorf("round %d: %w", i, err)
			}
			atomic.AddInt64(&r.Done, 1)
		}
		return nil
	})
}

// callBack has the peer open streams to us.
func callBack(p *peer, o scenarioOptions, r *scenarioResult) error {
	return inParallel(o.streams, func(int) error { return p.expect("call-back called back\n", "called back") })
}

// leave opens streams and then drops the socket without a goodbye.
func leave(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.streams {
		if _, err := p.open("digest\nhalf"); err != nil {
			return err
		}
	}
	// The peer has seen them.
	if _, err := p.Ping(); err != nil {
		return err
	}
	return p.socket.Close()
}

func ping(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.count {
		if rtt, err := p.Ping(); err != nil || rtt == 0 {
			return fmt.Errorf("round trip %v, %w", rtt, err)
		}
	}
	return p.expect("ping\n", "pong")
}

// closeBeforeAck closes as many streams as may be open unacknowledged before any is acknowledged, then opens more.
func closeBeforeAck(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.count {
		stream, err := p.OpenStream()
		if err != nil {
			return err
		}
		_ = stream.Close()
	}
	return echo(p, o, r)
}

func accept(p *peer, o scenarioOptions, r *scenarioResult) error {
	return errors.Join(p.drained(0), inParallel(2, func(i int) error {
		if i == 0 {
			return p.expect("echo\nmine", "mine")
		}
		return p.expect("call-back yours\n", "yours")
	}))
}

// openStreamTimeout opens a stream that the peer never acknowledges.
func openStreamTimeout(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("silent\n")
	if err != nil {
		return err
	}
	if err := p.closed(o.wait); err != nil {
		return err
	}
	if _, err := stream.Write([]byte("x")); err == nil {
		return errors.New("the stream outlived its session")
	}
	return nil
}

func (p *peer) closed(wait time.Duration) error {
	select {
	case <-p.CloseChan():
		return nil
	case <-time.After(wait):
		return errors.New("the session did not end")
	}
}

// closeTimeout closes a stream that the peer keeps open: once the close timeout has passed, it is reset and forgotten.
func closeTimeout(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("hold\n")
	if err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	if n := p.NumStreams(); n != 1 {
		return fmt.Errorf("%d streams", n)
	}
	return errors.Join(p.drained(o.wait), echo(p, o, r))
}

func sendDataSmall(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("digest\n")
	if err != nil {
		return err
	}
	var all bytes.Buffer
	for range o.count {
		if n, err := stream.Write([]byte("test")); err != nil || n != 4 {
			return fmt.Errorf("wrote %d, %w", n, err)
		}
		all.WriteString("test")
	}
	return expectDigest(stream, &all)
}

func sendDataLarge(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("digest\n")
	if err != nil {
		return err
	}
	// One write, which the library cuts by the window.
	data := make([]byte, o.bytes)
	if _, err := io.ReadFull(digest.Pattern(o.bytes), data); err != nil {
		return err
	}
	if _, err := stream.Write(data); err != nil {
		return err
	}
	return expectDigest(stream, bytes.NewReader(data))
}

// expectDigest half-closes and reads the digest of what was sent.
func expectDigest(stream *conn, sent io.Reader) error {
	if err := stream.Close(); err != nil {
		return err
	}
	size, sum, err := digest.Of(sent)
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(stream)
	if want := fmt.Sprintf(`{"bytes":%d,"sha256":"%s"}`, size, sum); err != nil || string(answer) != want {
		return fmt.Errorf("got %q, %w, expected %q", answer, err, want)
	}
	return nil
}

// goAway refuses further streams of the peer; those that are open go on, and so may ours.
func goAway(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("digest\nbefore, ")
	if err != nil {
		return err
	}
	if err := p.GoAway(); err != nil {
		return err
	}
	answer, err := p.ask("call-back x\n")
	r.Detail = report.Text(err) + answer
	if err := echo(p, o, r); err != nil {
		return err
	}
	if _, err := io.WriteString(stream, "and after"); err != nil {
		return err
	}
	return expectDigest(stream, strings.NewReader("before, and after"))
}

func manyStreams(p *peer, o scenarioOptions, r *scenarioResult) error {
	return inParallel(o.streams, func(i int) error {
		stream, err := p.open("digest\n")
		if err != nil {
			return err
		}
		var all bytes.Buffer
		for range o.count {
			if _, err := fmt.Fprintf(io.MultiWriter(stream, &all), "%08d", i); err != nil {
				return err
			}
		}
		return expectDigest(stream, &all)
	})
}

func pingPong(p *peer, o scenarioOptions, r *scenarioResult) error {
	return inParallel(o.streams, func(int) error {
		stream, err := p.open("echo\n")
		if err != nil {
			return err
		}
		buffer := make([]byte, 4)
		for range o.count {
			if _, err := stream.Write([]byte("ping")); err != nil {
				return err
			}
			if _, err := io.ReadFull(stream, buffer); err != nil || string(buffer) != "ping" {
				return fmt.Errorf("got %q, %w", buffer, err)
			}
			stream.Shrink()
		}
		if err := stream.Close(); err != nil {
			return err
		}
		rest, err := io.ReadAll(stream)
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("%d bytes too many", len(rest))
		}
		return err
	})
}

// halfClose has the peer half-close first and sends afterwards.
func halfClose(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("half-close\n")
	if err != nil {
		return err
	}
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		return fmt.Errorf("expected an end at once, got %q, %w", rest, err)
	}
	if err := writePattern(stream, o.bytes, o.frame); err != nil {
		return err
	}
	return stream.Close()
}

// halfCloseSessionShutdown fills a window, half-closes and ends the session at once; the peer must lose nothing.
func halfCloseSessionShutdown(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open("half-close\n")
	if err != nil {
		return err
	}
	if err := writePattern(stream, o.bytes, o.frame); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	// As in run.
	if _, err := p.Ping(); err != nil {
		return err
	}
	return p.Session.Close()
}

// backlogExceeded opens as many streams as the backlog has room for, none of which the peer acknowledges. The next one
// has to wait, until the peer ends the session.
func backlogExceeded(p *peer, o scenarioOptions, r *scenarioResult) error {
	for range o.count {
		if _, err := p.open("silent\nfoo"); err != nil {
			return err
		}
	}
	opened := make(chan error, 1)
	go func() {
		_, err := p.OpenStream()
		opened <- err
	}()
	select {
	case err := <-opened:
		return fmt.Errorf("opened beyond the backlog, %w", err)
	case <-time.After(100 * time.Millisecond):
	}
	report.Line(map[string]any{"event": "blocked"})
	select {
	case err := <-opened:
		// The peer's goodbye resets the others first, which makes room.
		if err != nil && !errors.Is(err, yamux.ErrSessionShutdown) {
			return err
		}
		return p.closed(o.wait)
	case <-time.After(o.wait):
		return errors.New("still blocked")
	}
}

// backlogExceededAccept opens five times the backlog while the peer acknowledges.
func backlogExceededAccept(p *peer, o scenarioOptions, r *scenarioResult) error {
	streams := make([]*conn, 0, o.count)
	for range o.count {
		stream, err := p.open("digest\nfoo")
		if err != nil {
			return err
		}
		streams = append(streams, stream)
	}
	for _, stream := range streams {
		if err := expectDigest(stream, bytes.NewReader([]byte("foo"))); err != nil {
			return err
		}
	}
	return nil
}

// keepAlive does nothing while the library pings.
func keepAlive(p *peer, o scenarioOptions, r *scenarioResult) error {
	time.Sleep(o.wait)
	if p.IsClosed() {
		return errors.New("a keepalive was not answered")
	}
	return echo(p, o, r)
}

// largeWindow has the peer fill a window of ours that nobody reads: it must know its size.
func largeWindow(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.open(fmt.Sprintf("fill %d\n", o.bytes))
	if err != nil {
		return err
	}
	// The peer answers on another stream once all was sent.
	if err := p.expect("filled\n", strconv.FormatInt(o.bytes, 10)); err != nil {
		return err
	}
	if err := stream.Close(); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, stream)
	if err == nil && n != o.bytes {
		err = fmt.Errorf("%d bytes", n)
	}
	return err
}

// partialRead fills the window of the peer, which reads a little more than half of it: exactly then there is room again.
func partialRead(p *peer, o scenarioOptions, r *scenarioResult) error {
	stream, err := p.OpenStream()
	if err != nil {
		return err
	}
	const window = 256 * 1024
	if _, err := fmt.Fprintf(stream, "read %d\n", window/2+1); err != nil {
		return err
	}
	// Whatever the peer grants above the first window, one that does not read stops us.
	_ = stream.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	sent, err := stream.Write(make([]byte, o.bytes))
	r.Detail = sent
	if !errors.Is(err, yamux.ErrTimeout) {
		return fmt.Errorf("wrote %d bytes to a peer that does not read, %w", sent, err)
	}
	_ = stream.SetWriteDeadline(time.Now().Add(o.wait))
	if err := p.expect("go on\n", "going on"); err != nil {
		return err
	}
	if _, err := stream.Write(make([]byte, window/2)); err != nil {
		return fmt.Errorf("no room after half was read: %w", err)
	}
	return p.expect("drop\n", "dropped")
}
