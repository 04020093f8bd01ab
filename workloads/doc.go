// Package workloads is what processes under test do. Each workload is written
// once against the contract of package backends; only the backend changes between
// the rows of a comparison.
//
// A workload never names a backend. Servers do not measure: the load generator
// (internal/load) drives them from another process and the meters watch them from
// a third. Reads of files have nobody to ask for them, so that workload drives
// itself and keeps its own time; what this costs is the harness floor.
package workloads
