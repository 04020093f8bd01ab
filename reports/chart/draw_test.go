package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"
)

var hostile = "uring-multishot+sqpoll</text><script>\x1b\u2028" + strings.Repeat("W", 60)

// panelOf has data of a kind, under names that are short or not.
func panelOf(kind Kind, name func(int) string, rows int) Panel {
	p := Panel{Title: name(99) + ", 64 connections, " + name(98), X: Axis{Label: "messages/s", Scale: Linear, Zero: true}, Y: Axis{Label: "µs", Scale: Log}}
	switch kind {
	case Line:
		p.X = Axis{Label: "percentile", Scale: Nines}
		p.Spans = []Span{{From: 0, To: 50, Name: "warm-up"}}
	case Bars, Intervals, Tiles:
		p.Y = Axis{Scale: Category}
		p.X.Label = name(97)
	case Dots:
		p.Rules = []Rule{{OnY: true, At: 12, Name: "limit"}, {At: 3}}
	}
	for i := range rows {
		s := Series{Name: name(i), Kind: kind}
		switch kind {
		case Line:
			for j := range 40 {
				q := 100 * (1 - math.Pow(10, -float64(j)/10))
				s.Points = append(s.Points, Point{X: q, Y: 10 * float64(1+j*i)})
			}
			s.Points[20].Y = math.NaN()
		case Dots:
			for j := range 20 {
				s.Points = append(s.Points, Point{X: float64(j), Y: 1e6 * float64(1+i+j), Faint: j == 3})
			}
		case Bars:
			x := float64(i+1) * 1e5
			s.Points = []Point{{X: x, Y: float64(i), Hi: x}}
			s.Part = User
			more := Series{Name: s.Name, Part: Kernel, Kind: Bars, Points: []Point{{Y: float64(i), Lo: x, Hi: 2 * x}}}
			ends := Series{Kind: Whiskers, Points: []Point{{X: 2 * x, Y: float64(i), Lo: 1.9 * x, Hi: 2.2 * x, Label: "123,456 ± 12 %"}}}
			p.Series = append(p.Series, more, ends)
		case Intervals:
			s.Points = []Point{{X: 1.1, Y: float64(i), Lo: 0.001, Hi: 1000, Label: "1.100 (0.001 to above 100)", Faint: i == 1}}
			s.Name, p.X.Zero, p.X.From, p.X.To = "", false, 0.5, 2
		case Tiles:
			for j := range 12 {
				s.Points = append(s.Points, Point{X: float64(j), Y: float64(i), Value: math.Exp(float64(j-6) / 5), Label: "(10.12)"})
			}
		}
		p.Series = append(p.Series, s)
		if p.Y.Scale == Category {
			p.Y.Names = append(p.Y.Names, name(i))
		}
	}
	if kind == Tiles {
		for j := range 12 {
			p.X.Names = append(p.X.Names, name(j))
		}
		p.X.Scale = Category
	}
	return p
}

func chartOf(kind Kind, panels, rows int, name func(int) string) Chart {
	c := Chart{ID: "x", Title: "A title, " + name(0), Subtitle: strings.Repeat(name(1)+" on a machine with a long name, ", 3)}
	for range panels {
		c.Panels = append(c.Panels, panelOf(kind, name, rows))
	}
	return c
}

// every chart that is drawn in these tests.
func everyChart(do func(name string, c Chart)) {
	short := func(i int) string { return fmt.Sprint("uring+", i) }
	long := func(i int) string { return hostile + fmt.Sprint(i) }
	for _, kind := range []Kind{Line, Dots, Bars, Intervals, Tiles} {
		for _, panels := range []int{1, 2, 5, 48} {
			if panels == 48 && kind != Bars { // all are laid out alike
				continue
			}
			do(fmt.Sprintf("%s, %d panels", kind, panels), chartOf(kind, panels, 3, short))
		}
		do(string(kind)+", long names", chartOf(kind, 5, 3, long))
		do(string(kind)+", one panel with long names", chartOf(kind, 1, 12, long))
		do(string(kind)+", without data", Chart{ID: "x", Title: "nothing", Panels: []Panel{panelOf(kind, short, 0)}})
	}
	do("without panels", Chart{ID: "x", Title: "nothing"})
}

// A box is where a text stands.
type box struct {
	text           string
	x0, y0, x1, y1 vg.Length
}

// boxes are those of all texts of a picture, as its canvas was told to draw them.
func boxes(t *testing.T, p *picture) (list []box) {
	t.Helper()
	w, h := p.size()
	c := new(recorder.Canvas)
	p.draw(draw.NewCanvas(c, w, h))
	cache := font.NewCache(liberation.Collection())
	var shift vg.Point
	var stack []vg.Point
	for _, a := range c.Actions {
		switch a := a.(type) {
		case *recorder.Push:
			stack = append(stack, shift)
		case *recorder.Pop:
			shift, stack = stack[len(stack)-1], stack[:len(stack)-1]
		case *recorder.Translate:
			shift = shift.Add(a.Point)
		case *recorder.FillString:
			face := cache.Lookup(a.Font, a.Size)
			at := shift.Add(a.Point)
			list = append(list, box{a.String, at.X, at.Y - 0.15*a.Size, at.X + face.Width(a.String), at.Y + 0.7*a.Size})
		case *recorder.Rotate, *recorder.Scale:
			t.Fatalf("%T moves text to where this test does not look", a)
		}
	}
	return list
}

