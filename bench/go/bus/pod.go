package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"trunkline.dev/bench/process"
)

const (
	subject = "bench"
	// Followers say on it which event they have read last; with JetStream the stream says which it has.
	ackSubject   = "ack"
	startTimeout = 20 * time.Second
	retry        = 50 * time.Millisecond
	// What the stream keeps, as a log of ours does.
	streamEvents = 1000
)

// pod is a nats-server and a client on it.
type pod struct {
	jetStream bool
	options   *options
	// address of the routes to this server.
	address   string
	server    *server.Server
	client    *client
	directory string
	peers     int

	mutex  sync.Mutex
	room   *sync.Cond
	number int64
	heard  int64
	// last is what was heard and not acknowledged yet; belongs to whoever reads.
	last    string
	times   []int64
	timing  bool
	acked   map[string]int64
	settled int64
	answers chan string
}

func newPod(jetStream bool, o *options) *pod {
	p := &pod{jetStream: jetStream, options: o, acked: map[string]int64{}, answers: make(chan string, 1)}
	p.room = sync.NewCond(&p.mutex)
	return p
}

// reserve finds a free port for routes.
func (p *pod) reserve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.address = listener.Addr().String()
	return listener.Close()
}

// join starts the server with routes to all others, and the client.
func (p *pod) join(addresses []string) error {
	p.peers = len(addresses) - 1
	_, port, _ := net.SplitHostPort(p.address)
	clusterPort, _ := strconv.Atoi(port)
	o := &server.Options{
		ServerName: "pod-" + port, Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		PingInterval: time.Hour, Cluster: server.ClusterOpts{Name: "bench", Host: "127.0.0.1", Port: clusterPort},
	}
	for _, address := range addresses {
		if address != p.address {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: address})
		}
	}
	if p.jetStream {
		directory, err := os.MkdirTemp("", "bench-nats-")
		if err != nil {
			return err
		}
		p.directory, o.JetStream, o.StoreDir = directory, true, directory
	}
	var err error
	if p.server, err = server.NewServer(o); err != nil {
		return err
	}
	p.server.Start()
	if !p.server.ReadyForConnections(startTimeout) {
		return fmt.Errorf("nats-server did not start")
	}
	for end := time.Now().Add(startTimeout); p.server.NumRoutes() < p.peers; time.Sleep(retry) {
		if time.Now().After(end) {
			return fmt.Errorf("nats-server found no routes")
		}
	}
	if p.client, err = connect(p.server.Addr().String()); err != nil {
		return err
	}
	go p.client.read(p.message, p.drained)
	if p.jetStream {
		if err := p.makeStream(); err != nil {
			return err
		}
	}
	// Who publishes does not follow itself: it unsubscribes as soon as it is told to publish.
	p.client.send("SUB %s 1\r\n", subject)
	if p.jetStream {
		p.client.send("UNSUB 1\r\nSUB deliver.%s 1\r\n", port)
		consumer := map[string]any{
			"stream_name": subject,
			"config": map[string]any{
				"deliver_subject": "deliver." + port, "ack_policy": "none", "deliver_policy": "new",
				"max_deliver": 1, "mem_storage": true, "num_replicas": 1, "inactive_threshold": time.Hour,
			},
		}
		if err := p.request("$JS.API.CONSUMER.CREATE."+subject, consumer); err != nil {
			return err
		}
	}
	p.client.flush()
	return nil
}

// makeStream makes the replicated stream; the first one does, the others find it there.
func (p *pod) makeStream() error {
	p.client.send("SUB answer.%s 9\r\n", p.server.Name())
	return p.request("$JS.API.STREAM.CREATE."+subject, map[string]any{
		"name": subject, "subjects": []string{subject}, "num_replicas": p.peers + 1, "storage": "memory",
		"retention": "limits", "discard": "old", "max_msgs": streamEvents, "max_age": 5 * time.Minute,
	})
}

// request asks JetStream until it does not refuse: a cluster needs a while until it has leaders.
func (p *pod) request(subject string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	last := ""
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(retry) {
		p.client.publish(subject, "answer."+p.server.Name(), string(text))
		p.client.flush()
		select {
		case last = <-p.answers:
			if !strings.Contains(last, "\"error\"") {
				return nil
			}
		case <-time.After(time.Second):
		}
	}
	return fmt.Errorf("JetStream refuses: %s", last)
}

// publishes makes this the pod that publishes, and waits until all others hear it.
func (p *pod) publishes() error {
	p.client.send("UNSUB 1\r\nSUB %s.* 2\r\n", ackSubject)
	for end := time.Now().Add(startTimeout); ; time.Sleep(retry) {
		p.publish(stamped(p.options.size, p.next()))
		p.flush()
		p.mutex.Lock()
		heard := len(p.acked)
		p.mutex.Unlock()
		if heard >= p.wanted() {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d pods hear what is published", heard, p.peers)
		}
	}
}

// wanted is how many have to acknowledge: each follower, or the stream.
func (p *pod) wanted() int {
	if p.jetStream {
		return 1
	}
	return p.peers
}

func (p *pod) next() int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.number++
	return p.number
}

// publish sends an event, once there is room for it in flight.
func (p *pod) publish(data string) {
	p.mutex.Lock()
	for p.number-p.settled > int64(p.options.inFlight) && len(p.acked) >= p.wanted() {
		p.mutex.Unlock()
		p.client.flush()
		p.mutex.Lock()
		if p.number-p.settled > int64(p.options.inFlight) {
			p.room.Wait()
		}
	}
	p.mutex.Unlock()
	reply := ""
	if p.jetStream {
		reply = ackSubject + ".stream"
	}
	p.client.publish(subject, reply, data)
}

func (p *pod) flush() { p.client.flush() }

func (p *pod) message(on, data string) {
	switch {
	case strings.HasPrefix(on, "answer."):
		select {
		case p.answers <- data:
		default: // Nobody waits for it any more.
		}
	case strings.HasPrefix(on, ackSubject+"."):
		p.acknowledge(on, data)
	default:
		p.hear(data)
	}
}

// acknowledge notes how far a follower, or the stream, has got.
func (p *pod) acknowledge(on, data string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.jetStream {
		// One for each event, in order.
		p.acked[on]++
	} else if n, err := strconv.ParseInt(data, 10, 64); err == nil {
		p.acked[on] = n
	}
	if len(p.acked) < p.wanted() {
		return
	}
	least := int64(1) << 62
	for _, n := range p.acked {
		least = min(least, n)
	}
	p.settled = least
	p.room.Signal()
}

// hear counts an event.
func (p *pod) hear(data string) {
	stamp, _ := strconv.ParseInt(data[1:1+stampDigits], 10, 64)
	p.mutex.Lock()
	p.heard++
	if p.timing {
		p.times = append(p.times, process.Monotonic()-stamp)
	}
	p.mutex.Unlock()
	p.last = data[1+stampDigits : 1+2*stampDigits]
}

// drained says what was heard last, once for all that came with it.
func (p *pod) drained() {
	if p.last == "" || p.jetStream {
		return
	}
	p.client.publish(ackSubject+"."+p.server.Name(), "", strings.TrimLeft(p.last, "0"))
	p.client.flush()
	p.last = ""
}

func (p *pod) acknowledged() int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.settled
}

func (p *pod) received() int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.heard
}

// record begins or ends to note times, and returns those that were.
func (p *pod) record(on bool) []int64 {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	times := p.times
	p.timing, p.times = on, nil
	return times
}

func (p *pod) close() {
	if p.server != nil {
		p.server.Shutdown()
	}
	if p.directory != "" {
		_ = os.RemoveAll(p.directory)
	}
}
