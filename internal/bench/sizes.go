package bench

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
)

// powers of 1024, by their letters.
const powers = "kmgt"

// ParseBytes reads a number of bytes such as 4096, 64k or 4g.
func ParseBytes(text string) (int64, error) {
	digits, shift := text, 0
	if n := len(text); n > 0 {
		if i := strings.IndexByte(powers, text[n-1]|0x20); i >= 0 {
			digits, shift = text[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if limit := int64(1) << 62 >> shift; err != nil || n < -limit || n > limit {
		return 0, fmt.Errorf("%q is no size", text)
	}
	return n << shift, nil
}

// ShortBytes is what ParseBytes reads as n, without needless digits.
func ShortBytes(n int64) string {
	unit := ""
	for i := 0; i < len(powers) && n != 0 && n%1024 == 0; i++ {
		n, unit = n/1024, powers[i:i+1]
	}
	return strconv.FormatInt(n, 10) + unit
}

// ParseSizes reads a list of sizes, such as 64,4k, or one distribution of them,
// such as 64:90,1k:9,16k:1; then mix is that in bytes, and sizes is nil.
func ParseSizes(text string) (sizes []int, mix string, err error) {
	words := strings.Split(text, ",")
	for i, word := range words {
		size, weight, weighs := strings.Cut(word, ":")
		n, err := ParseBytes(size)
		if err != nil {
			return nil, "", err
		}
		sizes = append(sizes, int(n))
		if weighs {
			words[i] = strconv.FormatInt(n, 10) + ":" + weight
		}
	}
	if !strings.Contains(text, ":") {
		return sizes, "", nil
	}
	mix = strings.Join(words, ",")
	_, err = result.ParseShares(mix)
	return nil, mix, err
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
