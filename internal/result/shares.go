package result

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Share is a size of message and how often it is drawn, relative to the others
// of its distribution.
type Share struct {
	Bytes  int `json:"bytes"`
	Weight int `json:"weight"`
}

// Limits of a distribution.
const (
	sharesMax = 64
	weightMax = 1_000_000
)

// ParseShares reads a distribution of sizes, such as 64:90,1024:9,16384:1.
func ParseShares(text string) (shares []Share, err error) {
	for _, word := range strings.Split(text, ",") {
		size, weight, _ := strings.Cut(word, ":")
		n, nerr := strconv.Atoi(size)
		w, werr := strconv.Atoi(weight)
		if nerr != nil || werr != nil || n < 1 || w < 1 || w > weightMax {
			return nil, fmt.Errorf("%q is no size with its weight, such as 1024:9", word)
		}
		shares = append(shares, Share{n, w})
	}
	if len(shares) > sharesMax {
		return nil, errors.New("too many sizes for one distribution")
	}
	return shares, nil
}

// meanBytes is that of a message.
func (l Load) meanBytes() float64 {
	if l.Sizes == "" {
		return float64(l.Size)
	}
	shares, err := ParseShares(l.Sizes)
	if err != nil {
		return float64(l.Size)
	}
	var bytes, weights float64
	for _, s := range shares {
		bytes += float64(s.Bytes) * float64(s.Weight)
		weights += float64(s.Weight)
	}
	return bytes / weights
}

// SizeText is the size of a message, or the sizes with their weights.
func (l Load) SizeText() string {
	if l.Sizes == "" {
		return fmt.Sprintf("%d B", l.Size)
	}
	return "(" + l.Sizes + ") B"
}
