// Package process has what the programs of the benchmark measure and print.
package process

import (
	"encoding/json"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// Print writes a line of JSON to stdout.
func Print(value any) { _ = json.NewEncoder(os.Stdout).Encode(value) }

// Milliseconds is so many of them.
func Milliseconds(count int) time.Duration { return time.Duration(count) * time.Millisecond }

// ToMs is a duration in milliseconds.
func ToMs(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

const clockMonotonic = 1

// Monotonic returns microseconds of the clock that all processes share.
func Monotonic() int64 {
	var now syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano() / 1000
}

// CPU returns the user and system time of this process.
func CPU() [2]time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return [2]time.Duration{time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano())}
}
