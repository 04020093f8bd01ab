package load

import (
	"fmt"
	"math"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/internal/pattern"
	"github.com/ringbench/ringbench/internal/result"
)

// A schedule is all that the pacers of a generator make due within a time.
func schedule(conns, loops int, rate float64, arrivals Arrivals, length int64) (due []int64) {
	g := &Generator{cfg: Config{Rate: rate, Arrivals: arrivals, Conns: conns, Seed: 1}, workers: make([]*worker, loops)}
	for w := range loops {
		k := &worker{g: g, index: w, window: Window{Start: 1e12}}
		g.workers[w] = k
		for i := w; i < conns; i += loops {
			k.conns = append(k.conns, &conn{worker: k, index: i})
		}
		p := newPacer(k)
		for i := int64(0); ; i++ {
			// The generator takes both: when a message of the worker is
			// due, and when that of its connection was.
			at := p.At(i)
			if own := p.due(k.conns[i%int64(len(k.conns))]); own != at {
				panic(fmt.Sprintf("message %d of worker %d is due at %d and at %d", i, w, at, own))
			}
			if at >= 1e12+length {
				break
			}
			due = append(due, at-1e12)
		}
	}
	slices.Sort(due)
	return due
}

// What two loads of one moment offer is as even together as each by itself, and what they
// draw is not the same.
func TestLoadsOfAMomentTakeTurns(t *testing.T) {
	const rate, workers, n = 1000, 2, 50
	for _, arrivals := range []Arrivals{Constant, Poisson} {
		var all []int64
		for turn := range 2 {
			for i := range workers {
				p := NewPacer(Window{Start: 1e9, Turn: turn, Turns: 2}, rate/workers, arrivals, 7, i, workers)
				for k := range int64(n) {
					all = append(all, p.At(k)-1e9)
				}
			}
		}
		slices.Sort(all)
		for i, at := range all {
			if i == 0 {
				continue
			}
			if gap, want := float64(at-all[i-1]), 1e9/(2*rate); arrivals == Constant && math.Abs(gap-want) > want/1000+3 {
				t.Fatalf("message %d of both is due %v ns after the one before, not %v", i, gap, want)
			}
			if at == all[i-1] {
				t.Fatalf("%q: two are due at %d", arrivals, at)
			}
		}
	}
}

// The offered rate is the one asked for, whatever connections and loops it is
// spread over, in any stretch of time, and evenly where the loops have equal
// shares.
func TestScheduleIsExactAndEven(t *testing.T) {
	for _, c := range []struct {
		conns, loops int
		rate         float64
	}{{1, 1, 1000}, {16, 1, 333.3}, {16, 2, 50_000}, {5, 2, 1000}, {7, 3, 12_345}, {1000, 4, 100}} {
		const length = 3e9
		due := schedule(c.conns, c.loops, c.rate, Constant, length)
		if want := c.rate * length / 1e9; math.Abs(float64(len(due))-want) > float64(c.loops) {
			t.Errorf("%+v: %d messages in 3 s, want %.1f", c, len(due), want)
		}
		for at := int64(0); at < length; at += 1e9 {
			lo, _ := slices.BinarySearch(due, at)
			hi, _ := slices.BinarySearch(due, at+1e9)
			if got := float64(hi - lo); math.Abs(got-c.rate) > 2*float64(c.loops)+1 {
				t.Errorf("%+v: %v messages in the second from %d ns", c, got, at)
			}
		}
		if c.conns%c.loops != 0 {
			continue
		}
		for i := 1; i < len(due); i++ {
			if gap := float64(due[i] - due[i-1]); math.Abs(gap-1e9/c.rate) > 1e6/c.rate+3 { // 0.1 %, and rounding to whole ns
				t.Fatalf("%+v: messages %d and %d are %v ns apart, not %v", c, i-1, i, gap, 1e9/c.rate)
			}
		}
	}
}

// Whatever is sampled at even times finds constant arrivals at every point between two
// of them as often as at any other, also where it is in step with their rate.
func TestConstantArrivalsKeepStepWithNothing(t *testing.T) {
	const length, parts = 4e9, 8
	for _, c := range []struct {
		rate float64
		hz   int64
	}{{5000, 250}, {40_000, 250}, {40_000, 1000}, {1000, 250}, {1000, 100}, {500, 1000}} {
		p := NewPacer(Window{Start: 1e9}, c.rate, Constant, 1, 0, 1)
		var found [parts]int
		i := int64(0)
		for tick := int64(1e6); tick < length; tick += 1e9 / c.hz {
			for p.At(i+1) <= 1e9+tick {
				i++
			}
			found[int(float64(1e9+tick-p.At(i))*c.rate/1e9*parts)%parts]++
		}
		all := length / 1e9 * float64(c.hz)
		for part, n := range found {
			if want := all / parts; math.Abs(float64(n)-want) > want/4+3 {
				t.Errorf("%v a second, %d ticks: %d of %v find part %d of %d between two arrivals: %v", c.rate, c.hz, n, all, part, parts, found)
			}
		}
	}
}

