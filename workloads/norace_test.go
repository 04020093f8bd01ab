//go:build !race

package workloads_test

const underRace = false
