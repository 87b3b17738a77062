package main

import (
	"slices"
	"syscall"
	"time"
)

type result struct {
	Wire         string  `json:"wire"`
	Role         string  `json:"role"`
	Case         string  `json:"case"`
	Streams      int     `json:"streams"`
	Size         int     `json:"size"`
	WindowMs     float64 `json:"windowMs"`
	Complete     bool    `json:"complete"`
	Bytes        int64   `json:"bytes"`
	Ops          int64   `json:"ops"`
	CPUUserMs    float64 `json:"cpuUserMs"`
	CPUSystemMs  float64 `json:"cpuSystemMs"`
	MaxRSSBytes  int64   `json:"maxRssBytes"`
	BytesPerS    float64 `json:"bytesPerSecond"`
	OpsPerS      float64 `json:"opsPerSecond"`
	CPUNsPerByte float64 `json:"cpuNsPerByte"`
	CPUUsPerOp   float64 `json:"cpuMicrosecondsPerOp"`
	P50Ms        float64 `json:"p50Ms,omitempty"`
	P99Ms        float64 `json:"p99Ms,omitempty"`
}

type sample struct {
	at           time.Time
	bytes, ops   int64
	user, system time.Duration
	rss          int64
	trips        int
}

func (c *counters) sample() sample {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	c.mutex.Lock()
	trips := len(c.trips)
	c.mutex.Unlock()
	return sample{
		trips: trips,
		at:    time.Now(), bytes: c.bytes.Load(), ops: c.ops.Load(), rss: usage.Maxrss * 1024,
		user: time.Duration(usage.Utime.Nano()), system: time.Duration(usage.Stime.Nano()),
	}
}

// measure waits out the warm-up and the window; stop cuts either short, and the result is then not complete.
func measure(o *options, c *counters, stop <-chan struct{}) result {
	complete := pause(o.warmup, stop)
	before := c.sample()
	complete = pause(o.window, stop) && complete
	after := c.sample()

	r := result{
		Wire: o.wire, Role: o.role, Case: o.kind, Streams: o.streams, Size: o.size,
		WindowMs: milliseconds(after.at.Sub(before.at)), Complete: complete,
		Bytes: after.bytes - before.bytes, Ops: after.ops - before.ops,
		CPUUserMs: milliseconds(after.user - before.user), CPUSystemMs: milliseconds(after.system - before.system),
		MaxRSSBytes: after.rss,
	}
	if r.WindowMs > 0 {
		r.BytesPerS = float64(r.Bytes) / r.WindowMs * 1000
		r.OpsPerS = float64(r.Ops) / r.WindowMs * 1000
	}
	cpu := r.CPUUserMs + r.CPUSystemMs
	if r.Bytes > 0 {
		r.CPUNsPerByte = cpu * 1e6 / float64(r.Bytes)
	}
	if r.Ops > 0 {
		r.CPUUsPerOp = cpu * 1e3 / float64(r.Ops)
	}
	c.mutex.Lock()
	trips := slices.Sorted(slices.Values(c.trips[before.trips:after.trips]))
	c.mutex.Unlock()
	if len(trips) > 0 {
		r.P50Ms = milliseconds(trips[len(trips)/2])
		r.P99Ms = milliseconds(trips[len(trips)*99/100])
	}
	return r
}

func pause(duration time.Duration, stop <-chan struct{}) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