// Poisson arrivals, of one loop and of several together: gaps are exponential by
// their mean, their variance and the Kolmogorov-Smirnov distance, and arrivals in
// stretches of time spread as much as their number, also in long ones.
func TestPoissonArrivals(t *testing.T) {
	for _, c := range []struct {
		conns, loops int
		rate         float64
	}{{16, 1, 100_000}, {5, 2, 50_000}, {64, 4, 400_000}} {
		const length, stretch = 2e9, 10e6
		due := schedule(c.conns, c.loops, c.rate, Poisson, length)
		n := float64(len(due))
		if want := c.rate * length / 1e9; math.Abs(n-want) > 4*math.Sqrt(want) {
			t.Errorf("%+v: %v messages in 2 s, want %v", c, n, want)
		}
		gaps := make([]float64, len(due))
		stretches := make([]float64, int(length/stretch))
		var before int64
		var sum, squares float64
		for i, at := range due {
			gaps[i] = float64(at-before) / 1e9 * c.rate // in units of the mean
			before = at
			sum += gaps[i]
			squares += gaps[i] * gaps[i]
			stretches[int(at/stretch)]++
		}
		// The variance of an exponential's sample variance is 8/n.
		if mean, variance := sum/n, squares/n-sum/n*sum/n; math.Abs(mean-1) > 4/math.Sqrt(n) || math.Abs(variance-1) > 4*math.Sqrt(8/n) {
			t.Errorf("%+v: the gaps have mean %v and variance %v, want 1 and 1", c, mean, variance)
		}
		slices.Sort(gaps)
		var distance float64
		for i, g := range gaps {
			f := 1 - math.Exp(-g)
			distance = max(distance, f-float64(i)/n, float64(i+1)/n-f)
		}
		// One sample in a thousand is farther off than 1.95/√n.
		if rounding := c.rate / 1e9; distance > 1.95/math.Sqrt(n)+rounding {
			t.Errorf("%+v: the gaps are %v from the exponential distribution", c, distance)
		}
		var dispersion float64
		want := c.rate * stretch / 1e9
		for _, k := range stretches {
			dispersion += (k - want) * (k - want) / want
		}
		// χ² of as many degrees of freedom as there are stretches.
		if d := float64(len(stretches)); math.Abs(dispersion-d) > 4*math.Sqrt(2*d) {
			t.Errorf("%+v: χ² of %v stretches is %v", c, d, dispersion)
		}
	}
}

// An arrival is the same whenever it is asked for: connections lag behind.
func TestPoissonArrivalsAgain(t *testing.T) {
	const n = 3 * arrivalsBlock * arrivalsHeld
	p := newPoisson(7, 1)
	first := make([]float64, n)
	for i := range first {
		first[i] = p.at(int64(i))
	}
	for i := int64(0); i < n; i += 997 {
		for _, i := range []int64{i, n - 1 - i} {
			if at := p.at(i); at != first[i] {
				t.Fatalf("arrival %d was at %v and is at %v", i, first[i], at)
			}
		}
	}
	if newPoisson(8, 1).at(0) == first[0] || newPoisson(7, 0).at(0) == first[0] {
		t.Error("another seed, or another worker, has the same arrivals")
	}
}

// Each time that the loop is asked, all that was due when it was left has been
// sent, and nothing that is not due: the rate that is asked for is offered.
func TestWhatIsDueIsSent(t *testing.T) {
	const rate = 40_000
	for _, spin := range []bool{true, false} {
		l := &slowLoop{}
		k := onSlowLoop(t, Config{Conns: 3, Size: 1, Pipeline: 100_000, Rate: rate, Spin: spin}, l)
		due := func(at int64) uint64 { // or one less, as they drift
			return uint64(float64(at-k.window.Start)*rate/1e9) + 1
		}
		left := k.window.Start // when the wait before ended, or a little earlier
		waits := 0
		l.onWait = func() {
			now := backends.Nanotime()
			if k.sent+2 < due(left) || k.sent > due(now) { // rounding
				t.Fatalf("%d messages have been sent when %d to %d were due", k.sent, due(left), due(now))
			}
			left = now
			if waits++; waits > 1000 && k.sent > 100 {
				k.stopping.Store(true)
			}
		}
		if err := k.openLoop(); err != nil {
			t.Fatal(err)
		}
		if k.offered+2 < due(left) || k.offered > due(backends.Nanotime()) {
			t.Errorf("%d messages count as offered, %d to %d were due", k.offered, due(left), due(backends.Nanotime()))
		}
	}
}

