// Package digest counts and hashes what passes, and makes data whose digest both ends can know.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"sync/atomic"
)

// Writer counts and hashes everything written, and keeps the first KeepBytes of it.
type Writer struct {
	KeepBytes int
	// BeforeWrite, when set, runs before each write; it may block, which is how a slow reader is made.
	BeforeWrite func(written int64)

	kept  []byte
	count atomic.Int64
	hash  hash.Hash
}

func (w *Writer) Write(data []byte) (int, error) {
	if w.BeforeWrite != nil {
		w.BeforeWrite(w.count.Load())
	}
	if w.hash == nil {
		w.hash = sha256.New()
	}
	w.hash.Write(data)
	if room := w.KeepBytes - len(w.kept); room > 0 {
		w.kept = append(w.kept, data[:min(room, len(data))]...)
	}
	w.count.Add(int64(len(data)))
	return len(data), nil
}

// Bytes is how many were written.
func (w *Writer) Bytes() int64 { return w.count.Load() }

// Text is what was kept.
func (w *Writer) Text() string { return string(w.kept) }

// Sha256 is the digest in hexadecimal.
func (w *Writer) Sha256() string {
	if w.hash == nil {
		w.hash = sha256.New()
	}
	return hex.EncodeToString(w.hash.Sum(nil))
}

// Pattern is a reader of n bytes that repeat with a period of 64 KiB minus one, so that a lost, doubled or moved frame of
// a common size changes the digest: byte i is (i mod 65535) * 31 mod 251.
func Pattern(n int64) io.Reader { return io.LimitReader(&pattern{}, n) }

const period = 65535

var cycle = func() []byte {
	bytes := make([]byte, period)
	for i := range bytes {
		bytes[i] = byte(i * 31 % 251)
	}
	return bytes
}()

type pattern struct{ at int }

func (p *pattern) Read(into []byte) (int, error) {
	n := 0
	for n < len(into) {
		copied := copy(into[n:], cycle[p.at:])
		p.at = (p.at + copied) % period
		n += copied
	}
	return n, nil
}

// Of reads everything and returns its length and digest.
func Of(reader io.Reader) (int64, string, error) {
	var writer Writer
	_, err := io.CopyBuffer(struct{ io.Writer }{&writer}, struct{ io.Reader }{reader}, make([]byte, 64*1024))
	return writer.Bytes(), writer.Sha256(), err
}
