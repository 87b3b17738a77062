package main

import (
	"fmt"
	"net"
	"net/http"
	"sync"
)

// Events that may wait for one client.
const channelSize = 16

// hub is what one writes by hand with net/http: a goroutine and a channel for each client.
type hub struct {
	listener net.Listener
	mutex    sync.Mutex
	clients  map[chan []byte]struct{}
	last     int
}

func serveSSE() (broadcaster, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &hub{listener: listener, clients: map[chan []byte]struct{}{}}
	go func() { _ = http.Serve(listener, h) }()
	return h, nil
}

func (h *hub) address() string { return h.listener.Addr().String() }

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	flusher := w.(http.Flusher)
	events := make(chan []byte, channelSize)
	h.mutex.Lock()
	h.clients[events] = struct{}{}
	h.mutex.Unlock()
	defer func() {
		h.mutex.Lock()
		delete(h.clients, events)
		h.mutex.Unlock()
	}()
	w.WriteHeader(http.StatusOK)
	flusher.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case event := <-events:
			if _, err := w.Write(event); err != nil {
				return
			}
			flusher.Flush()
		}
	}
}

// broadcast waits for clients whose channel is full.
func (h *hub) broadcast(data []string) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, one := range data {
		h.last++
		event := fmt.Appendf(nil, "id: %d\ndata: %s\n\n", h.last, one)
		for client := range h.clients {
			client <- event
		}
	}
	return len(data) * len(h.clients)
}