// A server that answers at once notes when each message arrives: none is early,
// and each connection has its turn.
func TestOfferedRateAsTheServerSeesIt(t *testing.T) {
	const size, conns, pipeline, rate = 64, 10, 8, 2000.0
	for _, c := range []struct {
		backend  string
		arrivals Arrivals
	}{{"epoll", Constant}, {"uring", Constant}, {"epoll", Poisson}} {
		t.Run(c.backend+string(c.arrivals), func(t *testing.T) {
			lookup(t, c.backend)
			var mu sync.Mutex
			var arrivals []int64
			perConn := make([]int, conns)
			s := startReference(t, func(n int, _ int64, b []byte) []byte {
				mu.Lock()
				defer mu.Unlock()
				for range len(b) / size {
					arrivals = append(arrivals, Monotonic())
				}
				perConn[n] += len(b) / size
				return b
			})
			r := begin(t, Config{Backend: c.backend, Address: s.addr(), Conns: conns, Size: size, Pipeline: 1000, Rate: rate, Arrivals: c.arrivals, Seed: 1}) // none holds another up
			r.until(t, 500)
			report := r.end(t)
			s.drained(t, conns)
			mu.Lock()
			defer mu.Unlock()
			if uint64(len(arrivals)) != report.Sent {
				t.Fatalf("%d messages arrived, %d were sent", len(arrivals), report.Sent)
			}
			slices.Sort(arrivals)
			due := schedule(conns, 1, rate, c.arrivals, arrivals[len(arrivals)-1]-r.window.Start+1e9)
			for i, at := range arrivals {
				if from := r.window.Start + due[i]; at < from-1000 { // two clocks, read apart
					t.Fatalf("message %d arrived %v before it was due", i, time.Duration(from-at))
				}
			}
			if hi, lo := slices.Max(perConn), slices.Min(perConn); hi-lo > 1 {
				t.Errorf("connections had %v messages each", perConn)
			}
		})
	}
}

// A message that took longer than a histogram holds is in it all the same, and
// counted as one that did not fit.
func TestTooLongForTheHistogram(t *testing.T) {
	g := &Generator{cfg: Config{Conns: 1, Pipeline: 1, Rate: 1}, pattern: &pattern.Pattern{}}
	k := newWorker(g, lookup(t, "null"), 0, 1, []int32{0})
	k.now = 500e9
	k.window = Window{Close: 1000e9}
	c := k.conns[0]
	c.stamps[0], c.pending = stamp{due: 350e9, sent: 450e9}, 1
	c.answered()
	r := &Report{Service: result.NewHistogram(), FirstAnswer: result.NewHistogram(), Response: new(result.NewHistogram()), SendLag: new(result.NewHistogram())}
	k.report(r)
	if r.Messages != 1 || r.Service.TotalCount() != 1 || r.Response.TotalCount() != 1 {
		t.Errorf("of one message %d service times and %d response times", r.Service.TotalCount(), r.Response.TotalCount())
	}
	if want := int64(100e9); r.Response.Max() < want || r.Service.Max() > want {
		t.Errorf("response time %d ns, service time %d ns", r.Response.Max(), r.Service.Max())
	}
	if r.Clipped != 2 { // the response time and the first answer
		t.Errorf("%d values did not fit, want 2", r.Clipped)
	}
}

// In a burst each message is sent when its turn has come, not when the burst began:
// the time that the sends before it take is its lag, not the server's.
func TestBurstIsStampedOneByOne(t *testing.T) {
	const conns, each = 20, 200 * time.Microsecond
	cfg := Config{Conns: conns, Size: 1, Pipeline: 1, Rate: 1e6}
	k := onSlowLoop(t, cfg, &slowLoop{send: each})
	busy(each) // all of them are due
	now := backends.Nanotime()
	k.now = now
	k.release(now)
	for i, c := range k.conns {
		if s := c.stamps[0]; c.pending != 1 || s.sent < now+int64(i)*int64(each) || s.due > now {
			t.Errorf("message %d was due at %d and sent at %d ns", i, s.due-now, s.sent-now)
		}
	}
	if lag := k.lag.Max(); lag < int64(conns-1)*int64(each)*99/100 {
		t.Errorf("the last of %d messages was sent at most %d ns late", conns, lag)
	}
}

// Response time runs from when a message was due, service time from when it was
// sent; the difference is the send's lag.
func TestResponseRunsFromWhenItWasDue(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const size = 8
	go func() { // answers message by message, 10 ms each, ten times too slow
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, size)
		for {
			if n, err := c.Read(b); err != nil || n != size {
				return
			}
			end := backends.Nanotime() + 10e6
			time.Sleep(9 * time.Millisecond)
			for backends.Nanotime() < end {
			}
			c.Write(b)
		}
	}()
	r := begin(t, Config{Address: l.Addr().String(), Conns: 1, Size: size, Pipeline: 1, Rate: 1000})
	r.until(t, 40)
	report := r.end(t)
	// Answer n, counted from 1, comes no earlier than 10 n ms and was due at n-1 ms.
	n := report.Messages
	if atLeast := int64(n)*10e6 - int64(n-1)*1e6; report.Response.Max() < atLeast*99/100 {
		t.Errorf("the slowest of %d responses took %d ns, at least %d", n, report.Response.Max(), atLeast)
	}
	// Half of them waited for 20 others and more.
	if p50, response := report.Service.ValueAtQuantile(50), report.Response.ValueAtQuantile(50); p50 < 10e6*99/100 || p50 > response/2 {
		t.Errorf("the median service time is %d ns of a server that takes 10 ms, the median response %d", p50, response)
	}
	if report.SendLag.Max() > report.Response.Max() {
		t.Errorf("a message was sent %d ns late, the slowest response took %d", report.SendLag.Max(), report.Response.Max())
	}
}
