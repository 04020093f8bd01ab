// Package chart is pictures: what is in them, in base units, and how they are drawn as
// files. It knows nothing of results.
package chart
