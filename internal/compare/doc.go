// Package compare says what two results, base and head, have to say of one another:
// for each cell and metric a ratio head/base with its interval and its verdict. It
// measures nothing, and it does not say whether a difference is welcome in a
// project: that is for package gate.
package compare
