// Package workloads is what servers under test do. Each workload is one file,
// written once against the contract of package backends; only the backend
// changes between the rows of a comparison.
//
// A workload never names a backend and never measures: the load generator
// (internal/load) drives it from another process and the meters watch it from a
// third.
package workloads
