// Package stat says what trials tell: the median with its interval, and of pairs
// in groups by session the ratio, its interval and what follows from it.
//
// Compare gives the Effect, whose interval by Student's t is the one to judge by,
// as it covers 95 % with few pairs and with few sessions; Apart gives that of two
// samples. Verdict, Beyond, Detectable and More are questions to it. CompareRobust says
// the same of the same pairs without assuming a normal distribution. It is thin over
// golang.org/x/perf/benchmath where that has the thing.
//
// Functions of values alone: no I/O, and what draws at random takes a seed. Values
// that were not measured (NaN) are left out and the count says so; what cannot be
// had is NaN. Thresholds are the caller's. Coverage that a docstring states is
// found by simulation and tested with -long.
package stat
