package uring

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
)

// Messages from another thread's ring arrive, in order, at the op that the port
// was made for; a file does too; and when that op has ended they go nowhere.
func TestMsgRing(t *testing.T) {
	eachTier(t, func(t *testing.T, b *Backend) {
		l := open(t, b, backends.Config{})
		if err := l.RegisterFiles(4); err != nil {
			t.Fatal(err)
		}
		inbox := begin(t, l, Inbox())
		nothingYet(t, l)
		to, f := l.Port(inbox), tempFile(t, "sent along")
		step, sent := make(chan bool), make(chan error)
		go func() { sent <- sender(b, to, f.Name(), step) }()
		for want := range 3 {
			if c := await(t, l, 1)[0]; c.Op != inbox || c.Res != backends.Result(want) || !c.More || !inbox.Lent() {
				t.Fatalf("message %d: %+v", want, c)
			}
		}
		buf := make([]byte, 20)
		if n := must(t, l, Read(2, buf, 0).Fixed()); string(buf[:n]) != "sent along" {
			t.Errorf("%q", buf[:n])
		}
		l.Submit(&backends.Op{Code: backends.Cancel, Target: inbox})
		await(t, l, 2)
		fresh := begin(t, l, Timeout(time.Hour, 0)) // takes the slot of the inbox
		step <- true
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		nothingYet(t, l)
		if !fresh.Lent() {
			t.Error("a message for the op before it ended this one")
		}
	})
}

// sender opens a loop of its own and sends a file, three messages, and one more
// when it is told.
func sender(b *Backend, to Port, file string, step chan bool) error {
	loop, err := b.Open(backends.Config{})
	if err != nil {
		return err
	}
	defer loop.Close()
	l := loop.(*Loop)
	dst := make([]backends.Completion, 1)
	run := func(r *Request) error {
		if err := l.SubmitRequest(&backends.Op{}, r); err != nil {
			return err
		}
		if n, err := l.Wait(dst, 1, -1); n != 1 || err != nil {
			return err
		}
		return dst[0].Res.Err()
	}
	if err := l.RegisterFiles(1); err != nil {
		return err
	}
	if err := run(OpenAt(unix.AT_FDCWD, file, unix.O_RDONLY, 0).Direct(0)); err != nil {
		return err
	}
	if err := run(MsgRingFile(to, 0, 2)); err != nil {
		return err
	}
	for i := range 3 {
		if err := run(MsgRing(to, int32(i))); err != nil {
			return err
		}
	}
	<-step
	return run(MsgRing(to, 99))
}
