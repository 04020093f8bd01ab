package testenv

import (
	"flag"
	"testing"
)

var (
	full = flag.Bool("full", false, "also run what takes longer, much of which shorter tests hold too; .ci/run gives it")
	long = flag.Bool("long", false, "run everything, in its whole length, on a machine that is left alone: it takes hours")
)

// Full leaves a test to -full, which -long implies.
func Full(t testing.TB) {
	t.Helper()
	if !*full && !*long {
		t.Skip("-full runs this")
	}
}

// Long leaves a test to -long.
func Long(t testing.TB) {
	t.Helper()
	if !*long {
		t.Skip("-long runs this")
	}
}

// IsLong reports whether -long is given: a test that runs anyway is longer then.
func IsLong() bool { return *long }

// Waiting lets four tests run at a time however few CPUs there are, unless -parallel
// is given: most of a package wait for processes. It is for TestMain.
func Waiting() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "4")
	}
}