// No text lies outside the picture or on another.
func TestTextHasRoom(t *testing.T) {
	everyChart(func(name string, c Chart) {
		p := layOut(c, NewPalette(c))
		w, h := p.size()
		all := boxes(t, &p)
		if len(all) == 0 {
			t.Errorf("%s: no text", name)
		}
		for i, b := range all {
			if b.x0 < 4 || b.y0 < 4 || b.x1 > w-4 || b.y1 > h-4 {
				t.Errorf("%s: %q is at %.0f,%.0f to %.0f,%.0f of %.0f × %.0f", name, b.text, b.x0, b.y0, b.x1, b.y1, w, h)
			}
			for _, o := range all[:i] {
				if b.x0 < o.x1 && o.x0 < b.x1 && b.y0 < o.y1 && o.y0 < b.y1 {
					t.Errorf("%s: %q lies on %q at %.0f,%.0f", name, b.text, o.text, b.x0, b.y0)
				}
			}
		}
	})
}

// An SVG is well-formed whatever it is told, holds no element that text of a
// foreigner could have made, and is the same when it is made again.
func TestSVG(t *testing.T) {
	everyChart(func(name string, c Chart) {
		if len(c.Panels) > 5 { // of the same
			return
		}
		draw := func() []byte {
			var b bytes.Buffer
			if err := SVG(&b, c, NewPalette(c)); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		first := draw()
		if len(c.Panels) == 1 && !bytes.Equal(first, draw()) {
			t.Errorf("%s: not the same when made again", name)
		}
		for d := xml.NewDecoder(bytes.NewReader(first)); ; {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			if e, ok := token.(xml.StartElement); ok && !strings.Contains(" svg g path text ", " "+e.Name.Local+" ") {
				t.Errorf("%s: element %s", name, e.Name.Local)
			}
		}
	})
}

// Each end of a whisker has its mark, but for one that lies beyond the axis: a line and
// two marks are drawn, or one, each twice for the halo.
func TestWhiskersThatAreCutOff(t *testing.T) {
	strokes := func(hi float64) int {
		p := Panel{X: Axis{Scale: Linear, From: 0, To: 2}, Y: Axis{Scale: Category, Names: []string{"a"}},
			Series: []Series{{Kind: Whiskers, Points: []Point{{X: 1, Lo: 0.5, Hi: hi}}}}}
		var b bytes.Buffer
		if err := SVG(&b, Chart{Panels: []Panel{p}}, NewPalette()); err != nil {
			t.Fatal(err)
		}
		return strings.Count(b.String(), "<path")
	}
	if whole, cut := strokes(1.5), strokes(3); whole-cut != 2 {
		t.Errorf("%d strokes of a whole one, %d of one that is cut off", whole, cut)
	}
}

// One label tells no distance.
func TestTicks(t *testing.T) {
	for _, ends := range [][2]float64{{0.62, 1.45}, {0.98, 1.02}, {0, 1999}, {-3, 2.9}} {
		if ticks := linearTicks(ends[0], ends[1], 3); len(ticks) < 2 || len(ticks) > 7 {
			t.Errorf("%v: %v", ends, ticks)
		}
	}
}

// What no measurement gives, but a damaged file may, is drawn somehow, in an end.
func TestExtremes(t *testing.T) {
	values := []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 1e-300, 5e-324, 1e17, 1e17 + 16, -1e300, 1}
	for _, scale := range []Scale{Linear, Log, Nines, Category} {
		c := Chart{ID: "x"}
		for _, v := range values {
			a := Axis{Scale: scale, Names: []string{"a", "b"}}
			p := Panel{X: a, Y: a, Spans: []Span{{From: v, To: 1}}, Rules: []Rule{{At: v}, {OnY: true, At: v}}}
			for _, kind := range []Kind{Line, Band, Dots, Bars, Intervals, Whiskers, Labels, Marks, Tiles} {
				s := Series{Name: "uring", Kind: kind}
				for _, w := range values {
					s.Points = append(s.Points, Point{X: v, Y: w, Lo: w, Hi: v, Value: w, Label: "x"}, Point{X: w, Y: v})
				}
				p.Series = append(p.Series, s)
			}
			c.Panels = append(c.Panels, p)
		}
		if err := SVG(io.Discard, c, NewPalette(c)); err != nil {
			t.Errorf("%s: %v", scale, err)
		}
	}
}

