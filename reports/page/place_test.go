package page_test

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/ringbench/ringbench/reports/chart"
)

// An element of a picture, with the numbers that place it.
type element struct {
	name, class, text string
	at                map[string]float64
	path              []float64
}

func elements(t *testing.T, svg string) (all []element) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if err != nil {
			return all
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, at: map[string]float64{}}
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "class":
					e.class = a.Value
				case "d":
					for _, s := range figures.FindAllString(a.Value, -1) {
						v, _ := strconv.ParseFloat(s, 64)
						e.path = append(e.path, v)
					}
				default:
					e.at[a.Name.Local], _ = strconv.ParseFloat(a.Value, 64)
				}
			}
			all = append(all, e)
		case xml.CharData:
			if n := len(all); n > 0 && all[n-1].name == "text" {
				all[n-1].text += string(token)
			}
		}
	}
}

// A ruler is an axis as a reader uses it: labels, and where their lines are.
type ruler struct {
	scale  chart.Scale
	values []float64
	pixels []float64
}

// rulers are those of a picture's axes of values; every line has its label after it.
func rulers(t *testing.T, p chart.Panel, all []element) (x, y ruler) {
	t.Helper()
	x.scale, y.scale = p.X.Scale, p.Y.Scale
	for i, e := range all {
		if e.class != "grid" {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimRight(all[i+1].text, "kMGµn"), 64)
		if err != nil {
			t.Fatalf("a line's label: %v", err)
		}
		for unit, factor := range map[string]float64{"G": 1e9, "M": 1e6, "k": 1e3, "µ": 1e-6, "n": 1e-9} {
			if strings.HasSuffix(all[i+1].text, unit) {
				v *= factor
			}
		}
		r, pixel := &y, e.path[1]
		if e.path[0] == e.path[2] {
			r, pixel = &x, e.path[0]
		}
		r.values, r.pixels = append(r.values, v), append(r.pixels, pixel)
	}
	return x, y
}

// read is the value at a pixel, by the first and the last label.
func (r ruler) read(pixel float64) float64 {
	even, odd := func(v float64) float64 { return v }, func(v float64) float64 { return v }
	switch r.scale {
	case chart.Log:
		even, odd = math.Log, math.Exp
	case chart.Nines:
		even, odd = func(v float64) float64 { return math.Log(100 - v) }, func(v float64) float64 { return 100 - math.Exp(v) }
	}
	n := len(r.values) - 1
	a, b := even(r.values[0]), even(r.values[n])
	return odd(a + (b-a)*(pixel-r.pixels[0])/(r.pixels[n]-r.pixels[0]))
}

// shows is an error unless a pixel's value is v, to the half of a pixel.
func (r ruler) shows(t *testing.T, what string, pixel, v float64) {
	t.Helper()
	if a, b := r.read(pixel-0.5), r.read(pixel+0.5); v < min(a, b) || v > max(a, b) {
		t.Errorf("%s: stands at %.4g to %.4g and is %.4g", what, min(a, b), max(a, b), v)
	}
}

// Where a mark stands is, read off by the labels of the axes, its value.
func TestMarksStandByTheLabels(t *testing.T) {
	d := fixture()
	pictures := picture.FindAllString(write(t, d), -1)
	shown := map[chart.Kind]int{}
	for _, s := range d.Sections {
		for _, c := range s.Charts {
			for _, p := range c.Panels {
				all := elements(t, pictures[0])
				pictures = pictures[1:]
				x, y := rulers(t, p, all)
				var marks []element // in the order of series and points
				for _, e := range all {
					switch e.class {
					case "dot", "ring", "bar", "bar faint", "line", "line faint", "whisker", "ring faint", "interval", "interval faint":
						marks = append(marks, e)
					}
				}
				next := func() (e element) {
					if len(marks) > 0 {
						e, marks = marks[0], marks[1:]
					}
					return e
				}
				for _, series := range p.Series {
					var line []float64
					if series.Kind == chart.Line || series.Kind == chart.Band {
						line = next().path
					}
					for _, pt := range series.Points {
						beyond := p.Y.To != 0 && (pt.Y < p.Y.From || pt.Y > p.Y.To) && series.Kind != chart.Line
						if math.IsNaN(pt.Y) || series.Kind == chart.Whiskers && math.IsNaN(pt.Lo) || series.Kind == chart.Tiles || beyond {
							continue
						}
						what := c.ID + " " + series.Name + " " + series.Part
						shown[series.Kind]++
						switch series.Kind {
						case chart.Line, chart.Band:
							x.shows(t, what, line[0], pt.X)
							y.shows(t, what, line[1], pt.Y)
							line = line[2:]
						case chart.Dots, chart.Marks:
							e := next()
							x.shows(t, what, e.at["cx"], pt.X)
							y.shows(t, what, e.at["cy"], pt.Y)
						case chart.Bars:
							e := next()
							x.shows(t, what, e.at["x"], pt.Lo)
							x.shows(t, what, e.at["x"]+e.at["width"], pt.Hi)
						case chart.Whiskers, chart.Intervals:
							e := next()
							x.shows(t, what, e.path[0], pt.Lo)
							x.shows(t, what, e.path[2], pt.Hi)
							if series.Kind == chart.Intervals {
								x.shows(t, what, next().at["cx"], pt.X)
							}
						}
					}
				}
				if len(marks) > 0 {
					t.Errorf("%s: %d marks more than there are points", c.ID, len(marks))
				}
			}
		}
	}
	for _, kind := range []chart.Kind{chart.Line, chart.Band, chart.Dots, chart.Marks, chart.Bars, chart.Whiskers, chart.Intervals} {
		if shown[kind] == 0 {
			t.Errorf("no point of kind %v was looked at", kind)
		}
	}
}
