package chart

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

const (
	titleSize, panelTitleSize, subtitleSize, textSize = 16, 11, 10.5, 10
	lineHeight                                        = 1.25 // of a size
)

func style(size vg.Length, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: Ink, Font: f, YAlign: draw.YTop, Handler: plot.DefaultTextHandler}
}

// printable makes text from outside one line that any XML may hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// fit shortens s until it is no wider than w.
func fit(sty text.Style, s string, w vg.Length) string {
	s = printable(s)
	if sty.Width(s) <= w {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && sty.Width(string(r)+"…") > w {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// fitName is fit for names, which often differ at the end only: it cuts out the
// middle.
func fitName(sty text.Style, s string, w vg.Length) string {
	s = printable(s)
	head := []rune(s)
	if sty.Width(s) <= w {
		return s
	}
	tail := head[len(head)/2:]
	head = head[:len(head)/2]
	for len(tail) > 0 && sty.Width(string(head)+"…"+string(tail)) > w {
		if len(head) >= len(tail) {
			head = head[:len(head)-1]
		} else {
			tail = tail[1:]
		}
	}
	return string(head) + "…" + string(tail)
}

// wrap breaks s between words into at most so many lines, the last of which is
// shortened where that does not suffice.
func wrap(sty text.Style, s string, w vg.Length, most int) (lines []string) {
	words := strings.Fields(printable(s))
	for len(words) > 0 {
		if len(lines) == most-1 {
			return append(lines, fit(sty, strings.Join(words, " "), w))
		}
		n := 1
		for n < len(words) && sty.Width(strings.Join(words[:n+1], " ")) <= w {
			n++
		}
		lines = append(lines, fit(sty, strings.Join(words[:n], " "), w))
		words = words[n:]
	}
	return lines
}

// short prints a value of an axis: 0, 250, 20k, 1.5M.
func short(x float64) string {
	for _, u := range []struct {
		factor float64
		name   string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(x) >= u.factor {
			return strconv.FormatFloat(x/u.factor, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}
