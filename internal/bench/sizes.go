package bench

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// ParseSizes reads a list of sizes, such as 64,1024, or one distribution of them,
// such as 64:90,1024:9,16384:1; then mix is that, and sizes is nil.
func ParseSizes(text string) (sizes []int, mix string, err error) {
	if strings.Contains(text, ":") {
		_, err := result.ParseShares(text)
		return nil, text, err
	}
	for _, word := range strings.Split(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, "", fmt.Errorf("%q is no size", word)
		}
		sizes = append(sizes, n)
	}
	return sizes, "", nil
}

// shares are those of a cell's sizes, nil where there is one size only.
func shares(c result.Cell) []result.Share {
	if c.Sizes == "" {
		return nil
	}
	list, _ := result.ParseShares(c.Sizes) // it was checked
	return list
}

// largest is the largest size of a distribution.
func largest(mix string) (n int) {
	list, _ := result.ParseShares(mix) // it was checked
	for _, s := range list {
		n = max(n, s.Bytes)
	}
	return n
}
