// Package report prints machine-readable lines and watches for the parent to go away.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
)

var mutex sync.Mutex

// Line prints value as one JSON line on stdout.
func Line(value any) {
	mutex.Lock()
	defer mutex.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		Fatal(err)
	}
}

// Fatal prints the error on stderr and ends the process with status 2, which no test expects.
func Fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// Usage complains about the arguments and ends the process.
func Usage(format string, arguments ...any) {
	Fatal(fmt.Errorf(format, arguments...))
}

// StdinClosed returns a channel that is closed when the parent closes our stdin.
func StdinClosed() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	return done
}

// MaxRSS is the largest resident set of this process so far, in bytes.
func MaxRSS() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		Fatal(err)
	}
	return usage.Maxrss * 1024
}

// Text is err's message, or the empty string.
func Text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
