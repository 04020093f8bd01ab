package reports

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// none stands for a figure that was not had.
const none = "–"

// figure prints x with three significant digits or more, thousands grouped:
// 0.264, 8.52, 112, 81,423.
func figure(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return none
	case a == 0:
		return "0"
	case a < 0.01:
		return strconv.FormatFloat(x, 'g', 2, 64)
	case a < 1:
		return strconv.FormatFloat(x, 'f', 3, 64)
	case a < 10:
		return strconv.FormatFloat(x, 'f', 2, 64)
	case a < 100:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return whole(x)
}

// whole prints x without decimals, thousands grouped.
func whole(x float64) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return none
	}
	if math.Abs(x) <= 0.5 {
		return "0" // never -0
	}
	return stat.Grouped(strconv.FormatFloat(x, 'f', 0, 64))
}

// percent prints a fraction of one.
func percent(x float64) string {
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return none
	case x != 0 && math.Abs(x) < 0.0995:
		return strconv.FormatFloat(x*100, 'f', 1, 64)
	}
	return strconv.FormatFloat(x*100, 'f', 0, 64)
}

func halfWidth(iv stat.Interval) string {
	if iv.N < 2 {
		return none
	}
	return percent(iv.HalfWidth())
}

// microseconds prints percentile p of h, or a dash where the count does not
// support it.
func microseconds(h result.Histogram, p float64) string {
	if !h.Supports(p) {
		return none
	}
	return figure(float64(h.ValueAtPercentile(p)) / 1e3)
}

// cpu prints nanoseconds a message and how much of it was user time.
func cpu(iv stat.Interval, user share) string {
	switch {
	case iv.N == 0:
		return none
	case math.IsNaN(user.part):
		return whole(iv.Center)
	case math.IsNaN(user.err):
		return fmt.Sprintf("%s (%.0f %% u)", whole(iv.Center), user.part*100)
	}
	return fmt.Sprintf("%s (%.0f±%.0f %% u)", whole(iv.Center), user.part*100, math.Ceil(user.err*100))
}

func percentileName(p float64) string {
	return "p" + strconv.FormatFloat(p, 'f', -1, 64)
}

// clean makes text from outside harmless on a terminal: what does not print,
// such as the start of an escape sequence, becomes a question mark.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

func cpuList(cpus []int) string {
	if len(cpus) == 0 {
		return "any"
	}
	var b strings.Builder
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(cpus[i]))
		if j > i {
			b.WriteString("-" + strconv.Itoa(cpus[j]))
		}
		i = j + 1
	}
	return b.String()
}
