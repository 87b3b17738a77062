package main

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/hashicorp/yamux"
	"github.com/vmihailenco/msgpack/v5"
)

const version, accepted, refused = 1, 0, 1

type headers map[string][]string

// writeBlock writes a byte, a 16-bit length and the msgpack of value.
func writeBlock(to io.Writer, first byte, value any) error {
	body, err := msgpack.Marshal(value)
	if err != nil {
		return err
	}
	_, err = to.Write(append(binary.BigEndian.AppendUint16([]byte{first}, uint16(len(body))), body...))
	return err
}

func readByte(from io.Reader) (byte, error) {
	var one [1]byte
	_, err := io.ReadFull(from, one[:])
	return one[0], err
}

// readBody reads what follows the first byte.
func readBody(from io.Reader, value any) error {
	var length [2]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(from, body); err != nil {
		return err
	}
	return msgpack.Unmarshal(body, value)
}

// open opens a stream with headers; data may be written at once, before awaitReply.
func open(session *yamux.Session, h headers) (*yamux.Stream, error) {
	stream, err := session.OpenStream()
	if err != nil {
		return nil, err
	}
	return stream, writeBlock(stream, version, h)
}

// awaitReply reads the peer's verdict; the rest of the stream is data.
func awaitReply(stream *yamux.Stream) error {
	first, err := readByte(stream)
	if err != nil || first == accepted {
		return err
	}
	var why []string
	if err := readBody(stream, &why); err != nil {
		return err
	}
	return fmt.Errorf("refused: %q", why)
}

// serve reads the headers, and echoes or refuses.
func serve(stream *yamux.Stream) error {
	defer stream.Close()
	h := headers{}
	if first, err := readByte(stream); err != nil || first != version {
		return fmt.Errorf("version %d, %w", first, err)
	}
	if err := readBody(stream, &h); err != nil {
		return err
	}
	if why, ok := h["refuse"]; ok {
		return writeBlock(stream, refused, why)
	}
	if _, err := stream.Write([]byte{accepted}); err != nil {
		return err
	}
	fmt.Fprintf(stream, "%v|", h["x-name"])
	_, err := io.Copy(stream, stream)
	return err
}
