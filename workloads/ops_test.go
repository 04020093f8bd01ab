package workloads_test

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringbench/ringbench/backends"
	"github.com/ringbench/ringbench/workloads"
)

// watchFamilies registers each backend once more, with loops that note what they
// are asked for.
func watchFamilies() {
	for _, f := range backends.Families() {
		name := f.Name
		f.Name, f.Rank, f.Capabilities = "watched"+name, 0, nil
		f.New = func(v backends.Variant) (backends.Backend, error) {
			v.Family = name
			b, err := backends.Lookup(v.String())
			return watchedBackend{b}, err
		}
		backends.Register(f)
	}
}

type watchedBackend struct{ backends.Backend }

func (b watchedBackend) Open(cfg backends.Config) (backends.Loop, error) {
	l, err := b.Backend.Open(cfg)
	return watchedLoop{l}, err
}

type watchedLoop struct{ backends.Loop }

func (l watchedLoop) Submit(op *backends.Op) bool {
	watched.add(op)
	return l.Loop.Submit(op)
}

// watched is what loops of this process were asked for.
var watched seen

type seen struct {
	mu  sync.Mutex
	ops []backends.Kind
}

func (s *seen) add(op *backends.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := (backends.Kind{Code: op.Code, Flags: op.Flags}); !slices.Contains(s.ops, k) {
		s.ops = append(s.ops, k)
	}
}

func (s *seen) list() []backends.Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ops)
}

// telling are the features of which a loop counts that they have acted.
var telling = map[string][]backends.Counter{
	"fixedbufs": {backends.FixedFileOps}, "regfiles": {backends.FileSlots}, "inc": {backends.BufParts}, "skip": {backends.Skipped},
	"sendbundle": {backends.SendBundles}, "link": {backends.Links, backends.HeldLinks},
}

// Loops are asked for the kinds of ops that the workload is said to have, and for
// no others; and a feature of the variant has acted, by the loop's counters, if it
// can act on those, and else it has not.
func TestOps(t *testing.T) {
	t.Parallel()
	unix := func(t *testing.T, backend string) *server {
		return serve(t, workloads.Config{Backend: "watched" + backend, Network: "unix"})
	}
	for _, w := range []struct {
		name     string
		backends []string
		run      func(t *testing.T, backend string) (*server, []stream)
		ops      func(backends.Traits) []backends.Kind
	}{
		{"echo", []string{"uring+inc+regfiles", "uring+skip", "uring+sendbundle", "epoll", "threadpool"}, func(t *testing.T, backend string) (*server, []stream) {
			s := unix(t, backend)
			c := s.dial()
			pingPong(t, c, 1, slices.Repeat([]int{64}, 80)...)
			return s, []stream{c}
		}, func(t backends.Traits) []backends.Kind { return workloads.EchoOps(t, 0, false) }},

		{"churn", []string{"uring+regfiles", "net"}, func(t *testing.T, backend string) (*server, []stream) {
			s := unix(t, backend)
			for i := range uint64(70) {
				if err := oneVisit(s, i); err != nil {
					t.Fatal(err)
				}
			}
			return s, nil
		}, func(t backends.Traits) []backends.Kind { return workloads.EchoOps(t, 1, false) }},

		{"datagrams", []string{"uring+regfiles", "net"}, func(t *testing.T, backend string) (*server, []stream) {
			s := serve(t, workloads.Config{Backend: "watched" + backend, Network: "udp"})
			c := s.dialDatagrams()
			for range 10 {
				s.exchange(c, 1, false)
			}
			return s, nil
		}, workloads.DatagramOps},

		{"proxy", []string{"uring+regfiles", "uring+skip", "epoll+splice", "net"}, func(t *testing.T, backend string) (*server, []stream) {
			o := newOrigin(t, "unix")
			o.echoes()
			s := proxy(t, workloads.Config{Backend: "watched" + backend, Network: "unix"}, o.Addr().String())
			c := s.dial()
			pingPong(t, c, 1, slices.Repeat([]int{64}, 80)...)
			return s, []stream{c}
		}, func(t backends.Traits) []backends.Kind { return workloads.ProxyOps(t, false) }},

		{"stream", []string{"uring+fixedbufs+regfiles+inc", "uring+skip", "uring+splice", "epoll+sendfile", "net"}, func(t *testing.T, backend string) (*server, []stream) {
			path, content := fileOf(t, 300_003)
			s := serveFile(t, workloads.Config{Backend: "watched" + backend, Network: "unix", Bufs: 4, BufSize: 4096}, path, -1)
			if err := s.download(content); err != nil {
				t.Fatal(err)
			}
			return s, nil
		}, func(t backends.Traits) []backends.Kind { return workloads.StreamOps(t, 300_003/4096+1, 0) }},

		{"http", []string{"uring+regfiles", "epoll+sendfile", "net"}, func(t *testing.T, backend string) (*server, []stream) {
			path, content := fileOf(t, 300_003)
			s := serveHTTP(t, "watched"+backend, path)
			c := s.dial()
			r := bufio.NewReader(c)
			for range 3 {
				if _, err := io.WriteString(c, request); err != nil {
					t.Fatal(err)
				}
				if err := answer(r, 200, content); err != nil {
					t.Fatal(err)
				}
			}
			return s, []stream{c}
		}, func(t backends.Traits) []backends.Kind { return workloads.StreamOps(t, 300_003/(16<<10)+1, 3) }},
	} {
		for _, backend := range w.backends {
			t.Run(w.name+"/"+backend, func(t *testing.T) {
				t.Parallel()
				s, open := w.run(t, backend)
				var counted backends.Counters
				counts := func() backends.Counters { counted = s.state().Counters; return counted }
				b := lookup(t, backend)
				want := w.ops(b.Traits())
				demandActed(t, b, want, counts)
				for _, c := range open { // the rest of the ops is of their end
					if err := c.CloseWrite(); err != nil {
						t.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, c); err != nil {
						t.Fatal(err)
					}
				}
				demandOps(t, want, func() (ops []backends.Kind) { s.call("ops", &ops); return ops })
			})
		}
	}
	for _, x := range []struct {
		op       string
		direct   bool
		backends []string
	}{
		{workloads.OpRead, false, []string{"uring+fixedbufs+regfiles+inc"}}, {workloads.OpRead, true, []string{"uring"}},
		{workloads.OpWrite, false, []string{"uring+fixedbufs", "epoll"}}, {workloads.OpWrite, true, []string{"threadpool"}},
		{workloads.OpFsync, false, []string{"uring+skip", "threadpool"}}, {workloads.OpFsync, true, []string{"uring"}},
	} {
		op := x.op
		for _, backend := range x.backends {
			t.Run(fmt.Sprintf("read/%s/%s/direct=%v", op, backend, x.direct), func(t *testing.T) {
				watched = seen{}
				cfg := fileLoad(t, backend, op, 4096)
				if cfg.Direct = x.direct; x.direct {
					needDirect(t, cfg)
				}
				cfg.Backend = "watched" + backend
				r := startReads(t, cfg)
				awaitProgress(t, r, 200)
				report, err := r.Stop()
				if err != nil {
					t.Fatal(err)
				}
				r.Close()
				b := lookup(t, backend)
				want := workloads.ReadOps(b.Traits(), op, cfg.Direct)
				demandActed(t, b, want, func() backends.Counters { return report.Counters })
				demandOps(t, want, watched.list)
			})
		}
	}
}

