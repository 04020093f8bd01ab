package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/ringbench/ringbench/internal/load"
)

// A known server is an echo server whose slowness is known: the tests start it
// as a foreign command, and it notes what it really did.
//
//	known-stall PORT LOG SIZE    answers at once, and for stallLength of every stallPeriod not at all
//	known-serial PORT LOG SIZE   takes 5 ms for each message, one after the other
//
// testdata/delay.c is another, which answers each message 5 ms after it came.
type known struct {
	size int
	mu   sync.Mutex
	log  knownLog
	gate sync.RWMutex
	// begun is that the first message has come.
	begun sync.Once
}

// knownLog is what it did, in nanoseconds of CLOCK_MONOTONIC.
type knownLog struct {
	First  int64 // message came
	Stalls []stall
	Served int   // messages
	Busy   int64 // by them
}

type stall struct{ From, To int64 }

// They are those of its environment in the server, see longStalls.
var stallLength, stallPeriod = 200 * time.Millisecond, time.Second

// longStalls makes stalls longer and rarer, here and in servers to come.
func longStalls() {
	os.Setenv("KNOWN_STALLS", "long")
	stallLength, stallPeriod = 500*time.Millisecond, 5*time.Second
}

// knownServer runs until SIGTERM and never returns.
func knownServer(args []string) {
	if os.Getenv("KNOWN_STALLS") != "" {
		longStalls()
	}
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
	if args[0] == "known-serial" {
		serve = k.serial
	} else {
		go k.stall()
	}
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go serve(c)
	}
}

// gated answers all that has come at once: were the messages of a stall answered
// one by one, the last would wait for milliseconds after it.
func (k *known) gated(c net.Conn) {
	defer c.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		k.begun.Do(func() {
			k.mu.Lock()
			k.log.First = load.Monotonic()
			k.mu.Unlock()
		})
		k.gate.RLock()
		c.Write(b[:n])
		k.gate.RUnlock()
	}
}

func (k *known) serial(c net.Conn) {
	defer c.Close()
	b := make([]byte, k.size)
	for {
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		k.mu.Lock()
		from := load.Monotonic()
		time.Sleep(5 * time.Millisecond)
		k.log.Served++
		k.log.Busy += load.Monotonic() - from
		k.mu.Unlock()
		c.Write(b)
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

// waits are how long messages, on one loop of the client, have to wait for the end
// of the stall in which they are due, in order: of those that are answered within
// the window if nothing else delays them.
func (l *knownLog) waits(o Options) (all []time.Duration) {
	rng := rand.New(rand.NewPCG(o.Seed, 0x61727269)) // what package load draws arrivals of
	rng.ExpFloat64()                                 // the first
	interval := 1e9 / o.echo().Rates[0]
	open := float64(l.First + int64(o.Warmup))
	end := open + float64(o.Duration)
	for due := float64(l.First); ; {
		answered := due
		for _, s := range l.Stalls {
			if float64(s.From) <= due && due < float64(s.To) {
				answered = float64(s.To)
			}
		}
		switch {
		case due >= end:
			slices.Sort(all)
			return all
		case answered >= open && answered < end:
			all = append(all, time.Duration(answered-due))
		}
		gap := 1.0
		if o.echo().Arrivals != ArrivalsConstant {
			gap = rng.ExpFloat64()
		}
		due += gap * interval
	}
}

// percentile is that of waits in order, of the rank that HdrHistogram gives it.
func percentile(waits []time.Duration, p float64) time.Duration {
	return waits[int(p/100*float64(len(waits))+0.5)-1]
}

// longer is the fraction of waits longer than x.
func longer(waits []time.Duration, x time.Duration) float64 {
	i, _ := slices.BinarySearch(waits, x+1)
	return float64(len(waits)-i) / float64(len(waits))
}
