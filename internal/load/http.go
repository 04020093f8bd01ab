package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/ringbench/ringbench/backends"
)

// headMost is how many bytes the head of an answer may have.
const headMost = 16 << 10

// asks is what a client that asks for files by HTTP sends, and what it demands.
type asks struct {
	request []byte // in memory that may be lent
	length  []byte // of the file, in decimal
	arena   *backends.Arena
}

func newAsks(path string, fileBytes int64) (*asks, error) {
	request := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	arena, err := backends.NewArena(len(request))
	if err != nil {
		return nil, err
	}
	a := &asks{arena.Bytes(len(request)), strconv.AppendInt(nil, fileBytes, 10), arena}
	copy(a.request, request)
	return a, nil
}

// takeHead takes the head of an answer, or more of it, from what has come, and
// returns what is of the file. One that is wrong ends the load.
func (v *visit) takeHead(b []byte) (file []byte) {
	head := b
	if len(v.head) > 0 {
		v.head = append(v.head, b...)
		head = v.head
	}
	n := bytes.Index(head, []byte("\r\n\r\n"))
	if n < 0 {
		if len(v.head) == 0 {
			v.head = append(v.head, b...)
		}
		if len(v.head) > headMost {
			v.worker.fail(fmt.Errorf("connection %d: the head of the server's answer does not end within %d bytes", v.serial, headMost))
		}
		return nil
	}
	if err := v.worker.g.asks.judge(head[:n]); err != nil {
		v.worker.fail(fmt.Errorf("connection %d: %w", v.serial, err))
		return nil
	}
	rest := len(head) - n - 4
	v.headed, v.head = true, v.head[:0]
	return b[len(b)-rest:]
}

// judge is nil for the head of an answer that the file follows, as it is.
func (a *asks) judge(head []byte) error {
	status, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.")) || len(status) < 12 || string(status[8:12]) != " 200" {
		return fmt.Errorf("the server answers %.60q to %.60q", status, a.request[:len(a.request)-len("\r\n\r\n")])
	}
	known := false
	for len(fields) > 0 {
		var line []byte
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if !bytes.Equal(value, a.length) {
				return fmt.Errorf("the server gives %.20s as the file's Content-Length, which is %s", value, a.length)
			}
			known = true
		case bytes.EqualFold(name, []byte("transfer-encoding")), bytes.EqualFold(name, []byte("content-encoding")):
			return fmt.Errorf("the server sends the file in another form: %.60q", line)
		}
	}
	if !known {
		return errors.New("the server gives no Content-Length")
	}
	return nil
}
