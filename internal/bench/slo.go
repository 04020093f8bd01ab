package bench

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ringbench/ringbench/internal/result"
)

// DefaultSLO is what a rate must meet to count as sustained.
const DefaultSLO = "p99<1ms"

// parseSLO reads a list of objectives such as p99<1ms,p50<200us.
func parseSLO(text string) (list []result.Objective, err error) {
	if text == "" {
		text = DefaultSLO
	}
	for _, word := range strings.Split(text, ",") {
		name, limit, _ := strings.Cut(word, "<")
		digits, isPercentile := strings.CutPrefix(name, "p")
		p, err := strconv.ParseFloat(digits, 64)
		below, lerr := time.ParseDuration(limit)
		if err != nil || lerr != nil || !isPercentile || !(p > 0 && p < 100) || below <= 0 {
			return nil, fmt.Errorf("--slo=%s: %q must be a percentile and its limit, such as 'p99<1ms'; several have commas between them", text, word)
		}
		list = append(list, result.Objective{Percentile: p, Below: below.Seconds()})
	}
	return list, nil
}
