package stat

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", -7: "-7", 999: "999", -999: "-999", 1000: "1,000", -1000: "-1,000", 88_875: "88,875", 1_234_567: "1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
