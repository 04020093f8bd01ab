// Package stat summarises trials: the median with its interval, and the ratio
// of paired measurements with its standard error. It is thin over
// golang.org/x/perf/benchmath where that has the thing.
//
// It assumes no distribution for solo trials. It decides nothing: whether a
// difference matters is the reader's or a gate's question. Values that were
// not measured (NaN) are left out and the count says so.
package stat
