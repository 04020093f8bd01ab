// Package result is the raw result of a run: one versioned JSON file from which
// every table, plot and gate is derived and can be derived again. It holds what
// was measured and under which conditions; it decides nothing.
//
// Units are SI base units (seconds, bytes, counts); names say so. Shares are
// fractions of one. A figure that could not be had is absent, never zero.
package result
