package page

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/ringbench/ringbench/reports/chart"
)

// What page.js draws charts from: chart.Chart with the class of each series and its
// points as arrays.
type (
	chartData struct {
		ID     string      `json:"id"`
		Title  string      `json:"title"`
		Panels []panelData `json:"panels"`
	}
	panelData struct {
		Title  string       `json:"title"`
		X      chart.Axis   `json:"x"`
		Y      chart.Axis   `json:"y"`
		Series []seriesData `json:"series"`
		Spans  []spanData   `json:"spans"`
		Rules  []ruleData   `json:"rules"`
	}
	seriesData struct {
		Name   string     `json:"name"`
		Part   string     `json:"part,omitempty"`
		Kind   chart.Kind `json:"kind"`
		Class  string     `json:"class"`
		Points [][]any    `json:"points"` // x, y, text, faint, lo, hi, label, colours of a tile and of its text
	}
	spanData struct {
		OnY   bool   `json:"on_y"`
		From  figure `json:"from"`
		To    figure `json:"to"`
		Doubt figure `json:"doubt,omitempty"`
	}
	ruleData struct {
		OnY bool   `json:"on_y"`
		At  figure `json:"at"`
	}
)

// A figure is null if it is not one. Eight digits place it on any screen.
type figure float64

func (f figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) {
		return []byte("null"), nil
	}
	v := max(min(float64(f), math.MaxFloat64), -math.MaxFloat64)
	return []byte(strconv.FormatFloat(v, 'g', 8, 64)), nil
}

func dataOf(c *chart.Chart, l *looks) chartData {
	d := chartData{ID: c.ID, Title: c.Title}
	reach := chart.TileReach(*c)
	for _, p := range c.Panels {
		to := panelData{Title: p.Title, X: finite(p.X), Y: finite(p.Y), Series: []seriesData{}, Spans: []spanData{}, Rules: []ruleData{}}
		for _, s := range p.Series {
			points := make([][]any, len(s.Points))
			for i, pt := range s.Points {
				points[i] = pointData(pt, s.Kind, reach)
			}
			to.Series = append(to.Series, seriesData{s.Name, s.Part, s.Kind, l.class(&s), points})
		}
		for _, s := range p.Spans {
			to.Spans = append(to.Spans, spanData{s.OnY, figure(s.From), figure(s.To), figure(s.Doubt)})
		}
		for _, r := range p.Rules {
			to.Rules = append(to.Rules, ruleData{r.OnY, figure(r.At)})
		}
		d.Panels = append(d.Panels, to)
	}
	return d
}

// finite is an axis without ends that JSON has no word for.
func finite(a chart.Axis) chart.Axis {
	if !isFigure(a.From) || !isFigure(a.To) {
		a.From, a.To = 0, 0
	}
	return a
}

// pointData leaves out what is empty at the end.
func pointData(pt chart.Point, kind chart.Kind, reach float64) []any {
	a := []any{figure(pt.X), figure(pt.Y), pt.Text, 0, figure(pt.Lo), figure(pt.Hi), pt.Label}
	if pt.Faint {
		a[3] = 1
	}
	if kind == chart.Tiles {
		tile, text := chart.TileColors(pt.Value, reach)
		return append(a, chart.Hex(tile), chart.Hex(text))
	}
	for len(a) > 2 && (a[len(a)-1] == "" || a[len(a)-1] == 0 || a[len(a)-1] == figure(0)) {
		a = a[:len(a)-1]
	}
	return a
}

// embedded is v as JSON that a page may hold: it cannot end its element, and what HTML
// forbids is written as an escape, so that the value stays what it was.
func embedded(v any) (string, error) {
	b, err := json.Marshal(v) // escapes <, > and &
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, r := range string(b) {
		if unicode.IsControl(r) {
			out.WriteString(`\u00` + strconv.FormatInt(int64(r), 16))
			continue
		}
		out.WriteRune(r)
	}
	return out.String(), nil
}

// packed is v as JSON, compressed, in characters that mean nothing to HTML. The same
// value gives the same, because the header holds neither a name nor a time.
func packed(v any) (string, error) {
	var b bytes.Buffer
	text := base64.NewEncoder(base64.StdEncoding, &b)
	z, err := gzip.NewWriterLevel(text, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if err := errors.Join(json.NewEncoder(z).Encode(v), z.Close(), text.Close()); err != nil {
		return "", err
	}
	return b.String(), nil
}
