package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringbench/ringbench/internal/load"
)

// A known server is an echo server whose slowness is known: the tests start it
// as a foreign command, and it notes what it really did.
//
//	known-delay PORT LOG SIZE   answers each message 5 ms after it came
//	known-stall PORT LOG SIZE   answers at once, and for 200 ms of every second not at all
type known struct {
	size int
	mu   sync.Mutex
	log  knownLog
	gate sync.RWMutex
}

// knownLog is what it did, in nanoseconds of CLOCK_MONOTONIC.
type knownLog struct {
	Delays []int64
	Stalls []stall
}

type stall struct{ From, To int64 }

const (
	knownDelay  = 5 * time.Millisecond
	stallLength = 200 * time.Millisecond
	stallPeriod = time.Second
)

// knownServer runs until SIGTERM and never returns.
func knownServer(args []string) {
	size, err := strconv.Atoi(args[3])
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	k := &known{size: size}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		k.mu.Lock() // and keep it: the log is closed
		b, err := json.Marshal(k.log)
		if err == nil {
			err = os.WriteFile(args[2], b, 0o600)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}()
	serve := k.gated
	if args[0] == "known-delay" {
		runtime.GOMAXPROCS(32) // a thread a connection, none waits for another's turn
		serve = k.delayed
	} else {
		go k.stall()
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go serve(c.(*net.TCPConn))
	}
}

// delayed answers each message when the delay has passed. It is a thread that
// makes blocking calls, so that little comes on top of what it notes.
func (k *known) delayed(c *net.TCPConn) {
	runtime.LockOSThread()
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	f, err := c.File()
	if err != nil {
		panic(err)
	}
	defer f.Close()
	c.Close()
	fd := int(f.Fd())
	if err := unix.SetNonblock(fd, false); err != nil {
		panic(err)
	}
	b := make([]byte, k.size)
	for {
		n, err := unix.Read(fd, b)
		came := load.Monotonic()
		if err == unix.EINTR {
			continue
		}
		if err != nil || n != len(b) { // so small a message comes whole
			return
		}
		wake := unix.NsecToTimespec(came + int64(knownDelay))
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &wake, nil) == unix.EINTR {
		}
		took := load.Monotonic() - came
		if _, err := unix.Write(fd, b); err != nil {
			return
		}
		k.mu.Lock()
		k.log.Delays = append(k.log.Delays, took)
		k.mu.Unlock()
	}
}

func (k *known) gated(c *net.TCPConn) {
	defer c.Close()
	b := make([]byte, k.size)
	for {
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		k.gate.RLock()
		c.Write(b)
		k.gate.RUnlock()
	}
}

// stall shuts the gate for a part of every second.
func (k *known) stall() {
	next := load.Monotonic() + int64(stallPeriod)/2
	for {
		time.Sleep(time.Duration(next - load.Monotonic()))
		k.gate.Lock()
		s := stall{From: load.Monotonic()}
		time.Sleep(time.Duration(next + int64(stallLength) - load.Monotonic()))
		s.To = load.Monotonic()
		k.gate.Unlock()
		k.mu.Lock()
		k.log.Stalls = append(k.log.Stalls, s)
		k.mu.Unlock()
		next += int64(stallPeriod)
	}
}

// median of the delays that it really took.
func (l *knownLog) median() float64 {
	d := slices.Clone(l.Delays)
	slices.Sort(d)
	return float64(d[len(d)/2])
}

// slower is the fraction of messages, offered evenly at any rate, that a
// message stalls for longer than x: those due before the last x of a stall.
func (l *knownLog) slower(x time.Duration) float64 {
	var sum float64
	for _, s := range l.Stalls {
		sum += max(0, float64(s.To-s.From)-float64(x))
	}
	return sum / float64(len(l.Stalls)) / float64(stallPeriod)
}
