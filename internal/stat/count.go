package stat

import "fmt"

// Count prints a number of things, thousands grouped: 81,423.
func Count[N ~int | ~int64 | ~uint64](n N) string { return Grouped(fmt.Sprint(n)) }

// Grouped groups the thousands of the digits of a whole number, which may have a sign.
func Grouped(digits string) string {
	for i := len(digits) - 3; i > 0 && digits[i-1] >= '0' && digits[i-1] <= '9'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
