// Package doctor tells whether a machine is fit to measure on: for each thing
// that is known to bend results, what was found and what to do about it. It
// changes nothing, and it does not say that a result will be good: that is for
// the result to show.
//
// What cannot be found out is unknown, which is never taken for well.
package doctor
