package claims

import "math"

// Runs are the command lines, without the program's name, that the figures are
// of. Each finishes within two or three minutes; several sessions of all are the
// full set.
var Runs = map[string][]string{
	"files":    {"read", "--duet", "--backend=epoll,threadpool", "--depth=1", "--trials=8", "--duration=400ms", "--audit=false"},
	"deep":     {"read", "--duet", "--backend=epoll,uring", "--depth=32", "--trials=8", "--duration=400ms", "--audit=false"},
	"direct":   {"read", "--duet", "--direct", "--backend=epoll,uring", "--depth=32", "--trials=6", "--duration=500ms", "--audit=false"},
	"small":    {"read", "--duet", "--backend=uring,threadpool", "--bs=4k,64k", "--depth=1", "--trials=8", "--duration=400ms", "--audit=false"},
	"fixed":    {"read", "--duet", "--backend=uring+fixedbufs,uring", "--depth=32", "--trials=8", "--duration=400ms", "--audit=false"},
	"proxy":    {"proxy", "--backend=epoll,uring", "--trials=6", "--duration=1s", "--audit=false"},
	"short":    {"churn", "--backend=epoll,uring", "--trials=6", "--duration=1s", "--audit=false"},
	"syscalls": {"echo", "--backend=epoll,uring", "--trials=3", "--duration=500ms", "--audit=false"},
	"grid":     {"echo", "--duet", "--backend=uring,epoll", "--conns=1,50,150,300,500,1000", "--size=128,512,1000", "--trials=4", "--duration=400ms", "--warmup=200ms", "--audit=false"},
	"go":       {"echo", "--duet", "--backend=uring,epoll,net", "--conns=100", "--size=128", "--trials=10", "--duration=500ms", "--audit=false"},
	"sqpoll":   {"echo", "--duet", "--backend=uring+sqpoll,uring", "--trials=8", "--duration=500ms", "--audit=false"},
	"sendfile": {"stream", "--duet", "--backend=uring+splice,epoll+sendfile", "--file-size=1m", "--trials=8", "--duration=500ms", "--audit=false"},
}

// Order is that of running, the longest last.
var Order = []string{"files", "deep", "direct", "small", "fixed", "proxy", "short", "syscalls", "go", "sqpoll", "sendfile", "grid"}

var (
	none = math.Inf(1)
	all  = -none
)

