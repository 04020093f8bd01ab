package bench

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/load"
	"github.com/ringbench/ringbench/internal/result"
)

// ArrivalsConstant is the default.
const ArrivalsConstant = "constant"

// Arrivals is how the messages of an open loop may follow each other.
var Arrivals = []string{ArrivalsConstant, string(load.Poisson)}

// Limits of what can be asked for, messages a second. Between two of a rate that is
// much lower there are more nanoseconds than 63 bits hold.
const (
	minRate = 1e-3
	maxRate = 1e8
)

// maxSteps is the most rates that a sweep has.
const maxSteps = 1000

// ParseRates reads a list of rates such as 1000,20k,2.5e4, in which k and M stand
// for thousands and millions, and sweeps such as 1k..200k:8: so many rates from
// the first to the last, both included, each by the same factor above the one
// before. What is between is rounded to three digits.
func ParseRates(text string) (rates []float64, err error) {
	for _, word := range strings.Split(text, ",") {
		from, rest, sweep := strings.Cut(word, "..")
		lo, err := parseRate(from)
		if err != nil {
			return nil, err
		}
		if !sweep {
			rates = append(rates, lo)
			continue
		}
		to, count, _ := strings.Cut(rest, ":")
		hi, err := parseRate(to)
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 2 || n > maxSteps || !(lo > 0 && lo < hi && hi <= maxRate) {
			return nil, fmt.Errorf("%q is no sweep", word)
		}
		rates = append(rates, lo)
		for i := 1; i < n-1; i++ {
			rates = append(rates, threeDigits(lo*math.Pow(hi/lo, float64(i)/float64(n-1))))
		}
		rates = append(rates, hi)
	}
	return slices.Compact(rates), nil
}

func parseRate(text string) (float64, error) {
	digits, unit := text, 1.0
	switch {
	case strings.HasSuffix(text, "k"):
		digits, unit = text[:len(text)-1], 1e3
	case strings.HasSuffix(text, "M"):
		digits, unit = text[:len(text)-1], 1e6
	}
	rate, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no rate", text)
	}
	return rate * unit, nil
}

func threeDigits(x float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 3, 64), 64)
	return rounded
}

// A Pace is what a grid has of open loops.
type Pace struct {
	Rates    []float64 // a second; empty: closed loop
	Arrivals string    // one of Arrivals; "": ArrivalsConstant
}

func (p Pace) check() error {
	if p.Arrivals != "" && !slices.Contains(Arrivals, p.Arrivals) {
		return fmt.Errorf("unknown --arrivals %q: known are %s", p.Arrivals, strings.Join(Arrivals, ", "))
	}
	for _, r := range p.Rates {
		if !(r >= minRate && r <= maxRate) {
			return fmt.Errorf("--rate=%g is out of range: %g to %g a second", r, minRate, maxRate)
		}
	}
	return nil
}

// paced is l at each of the rates.
func (p Pace) paced(l result.Load) (loads []result.Load) {
	if p.Arrivals != ArrivalsConstant {
		l.Arrivals = p.Arrivals
	}
	if len(p.Rates) == 0 {
		return []result.Load{l}
	}
	for _, l.Rate = range p.Rates {
		loads = append(loads, l)
	}
	return loads
}
