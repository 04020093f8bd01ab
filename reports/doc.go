// Package reports prints a result for people: as a table for terminals, as one
// offline HTML page, as plots and as Markdown; and for programs: as JSON, CSV, Go's
// benchmark format, HdrHistogram's files and OpenMetrics. Each is a function of the
// result alone, so any of them can be made again from the file.
//
// It measures nothing and hides nothing: void trials, warnings and what could
// not be had are printed with the rest, and a percentile that the count does
// not support is a dash. It draws no conclusion beyond the verdicts that the
// result holds.
package reports
