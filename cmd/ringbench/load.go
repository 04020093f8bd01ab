package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/bench"
)

// paceFlags are those of the commands that have an open loop, of messages of that
// kind.
func paceFlags(c *cobra.Command, p *bench.Pace, messages string) {
	f := c.Flags()
	f.Var(rates{&p.Rates}, "rate", messages+" (open loop), such as 5000,20k, or a sweep such as 1k..200k:8; default: closed loop")
	f.StringVar(&p.Arrivals, "arrivals", bench.ArrivalsConstant, "of an open loop: constant intervals, or poisson")
	complete(c, map[string][]string{"arrivals": bench.Arrivals})
}

// findFlags have a comparison search.
func findFlags(c *cobra.Command, o *bench.Options) {
	f := c.Flags()
	f.BoolVar(&o.FindMax, "find-max", false, "search for the highest rate that each contestant sustains, from --rate on")
	f.StringVar(&o.SLO, "slo", "", "percentiles of the response time that --find-max keeps to, such as 'p99<1ms,p50<200us'; default: "+bench.DefaultSLO)
}

// A messageSizes is a flag that takes a list of sizes, or a distribution.
type messageSizes struct {
	sizes *[]int
	mix   *string
}

func (m messageSizes) Type() string { return "messageSizes" }

func (m messageSizes) String() string {
	switch {
	case m.sizes == nil:
		return ""
	case *m.mix != "":
		return *m.mix
	}
	var words []string
	for _, n := range *m.sizes {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, ",")
}

func (m messageSizes) Set(text string) (err error) {
	*m.sizes, *m.mix, err = bench.ParseSizes(text)
	return err
}

// A rates is a flag that takes a list of rates and sweeps.
type rates struct{ list *[]float64 }

func (r rates) Type() string { return "rates" }

func (r rates) String() string {
	if r.list == nil {
		return ""
	}
	var words []string
	for _, n := range *r.list {
		words = append(words, strconv.FormatFloat(n, 'g', -1, 64))
	}
	return strings.Join(words, ",")
}

func (r rates) Set(text string) (err error) {
	*r.list, err = bench.ParseRates(text)
	return err
}
