package uring

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/testenv"
	"github.com/ringbench/ringbench/internal/uapi"
)

// everyRequest has a request of every operation, with arguments that make the
// kernel answer at once; timer and poll are lent.
func everyRequest(timer, poll *backends.Op) []*Request {
	const fd, name = -1, "/none/none"
	buf, bufs, msg, addr, word := make([]byte, 1), [][]byte{{0}}, &Message{Bufs: [][]byte{{0}}}, &backends.Addr{Len: 16}, new(uint32)
	return []*Request{
		Nop(0), Read(fd, buf, 0), Write(fd, buf, 0), Readv(fd, bufs, 0, 0), Writev(fd, bufs, 0, 0),
		Read(fd, buf, 0).FixedBuffer(0), Write(fd, buf, 0).FixedBuffer(0),
		Readv(fd, bufs, 0, 0).FixedBuffer(0), Writev(fd, bufs, 0, 0).FixedBuffer(0), ReadMulti(fd),
		Fsync(fd), SyncFileRange(fd, 0, 0, 0), Fallocate(fd, 0, 0, 1), Ftruncate(fd, 0), Fadvise(fd, 0, 0, 0), Madvise(nil, 0),
		Splice(fd, -1, fd, -1, 1, 0), Tee(fd, fd, 1, 0), Pipe(new([2]int32), math.MaxInt32), CloseFD(fd),
		OpenAt(fd, name, 0, 0), OpenAt2(fd, name, unix.OpenHow{}), Statx(fd, name, 0, 0, new(unix.Statx_t)),
		RenameAt(fd, name, fd, name, 0), UnlinkAt(fd, name, 0), MkdirAt(fd, name, 0), SymlinkAt(name, fd, name), LinkAt(fd, name, fd, name, 0),
		SetXattr(name, "user.x", buf, 0), GetXattr(name, "user.x", buf), FsetXattr(fd, "user.x", buf, 0), FgetXattr(fd, "user.x", buf),
		Socket(math.MaxInt16, 0, 0), Bind(fd, addr), Connect(fd, addr), Listen(fd, 1), Accept(fd, addr, 0), ShutdownFD(fd, 0),
		SendMsg(fd, msg, 0), SendMsg(fd, msg, 0).ZeroCopy(), RecvMsg(fd, msg, 0), SocketInq(fd),
		Timeout(0, 0), UpdateTimeout(timer, time.Hour), LinkTimeout(0), Poll(fd, unix.POLLIN), UpdatePoll(poll, unix.POLLPRI),
		EpollCtl(fd, unix.EPOLL_CTL_DEL, fd, new(unix.EpollEvent)), EpollWait(fd, make([]unix.EpollEvent, 1)),
		Waitid(unix.P_PID, math.MaxInt32, new(unix.Siginfo), unix.WEXITED),
		FutexWait(Futex{Word: word, Value: 1}), FutexWake(Futex{Word: word}, 1), FutexWaitv(Futex{Word: word, Value: 1}),
		CancelFD(fd), InstallFD(0), UpdateFiles(0, []int32{-1}), MsgRing(Port{ring: fd}, 0),
	}
}

// outOfReach are the operations that nothing here submits.
var outOfReach = map[int]string{
	uapi.OpRecvZC:      "needs a queue of a network card that splits headers from data",
	uapi.OpNop128:      "needs a ring of large entries",
	uapi.OpUringCmd128: "needs a ring of large entries",
}

// byTheLoop are the operations that loops submit for the contract's ops, or for
// themselves, and no Request stands for.
func byTheLoop(t *testing.T) (all []uapi.SQE) {
	t.Helper()
	for name, flags := range map[string]backends.Flags{"uring+provide": 0, "uring+zc": backends.ZeroCopy} {
		l, p := openTapped(t, name, backends.Config{Bufs: 4})
		here, far := socketpair(t)
		l.Submit(&backends.Op{Code: backends.Recv, Flags: backends.SelectBuf, FD: here})
		send := &backends.Op{Code: backends.Send, Flags: flags, FD: far, Buf: []byte{1}}
		l.Submit(send)
		for _, c := range await(t, l, 2) {
			if c.Res != 1 {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		all = append(all, p.seen...)
	}
	return all
}

// The kernel calls every request what the table of operations calls it, and
// every operation is to be had.
func TestEveryOperation(t *testing.T) {
	l := defaultLoop(t, backends.Config{})
	here, _ := socketpair(t)
	timer, poll := begin(t, l, Timeout(time.Hour, 0)), begin(t, l, Poll(int(here), unix.POLLPRI))
	nothingYet(t, l)
	names := traceSubmissions(t)
	var want []string
	reached := map[int]bool{}
	for _, r := range everyRequest(timer, poll) {
		code := int(r.sqe.Opcode)
		reached[code] = true
		op := &backends.Op{}
		if l.SubmitRequest(op, r) != nil {
			continue // the other tests look at refusals
		}
		name := opcodes[code].name
		if name == "EPOLL_CTL" {
			name = "EPOLL" // what io_uring/opdef.c has for it
		}
		want = append(want, name)
		for op.Lent() { // a message without copies completes twice
			if c := await(t, l, 1)[0]; c.Op != op {
				t.Fatalf("%s: %+v", opcodes[code].name, c)
			}
		}
	}
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("the kernel was asked for %v\nand not for        %v", got, want)
	}
	for _, e := range byTheLoop(t) {
		reached[int(e.Opcode)] = true
	}
	for code, o := range opcodes {
		if why := outOfReach[code]; reached[code] == (why != "") {
			t.Errorf("%s: reached %v, although %q", o.name, reached[code], why)
		}
	}
}

// traceSubmissions records which operations this thread asks its rings for, as
// the kernel names them, each request once.
func traceSubmissions(t *testing.T) (names func() []string) {
	t.Helper()
	testenv.Need(t, "root", testenv.Root())
	dir := filepath.Join("/sys/kernel/tracing/instances", fmt.Sprintf("ringbench-ops-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o700); err != nil {
		testenv.Need(t, "root", err)
	}
	write := func(file, s string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(s), 0); err != nil {
			t.Error(err)
		}
	}
	// A request that the kernel finds fault with before it starts shows only in the second.
	events := []string{"events/io_uring/io_uring_submit_req/enable", "events/io_uring/io_uring_req_failed/enable"}
	t.Cleanup(func() {
		for _, e := range events {
			write(e, "0")
		}
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	write("set_event_pid", strconv.Itoa(unix.Gettid()))
	for _, e := range events {
		write(e, "1")
	}
	line := regexp.MustCompile(`user_data 0x([0-9a-f]+), opcode (\w+)`)
	return func() (list []string) {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, "trace"))
		if err != nil {
			t.Fatal(err)
		}
		last := "0" // the loop's own have user_data 0
		for _, m := range line.FindAllStringSubmatch(string(b), -1) {
			if m[1] != "0" && m[1] != last {
				list, last = append(list, m[2]), m[1]
			}
		}
		return list
	}
}