// Bars are in proportion, as their pixels say, and the picture is as wide as it
// should be.
func TestPNG(t *testing.T) {
	c := Chart{ID: "x", Title: "bars", Panels: []Panel{{X: Axis{Scale: Linear, Zero: true}, Y: Axis{Scale: Category, Names: []string{"uring", "epoll"}}, Series: []Series{
		{Name: "uring", Kind: Bars, Points: []Point{{Y: 0, Hi: 118}}},
		{Name: "epoll", Part: User, Kind: Bars, Points: []Point{{Y: 1, Hi: 20}}},
		{Name: "epoll", Part: Kernel, Kind: Bars, Points: []Point{{Y: 1, Lo: 20, Hi: 81}}},
	}}}}
	var b bytes.Buffer
	if err := PNG(&b, c, NewPalette(c)); err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil || img.Bounds().Dx() != 1200 {
		t.Fatalf("%v, error %v", img.Bounds(), err)
	}
	most := map[color.Color]int{} // of the pixels of a row
	for y := range img.Bounds().Dy() {
		row := map[color.Color]int{}
		for x := range img.Bounds().Dx() {
			row[img.At(x, y)]++
		}
		for c, n := range row {
			most[c] = max(most[c], n)
		}
	}
	length := func(c color.RGBA) int { return max(most[c], most[color.NRGBA(c)]) }
	blue, user, kernel := length(families["uring"]), length(PartColor(families["epoll"], User)), length(families["epoll"])
	for name, c := range map[string]struct{ got, want float64 }{
		"uring / epoll's kernel": {float64(blue) / float64(kernel), 118.0 / 61},
		"epoll's user / kernel":  {float64(user) / float64(kernel), 20.0 / 61},
	} {
		if math.Abs(c.got/c.want-1) > 0.015 {
			t.Errorf("%s: %.3f, want %.3f", name, c.got, c.want)
		}
	}
}

func TestPalette(t *testing.T) {
	var c Chart
	names := []string{"uring+sqpoll", "uring", "uring-multishot", "C epoll", "theirs", "epoll"}
	for _, name := range names {
		c.Panels = append(c.Panels, Panel{Series: []Series{{Name: name, Kind: Line}, {Name: name, Kind: Dots}}})
	}
	p := NewPalette(c)
	if p["uring"].Hex() != "#0072b2" || p["epoll"].Hex() != "#e69f00" {
		t.Errorf("uring %s, epoll %s", p["uring"].Hex(), p["epoll"].Hex())
	}
	seen := map[string]string{}
	for _, name := range names {
		look := p[name].Hex() + fmt.Sprint(p[name].Dashes)
		if seen[p[name].Hex()] != "" || seen[look] != "" {
			t.Errorf("%s looks as %s%s", name, seen[p[name].Hex()], seen[look])
		}
		seen[p[name].Hex()] = name
	}
}

// A legend explains parts in the order of the bars, by looks that are nobody's, and
// what is not the server's by an outline alone.
func TestPartsAreNobodys(t *testing.T) {
	var p Panel
	for _, name := range []string{"uring", "epoll"} {
		for _, part := range []string{Softirq, Kernel, Client, User, Spin, Helpers} {
			p.Series = append(p.Series, Series{Name: name, Part: part, Kind: Bars})
		}
	}
	c := Chart{Panels: []Panel{p}}
	look := NewPalette(c)
	var names []string
	for _, s := range c.legend(look) {
		names = append(names, s.name)
		_, hollow := Outline(s.part)
		if outside := s.name == Client || s.name == Spin || s.name == Softirq; hollow != outside {
			t.Errorf("%s is hollow: %v", s.name, hollow)
		}
		if r, g, b := s.color.R, s.color.G, s.color.B; r != g || g != b {
			t.Errorf("%s has the colour %s", s.name, Hex(s.color))
		}
	}
	if got := strings.Join(names, ", "); got != strings.Join(parts, ", ") {
		t.Error("the legend has", got)
	}
}

// A ratio and its inverse are equally far from the neutral colour, and what is
// written on a tile can be read (WCAG asks for a contrast of 4.5).
func TestTileColors(t *testing.T) {
	distance := func(c color.RGBA) float64 { return luminance(tileNeutral) - luminance(c) }
	for x := 1.0; x <= 3; x += 0.05 {
		more, ink := TileColors(x, 2)
		less, ink2 := TileColors(1/x, 2)
		if a, b := distance(more), distance(less); math.Abs(a-b) > 0.12 {
			t.Errorf("%.2f: brown is %.3f from neutral, blue %.3f", x, a, b)
		}
		for _, pair := range [][2]color.RGBA{{more, ink}, {less, ink2}} {
			if c := Contrast(pair[0], pair[1]); c < 4.5 {
				t.Errorf("%.2f: contrast %.2f", x, c)
			}
		}
	}
	if got := TileReach(Chart{Panels: []Panel{{Series: []Series{{Kind: Tiles, Points: []Point{{Value: 0.5}, {Value: 1.2}, {Value: math.NaN()}}}}}}}); math.Abs(got-2) > 1e-9 {
		t.Errorf("reach %v, want 2", got)
	}
}
