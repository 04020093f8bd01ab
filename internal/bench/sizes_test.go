package bench

import (
	"slices"
	"testing"
)

func TestParseSizes(t *testing.T) {
	for text, want := range map[string][]int{
		"64": {64}, "64,4k": {64, 4096}, "64K,1m,4194304": {65536, 1 << 20, 4 << 20}, "0": {0}, "-1k": {-1024},
	} {
		if got, mix, err := ParseSizes(text); !slices.Equal(got, want) || mix != "" || err != nil {
			t.Errorf("%q: %v, mix %q, %v; want %v", text, got, mix, err, want)
		}
	}
	// A distribution is told in bytes, whatever it was typed as: its name in results.
	if sizes, mix, err := ParseSizes("64:90,1k:9,16K:1"); sizes != nil || mix != "64:90,1024:9,16384:1" || err != nil {
		t.Errorf("%v, mix %q, %v", sizes, mix, err)
	}
	for _, text := range []string{"", "k", "4kk", "4x", "1.5", "64,", "9999999t", "64:90,1k", "k:1", "64:x", "64:"} {
		if sizes, mix, err := ParseSizes(text); err == nil {
			t.Errorf("%q: %v, mix %q; it should be refused", text, sizes, mix)
		}
	}
}
