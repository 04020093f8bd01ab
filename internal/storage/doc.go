// Package storage is the file that a workload reads and writes, and what it lies
// on: it makes a file that leaves nothing behind, puts the file's pages into the
// page cache or out of it and proves that, and says which file system, device and
// queue there are.
//
// It opens nothing for writing but what it made itself.
package storage