// List are the claims, the four of the announcement first.
var List = []Claim{
	{
		Title:    "Files on a thread pool",
		Sentence: "file system calls have to run on a thread pool, which adds significant overhead",
		By:       "tokio-uring's announcement and design, 2021",
		From:     "No figure is given. Later ones are of tokio itself: a 64 KiB file read in 7 µs in place, 15 µs through spawn_blocking and 38 µs by io_uring (tokio#8063, 2026).",
		Tests: []Test{
			{What: "CPU a cached 4 KiB read, one at a time: epoll's threads to pread in place", Run: "files", Unit: "×", Least: 1.1, Most: none, of: ratio("epoll", "threadpool", cpu, nil)},
			{What: "CPU a cached 4 KiB read, 32 in flight: epoll's threads to io_uring", Run: "deep", Unit: "×", Least: 1.1, Most: none, of: ratio("epoll", "uring", cpu, nil)},
			{What: "CPU a 4 KiB read around the page cache, 32 in flight: epoll's threads to io_uring", Run: "direct", Unit: "×", Least: 1.1, Most: none, of: ratio("epoll", "uring", cpu, nil)},
		},
		Remark: "“Significant” is taken as a tenth. What the threads cost is the handing over: with one read in flight each is a wake-up of a thread and one back.",
	},
	{
		Title:     "CPU outside user space",
		Sentence:  "with epoll a tuned TCP proxy spends 70 to 80 % of its CPU cycles outside of user space",
		By:        "tokio-uring's design, 2021",
		From:      "The figure is mTCP's (NSDI 2014) and is of web servers under short connections on Linux 3.x, where it is what TCP connections cost in the kernel. No proxy was measured.",
		Published: "70 to 80 %",
		Tests: []Test{
			{What: "epoll proxy, 64 lasting connections × 64 B", Run: "proxy", Unit: "%", Least: 0.70, Most: 0.80, of: level("epoll", outside)},
			{What: "epoll server, short connections of one request", Run: "short", Unit: "%", Least: 0.70, Most: 0.80, of: level("epoll", outside)},
			{What: "the same by io_uring, if that is where it would be saved: proxy", Run: "proxy", Unit: "%", Least: all, Most: 0.70, of: level("uring", outside)},
		},
		Remark: "It is the TCP stack's work, which io_uring does too: taking system calls away leaves the share where it is.",
	},
	{
		Title:    "System calls and buffers",
		Sentence: "io_uring eliminates most syscalls and maps memory regions used for byte buffers ahead of time",
		By:       "tokio-uring's design, 2021",
		From:     "A property of the interface, with no figure of what it is worth.",
		Tests: []Test{
			{What: "system calls an echoed message: io_uring to epoll", Run: "syscalls", Unit: "×", Least: 0, Most: 0.5, of: ratio("uring", "epoll", calls, nil)},
			{What: "CPU a cached 4 KiB read into registered buffers, 32 in flight: to the same into ordinary ones", Run: "fixed", Unit: "×", Least: 0, Most: 0.98, of: ratio("uring+fixedbufs", "uring", cpu, nil)},
			{What: "registered buffers for receiving", Why: "the kernel copies from the socket whatever buffer is given (liburing#1025), and receive has no form with a registered one but zero-copy receive, which needs a network card"},
			{What: "registered buffers for sending (SEND_ZC)", Why: "over loopback the kernel copies what is sent by zero copy"},
		},
	},
	{
		Title:     "Up to 60 % on TCP echo",
		Sentence:  "a benchmark of a TCP echo client and server in C showed an improvement of up to 60 %",
		By:        "tokio-uring's design, 2021",
		From:      "frevib's table of 2020: one closed-loop run or two of a minute, 5.6-rc1 in a VMware guest on a laptop, a client of a thread a connection; the epoll server does one receive an event and ignores what its send returns. The cell of 1,000 connections × 128 B is the 60 %; one connection is slower.",
		Grid:      true,
		Published: "1.60 at 1,000 connections × 128 B, 1.68 at 500, 1.05 at 50, 0.99 at 1",
		Tests: []Test{
			{What: "throughput, io_uring to epoll", Run: "grid", Unit: "×", Least: 1.6, Most: none, of: best("uring", "epoll", rate)},
			{What: "throughput at 1,000 connections × 128 B, io_uring to epoll", Run: "grid", Unit: "×", Least: 1.6, Most: none, of: ratio("uring", "epoll", rate, cell(1000, 128))},
		},
		Remark: "The best of many cells is taken, which favours the claim. Both share a CPU in a duet, so that the ratio of their rates is that of their CPU a message.",
	},
	{
		Title:     "Raw io_uring over raw epoll in Go",
		Sentence:  "io_uring serves a third more requests than epoll from Go on one CPU",
		By:        "go-uring's README, 2025",
		From:      "One closed-loop run at 100 connections × 128 B in VirtualBox; the epoll server enters the kernel through Go's scheduler, reads once an event and does not look at what a write returns.",
		Published: "267,055 and 355,931 requests/s: 1.33",
		Tests: []Test{
			{What: "throughput at 100 connections × 128 B, io_uring to epoll", Run: "go", Unit: "×", Least: 1.25, Most: none, of: ratio("uring", "epoll", rate, nil)},
			{What: "the same to package net", Run: "go", Unit: "×", Least: 1.25, Most: none, of: ratio("uring", "net", rate, nil)},
		},
		Remark: "How Go enters the kernel decides this: doc/go-runtime.md.",
	},
	{
		Title:     "Small reads are slower by io_uring",
		Sentence:  "reading a small file by io_uring takes longer than a blocking read",
		By:        "tokio#8063, 2026",
		From:      "A 64 KiB file opened, read and closed: 7 µs in place, 38 µs by io_uring, on 6.19.",
		Published: "5.4 times",
		Tests: []Test{
			{What: "CPU a cached 4 KiB read, one at a time: io_uring to pread", Run: "small", Unit: "×", Least: 1.02, Most: none, of: ratio("uring", "threadpool", cpu, blocks(4096))},
			{What: "CPU a cached 64 KiB read, one at a time: io_uring to pread", Run: "small", Unit: "×", Least: 1.02, Most: none, of: ratio("uring", "threadpool", cpu, blocks(65536))},
		},
		Remark: "Here the file is open already, so that what is compared is the read alone.",
	},
	{
		Title:     "Splice in io_uring against sendfile",
		Sentence:  "sending a file by splice in io_uring costs more than sendfile",
		By:        "measurements of several servers, 2020 to 2024",
		From:      "io_uring has no sendfile; splice takes a pipe, and each splice of a file runs in a kernel worker.",
		Published: "10 to 25 % less throughput",
		Tests: []Test{
			{What: "CPU a file of 1 MiB: io_uring with splice to epoll with sendfile", Run: "sendfile", Unit: "×", Least: 1.05, Most: none, of: ratio("uring+splice", "epoll+sendfile", cpu, nil)},
		},
	},
	{
		Title:    "SQPOLL with few cores",
		Sentence: "submission queue polling makes io_uring faster",
		By:       "introductions to io_uring",
		From:     "Figures with a core to spare for the polling thread.",
		Tests: []Test{
			{What: "CPU a message, SQPOLL to the default, one after the other", Run: "sqpoll", Unit: "×", Least: all, Most: 1, of: ratio("uring+sqpoll", "uring", cpu, nil)},
			{What: "throughput, SQPOLL to the default, one after the other", Run: "sqpoll", Unit: "×", Least: 1, Most: none, of: ratio("uring+sqpoll", "uring", rate, nil)},
		},
		Remark: "With more CPUs than server and client take, the polling thread has one of its own; the result says how many there are.",
	},
}
