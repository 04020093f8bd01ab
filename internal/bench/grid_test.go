package bench

import (
	"fmt"
	"slices"
	"testing"
)

// The first contestant of each load is compared with itself, unless it is there
// twice already, with every other, and in a duet apart from what spins.
func TestComparisons(t *testing.T) {
	for _, c := range []struct {
		duet, aa bool
		backends []string
		want     []string // of one load
	}{
		{false, true, []string{"epoll", "net", "fake"}, []string{"epoll / epoll again same", "epoll / net", "epoll / fake"}},
		{true, true, []string{"epoll", "fake+sqpoll"}, []string{"epoll / epoll again same", "epoll / fake+sqpoll apart"}},
		{false, true, []string{"epoll", "epoll"}, []string{"epoll / epoll"}},
		{false, false, []string{"epoll", "net"}, []string{"epoll / net"}},
		{false, true, []string{"epoll"}, nil},
	} {
		o := options(c.backends...)
		o.Duet, o.AA = c.duet, c.aa
		o.Grid.(*EchoGrid).Conns = []int{1, 8}
		p, _, err := o.Plan()
		if err != nil {
			t.Fatalf("%v: %v", c.backends, err)
		}
		var got []string
		for _, m := range p.Matches {
			a, b := p.Cells[m.A], p.Cells[m.B]
			s := a.Contestant + " / " + b.Contestant
			if m.Same {
				s += " same"
			}
			if m.Apart {
				s += " apart"
			}
			if a.Load != b.Load {
				t.Errorf("%s: loads %v and %v", s, a.Load, b.Load)
			}
			got = append(got, fmt.Sprint(a.Conns, " ", s))
		}
		var want []string
		for _, s := range c.want {
			want = append(want, "1 "+s, "8 "+s)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%v: matches %q, want %q", c.backends, got, want)
		}
	}
}
