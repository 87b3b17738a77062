// Package standin behaves as the Go package go.skia.org/infra/go/sser does, as far as peers and clients can see. The package
// itself cannot be had from the module proxy. This one was written from a description of its behaviour, defects included:
// peers get one POST after the other, 100 ms each; the reader of the body is shared between them, and is not rewound after
// a POST that failed; event ids are places in a list of the pod; a message is written as it is.
//
// Unlike the original, it can listen on one address only, so that several pods find room on one machine, and the time for a
// POST can be set with the environment's SSER_TIMEOUT, so that a busy machine does not lose events as a busy pod would.
package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/r3labs/sse/v2"
)

const (
	// PeerEndpointURLPath is where peers post events.
	PeerEndpointURLPath = "/api/json/v1/send"
	// QueryParameterName names the stream in requests of clients.
	QueryParameterName = "stream"

	queueLength = 100
	dialTimeout = 50 * time.Millisecond
	postTimeout = 100 * time.Millisecond
	eventTTL    = 10 * time.Second
)

var errEmptyMessage = errors.New("you cannot send the empty string as a message over SSE")

// Event is what peers post.
type Event struct {
	Stream string `json:"stream"`
	Msg    string `json:"msg"`
}

// PeerFinder finds the addresses of all pods, the own one included.
type PeerFinder interface {
	Start(ctx context.Context) ([]string, <-chan []string, error)
}

// Server is a pod.
type Server struct {
	host     string
	port     int
	finder   PeerFinder
	streams  *sse.Server
	outgoing chan Event
	clients  map[string]*http.Client
	timeout  time.Duration
}

// New makes a pod that listens for peers on host and port.
func New(host string, port int, finder PeerFinder) *Server {
	streams := sse.New()
	streams.EventTTL = eventTTL
	timeout, err := time.ParseDuration(os.Getenv("SSER_TIMEOUT"))
	if err != nil {
		timeout = postTimeout
	}
	return &Server{
		host:     host,
		port:     port,
		finder:   finder,
		streams:  streams,
		outgoing: make(chan Event, queueLength),
		clients:  map[string]*http.Client{},
		timeout:  timeout,
	}
}

// Start opens the internal port and begins to send.
func (s *Server) Start(ctx context.Context) error {
	routes := http.NewServeMux()
	routes.HandleFunc(PeerEndpointURLPath, s.receive)
	listener, err := net.Listen("tcp", net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(listener, routes) }()
	addresses, changes, err := s.finder.Start(ctx)
	if err != nil {
		return err
	}
	s.setPeers(addresses)
	go func() {
		for {
			select {
			case addresses := <-changes:
				s.setPeers(addresses)
			case event := <-s.outgoing:
				s.post(event)
			}
		}
	}()
	return nil
}

// ClientConnectionHandler serves clients.
func (s *Server) ClientConnectionHandler(context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		stream := r.FormValue(QueryParameterName)
		if stream == "" {
			http.Error(w, "A stream name must be supplied", http.StatusBadRequest)
			return
		}
		if !s.streams.StreamExists(stream) {
			s.streams.CreateStream(stream)
		}
		s.streams.ServeHTTP(w, r)
	}
}

// Send has a message sent to all clients of all pods.
func (s *Server) Send(_ context.Context, stream string, msg string) error {
	if msg == "" {
		return errEmptyMessage
	}
	s.outgoing <- Event{Stream: stream, Msg: msg}
	return nil
}

func (s *Server) receive(w http.ResponseWriter, r *http.Request) {
	var event Event
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		http.Error(w, "invalid JSON", http.StatusBadRequest)
		return
	}
	s.streams.Publish(event.Stream, &sse.Event{Data: []byte(event.Msg)})
}

func (s *Server) setPeers(addresses []string) {
	clients := map[string]*http.Client{}
	for _, address := range addresses {
		// Without brackets for IPv6, as in the original.
		url := "http://" + address + ":" + strconv.Itoa(s.port) + PeerEndpointURLPath
		client, known := s.clients[url]
		if !known {
			dialer := net.Dialer{Timeout: min(dialTimeout, s.timeout)}
			client = &http.Client{
				Transport: &http.Transport{DialContext: dialer.DialContext},
				Timeout:   s.timeout,
			}
		}
		clients[url] = client
	}
	s.clients = clients
}

func (s *Server) post(event Event) {
	body, err := json.Marshal(event)
	if err != nil {
		return
	}
	reader := bytes.NewReader(body)
	for url, client := range s.clients {
		if _, err := client.Post(url, "application/json", reader); err != nil {
			continue
		}
		_, _ = reader.Seek(0, io.SeekStart)
	}
}
