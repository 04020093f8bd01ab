// Package bench runs a plan: for each trial it starts fresh server and client
// processes on their CPUs, marks the measured window on all of them at the same
// moment, and collects what they and the meters saw.
//
// A trial's life: servers start and say where they listen; clients connect;
// the load begins at an agreed time of CLOCK_MONOTONIC and goes on through
// warm-up, window and, where permitted, an audit in which system calls are
// counted by tracepoint; clients hang up; servers stop.
//
// It decides neither what is run nor what the figures mean.
package bench
