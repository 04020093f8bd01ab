package workloads

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ringbench/ringbench/backends"
)

// StreamConfig is what a server of a file is told.
type StreamConfig struct {
	Config
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"` // of the file, from its beginning, that a client is sent; -1: all that it has at the start
	// Protocol is HTTP or Raw, which "" stands for too.
	Protocol string `json:"protocol"`
}

// Check says what is wrong with the configuration, as its user sees it.
func (cfg StreamConfig) Check() error {
	if err := cfg.Config.Check(); err != nil {
		return err
	}
	if err := cfg.connects("a file goes out on connections"); err != nil {
		return err
	}
	if err := CheckProtocol(cfg.Protocol); err != nil {
		return err
	}
	if cfg.Path == "" {
		return errors.New("--file names no file to send")
	}
	f, err := cfg.open()
	if err == nil {
		f.Close()
	}
	return err
}

// open opens the file.
func (cfg StreamConfig) open() (*os.File, error) {
	f, err := os.Open(cfg.Path)
	var e *fs.PathError
	if errors.As(err, &e) {
		err = e.Err
	}
	if err != nil {
		return nil, fmt.Errorf("--file=%s: %w; name one that can be read", cfg.Path, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("--file=%s is no regular file; name one", cfg.Path)
	case info.Size() < cfg.Bytes:
		err = fmt.Errorf("--file=%s has %d bytes, fewer than the %d to be sent", cfg.Path, info.Size(), cfg.Bytes)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// StartStream starts a server of a file. By Raw it sends the file to each client
// that connects, reads nothing, and closes when all of it is on its way. By HTTP it
// answers each GET with the file, whatever the path, until the client closes or has
// asked for that; what is no GET, or has a body or more than requestMost bytes, is
// answered with 400 or 405 and the end. A file that cannot be read, or that has
// become shorter, is the end of the server: Failed tells of it.
func StartStream(cfg StreamConfig) (*Server, error) {
	f, err := cfg.open()
	if err != nil {
		return nil, err
	}
	if cfg.Bytes < 0 {
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		cfg.Bytes = info.Size()
	}
	cfg.Files = true
	var answers *replies
	if cfg.Protocol == HTTP {
		if answers, err = newReplies(cfg.Bytes); err != nil {
			return nil, err
		}
	}
	return start(cfg.Config, func(a *acceptor) func(int32) {
		l := &streamLoop{acceptor: a, loop: a.loop, file: f, bytes: cfg.Bytes, replies: answers, bufs: max(cfg.Bufs, 2)}
		return l.serve
	})
}

// A streamLoop is what one loop serves.
type streamLoop struct {
	*acceptor
	loop    backends.Loop // the acceptor's
	file    *os.File      // of all loops
	bytes   int64         // of it that are sent
	replies *replies      // of all loops; nil: clients do not ask
	free    *streamConn   // connections to use again
	sends   []*backends.Op
	held    int // buffers that connections have
	bufs    int // and how many the loop has
}

// A sender sends the file to one connection after the other, in one of the ways
// that the contract has for it.
type sender interface {
	// begin makes it ready for a connection; an error is want of descriptors.
	begin(to end) error
	// next sends bytes from off on, up to left of them, or some of those that it
	// has, and tells the connection by sent. It does not go on by itself.
	next(off, left int64)
	// end gives back what it holds, when none of its ops is in flight. If that
	// takes ops it is called again when they have ended.
	end()
}

// newSender is the way that suits the loop: by read and send into a buffer, unless
// the loop's own way is another or a variant asks for it.
func (l *streamLoop) newSender(c *streamConn) (sender, error) {
	switch t := l.server.traits; {
	case t.Sendfiling:
		return newMoving(c), nil
	case t.Splicing:
		return newSplicing(c), nil
	case t.Links:
		s, err := newLinked(c)
		if err != nil {
			return nil, err
		}
		return s, nil
	default:
		return newCopied(c), nil
	}
}

func (l *streamLoop) serve(fd int32) {
	c := l.free
	if c != nil {
		l.free = c.spare
	} else {
		c = newStreamConn(l)
	}
	c.start(fd)
}

// release takes back a connection that has ended.
func (l *streamLoop) release(c *streamConn) {
	c.spare, l.free = l.free, c
	l.ended()
}

// unreadable ends the server because of what became of a read at off.
func (l *streamLoop) unreadable(off int64, res backends.Result) {
	if err := res.Err(); err != nil {
		l.server.fail(fmt.Errorf("the file cannot be read at byte %d of the %d to be sent: %w", off, l.bytes, err))
		return
	}
	l.server.fail(fmt.Errorf("the file ends at byte %d of the %d to be sent: it has been made shorter", off+int64(res), l.bytes))
}