func lookup(t *testing.T, name string) backends.Backend {
	t.Helper()
	b, err := backends.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// demandOps waits until every kind of want was seen. What was seen has no flag that
// its kind has not.
func demandOps(t *testing.T, want []backends.Kind, ops func() []backends.Kind) {
	t.Helper()
	among := func(list []backends.Kind, k backends.Kind, may bool) bool {
		return slices.ContainsFunc(list, func(x backends.Kind) bool {
			return x.Code == k.Code && (x.Flags == k.Flags || may && x.Flags&k.Flags == k.Flags)
		})
	}
	var got []backends.Kind
	all := func() bool {
		got = ops()
		return !slices.ContainsFunc(want, func(k backends.Kind) bool { return !among(got, k, false) })
	}
	for end := time.Now().Add(30 * time.Second); !all(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("of %+v only %+v were seen", want, got)
		}
	}
	for _, k := range got {
		if !among(want, k, true) {
			t.Errorf("%+v were seen beside %+v", k, want)
		}
	}
}

// demandActed waits until the features of b have acted that can act on ops.
func demandActed(t *testing.T, b backends.Backend, ops []backends.Kind, counts func() backends.Counters) {
	t.Helper()
	family := strings.FieldsFunc(b.Name(), func(r rune) bool { return r == '+' || r == '-' })[0]
	i := slices.IndexFunc(backends.Families(), func(f backends.Family) bool { return f.Name == family })
	known := backends.Families()[i].Features
	for _, name := range b.Traits().Features {
		list, tells := telling[name]
		if !tells {
			continue
		}
		acted := func() (n uint64) {
			c := counts()
			for _, i := range list {
				n += c[i]
			}
			return n
		}
		can := known[name].ActsOn(ops)
		for end := time.Now().Add(30 * time.Second); can && acted() == 0 && time.Now().Before(end); {
			time.Sleep(5 * time.Millisecond)
		}
		if n := acted(); n > 0 != can {
			t.Errorf("%s: %v are %d, and it can act on %+v: %v", name, list, n, ops, can)
		}
	}
}
