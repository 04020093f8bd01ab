//go:build race

package workloads_test

// underRace: the detector keeps several bytes for each that the server touches.
const underRace = true
