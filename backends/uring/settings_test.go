package uring

import (
	"strings"
	"testing"

	"github.com/ringbench/ringbench/backends"
)

// What a variant's value must be is said, and which features do not go together.
func TestSettings(t *testing.T) {
	for name, say := range map[string]string{
		"uring+sqpoll+sqidle=1us":    "sqidle=1us: it takes a time in whole milliseconds",
		"uring+sqpoll+sqidle=soon":   "sqidle=soon: it takes a time in whole milliseconds",
		"uring+sqidle=10ms":          "sqidle needs sqpoll",
		"uring+sqcpu=0":              "sqcpu needs sqpoll",
		"uring+sqpoll+sqcpu=one":     "sqcpu=one: it takes a whole number",
		"uring+batch=1":              "batch=1: it takes a whole number from 2",
		"uring+batch=0x10":           "batch=0x10: it takes a whole number",
		"uring+minwait=1ns":          "minwait=1ns: it takes a time in whole microseconds",
		"uring+minwait=2h":           "minwait=2h: it takes a time in whole microseconds up to 1h",
		"uring+napi=":                "napi needs a value",
		"uring+iowq=0":               "iowq=0: it takes a whole number from 1",
		"uring+naive+sqpoll":         "sqpoll and naive exclude each other",
		"uring+async+bufring":        "async and bufring exclude each other",
		"uring+async+multishot":      "async and multishot exclude each other",
		"uring+fixedfile+regfiles":   "fixedfile and regfiles exclude each other",
		"uring+async+naive+iowq=abc": "iowq=abc: it takes a whole number",
	} {
		if _, err := backends.Lookup(name); err == nil || !strings.Contains(err.Error(), say) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	got := named(t, "uring+batch=8+minwait=1ms").Traits().Features
	if s := strings.Join(got, " "); !strings.Contains(s, "batch=8") || !strings.Contains(s, "minwait=1ms") {
		t.Errorf("features in force: %s", s)
	}
}
