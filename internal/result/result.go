package result

import (
	"strings"
	"time"
)

// Schema names the format of a file. The number rises when a reader of an older
// file would misread a newer one.
const Schema = "ringbench.result/2"

// A Set is one run.
type Set struct {
	Schema      string    `json:"schema"`
	Version     string    `json:"ringbench_version"`
	Command     []string  `json:"command"`
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"`
	Interrupted bool      `json:"interrupted,omitempty"` // the plan was not finished
	Env         Env       `json:"environment"`
	Plan        Plan      `json:"plan"`
	Trials      []Trial   `json:"trials"`
	Floor       *Floor    `json:"harness_floor,omitempty"`
	Found       []Found   `json:"found,omitempty"`   // by a search
	Storage     *Storage  `json:"storage,omitempty"` // of a workload on a file
	// Resumed is when the run, which had been interrupted, was taken up again.
	Resumed  []Resumption `json:"resumed,omitempty"`
	Warnings []string     `json:"warnings,omitempty"`
	// Joined are the runs of a set that Join made. Then Command is empty and
	// Plan.Seed 0 where they differ.
	Joined []Part `json:"joined,omitempty"`
}

// A Resumption is the continuation of a run that was interrupted.
type Resumption struct {
	Started time.Time `json:"started"`
	Block   int       `json:"block"` // from which on it measured
	// Dropped is how many trials of that block were there, which was cut by the
	// interruption and has been measured again as a whole.
	Dropped int `json:"dropped_trials,omitempty"`
}

// Unknown is what a result says of what could not be found out.
const Unknown = "unknown"

// Env is where the run took place.
type Env struct {
	Host        string  `json:"host"`
	Kernel      string  `json:"kernel"`
	Arch        string  `json:"arch"`
	GoVersion   string  `json:"go_version"`
	CPUModel    string  `json:"cpu_model"`
	CPUs        int     `json:"cpus"`
	MemoryBytes uint64  `json:"memory_bytes"`
	TickHz      float64 `json:"tick_hz,omitempty"` // sampling rate of the user/kernel split; absent: unknown
	Accounting  string  `json:"cpu_accounting"`    // "tick", "virt-gen" or "unknown"
	// IRQAccounting is "task" where the time of softirqs is charged to whatever
	// they interrupt, "apart" where it is charged to no process, or "unknown".
	IRQAccounting string   `json:"irq_accounting,omitempty"`
	Autogroup     bool     `json:"autogroup"`
	Mitigations   []string `json:"mitigations,omitempty"`
	Cmdline       string   `json:"kernel_cmdline,omitempty"`
	// Capabilities is what each backend's kernel interface offers here.
	Capabilities []Backend `json:"capabilities,omitempty"`

	// Commit is that of the source of this ringbench, with " (modified)" where it
	// had changes. Here and in the maps what could not be found out is
	// Unknown.
	Commit string `json:"commit,omitempty"`
	// Facts are what else bears on results: clock_source, smt, governor, turbo,
	// virtualisation, preemption, cpu_quota (CPUs), memory_limit (bytes) and more.
	Facts map[string]string `json:"facts,omitempty"`
	// KernelConfig is options without their prefix CONFIG_, "n" where not set.
	KernelConfig map[string]string `json:"kernel_config,omitempty"`
	Sysctls      map[string]string `json:"sysctls,omitempty"` // "absent" where the kernel has none of that name
}

// Congestion is the sysctl of how TCP finds its rate.
const Congestion = "net.ipv4.tcp_congestion_control"

// Paces reports whether that paces: bbr sends by a timer at the rate that it has estimated
// (net/ipv4/tcp_bbr.c), on loopback too.
func Paces(congestion string) bool { return strings.HasPrefix(congestion, "bbr") }

// A Backend is what ringbench can do by one kernel interface, here.
type Backend struct {
	Name         string       `json:"backend"`
	Doc          string       `json:"doc"`
	Tier         string       `json:"tier,omitempty"`        // level of kernel support, where there are several
	Features     []string     `json:"features,omitempty"`    // in force by default
	Unavailable  string       `json:"unavailable,omitempty"` // why it cannot run here
	Capabilities []Capability `json:"capabilities"`
}

// A Capability is something that a kernel interface offers, and what becomes of
// it here.
type Capability struct {
	Name      string `json:"name"` // of the feature in variants, or the kernel's where no variant has it
	Doc       string `json:"doc"`
	Since     string `json:"since"` // the kernel's name for it and its first version
	Supported bool   `json:"supported"`
	Unknown   bool   `json:"unknown,omitempty"` // whether it is supported
	Usable    bool   `json:"usable"`
	Why       string `json:"why,omitempty"` // it is not supported, not known or not usable
	Default   bool   `json:"default"`
	Variant   string `json:"variant,omitempty"` // the backend's name that differs from the default in this alone
}

// Plan is what was to be run.
type Plan struct {
	Cells  []Cell `json:"cells"`
	Trials int    `json:"trials"` // blocks: each holds every cell once
	// Until ends the run after a block by which the interval of every ratio of CPU
	// reaches no farther than this to either side; Trials is then the most. 0: it
	// does not.
	Until float64 `json:"until_half_width,omitempty"`
	// WithinSeconds ends the run before a block that would not be over by then,
	// counted from the start. 0: it does not.
	WithinSeconds   float64 `json:"within_seconds,omitempty"`
	Seed            uint64  `json:"seed"`
	WarmupSeconds   float64 `json:"warmup_seconds"`
	DurationSeconds float64 `json:"duration_seconds"`
	PatienceSeconds float64 `json:"start_timeout_seconds,omitempty"` // that a server and its client may take to get ready, and to answer when the load is over
	Placement       string  `json:"placement"`                       // "split", "shared" or "alone"
	ServerCPUs      []int   `json:"server_cpus"`
	ClientCPUs      []int   `json:"client_cpus"`
	OriginCPUs      []int   `json:"origin_cpus,omitempty"` // of the server behind one that passes on
	Duet            bool    `json:"duet"`
	Grouping        string  `json:"scheduling_groups,omitempty"` // duet: "autogroup", "cgroup" or "none"
	Client          string  `json:"client"`                      // backend of the load generator, with its variant
	Audit           bool    `json:"audit"`                       // system calls were also counted by tracepoint
	// LeftOut is what "all", a calibration or an ablation would have included
	// and this machine refuses.
	LeftOut []LeftOut `json:"left_out,omitempty"`

	// Purpose is what the cells are compared for: PurposeCalibration,
	// PurposeAblation, PurposeMaximum, or "" for a comparison of contestants.
	Purpose string `json:"purpose,omitempty"`
	// Search is for the highest rates. Then Cells are those that were tried, added
	// as they were, and Trials is how many confirm the ends of a bracket.
	Search *Search `json:"search,omitempty"`
	// Matches are the pairs of cells that a duet compares; without any, the
	// first cell of each load is compared with every other.
	Matches []Match `json:"matches,omitempty"`
	// Sessions is how often the blocks are run, SessionGapSeconds apart; 0 is once.
	Sessions          int     `json:"sessions,omitempty"`
	SessionGapSeconds float64 `json:"session_gap_seconds,omitempty"`
	Compiler          string  `json:"c_compiler,omitempty"` // of the C twins

	Limits Limits `json:"interference_limits"`
}

// Limits are how much interference a trial may have before it is Disturbed; they
// are fixed before the run.
type Limits struct {
	StealShare float64 `json:"steal_share"`         // of all CPUs' time
	OtherShare float64 `json:"other_process_share"` // of all CPUs' time
	LateShare  float64 `json:"late_share"`          // of the window, that passed before the clocks of CPU time were read
	// WaitShare is how much longer than usual the threads of servers and clients that
	// run at one time may wait for a CPU, in CPU-seconds a second: beyond one and a half
	// times what they do in the middle one of their trials, as some always wait and a
	// pool of threads much. 0, as in older files: there is no such limit.
	WaitShare float64 `json:"wait_share,omitempty"`
}

// SessionsMax is the most sessions that a plan may have.
const SessionsMax = 1000

// The purposes of a plan.
const (
	PurposeCalibration = "calibration"
	PurposeAblation    = "ablation"
	PurposeMaximum     = "maximum"
)

// A Match is two cells, indices into Plan.Cells, whose ratio A to B is looked for.
type Match struct {
	A     int    `json:"a"`
	B     int    `json:"b"`
	Label string `json:"label"` // what the ratio tells
	// Apart: one right after the other, not at the same moment, because a thread
	// of A or B spins and would take from its rival the CPU that they share, or
	// because of what they do to the one file that they have.
	Apart bool `json:"apart,omitempty"`
	// Same: A and B are the same, so that what they differ by is noise.
	Same bool `json:"same,omitempty"`
	// Threshold is by what fraction A's CPU may exceed B's. Where it is plain on which
	// side of it the ratio lies, the two are not measured until Plan.Until. 0: there is
	// none.
	Threshold float64 `json:"cpu_threshold,omitempty"`
}

// A LeftOut is a contestant that does not take part.
type LeftOut struct {
	Contestant string `json:"contestant"`
	Why        string `json:"why"` // the refusal, with its remedy; of an ablation also why it cannot act here
}

// A Cell is one contestant under one load.
type Cell struct {
	Contestant string `json:"contestant"` // the row's name: a backend's variant, or a foreign server's
	Backend    string `json:"backend,omitempty"`
	Command    string `json:"command,omitempty"` // foreign server
	Target     string `json:"target,omitempty"`  // server that was running already
	TargetPID  int    `json:"target_pid,omitempty"`
	Load
	Loops   int `json:"loops"`
	Workers int `json:"workers,omitempty"` // limit of a pool; 0: one a connection
	// SpinNanos is CPU that a server of ours burns for each message, on purpose: it
	// is SlowShare, where that was asked for, of what a message cost the same
	// server without it when that was measured before the trials.
	SpinNanos float64 `json:"spin_ns,omitempty"`
	SlowShare float64 `json:"slow_share,omitempty"`
}

// A Load is what a cell asks of its contestant. Cells of one load are compared.
type Load struct {
	Workload string `json:"workload"`
	Network  string `json:"network,omitempty"`
	Conns    int    `json:"connections,omitempty"`
	Size     int    `json:"message_bytes,omitempty"`
	// Sizes is how the sizes of messages are distributed, by weights, such as
	// 64:90,1024:9; then Size is the largest. "": all have Size.
	Sizes    string  `json:"message_sizes,omitempty"`
	Pipeline int     `json:"pipeline,omitempty"`
	Rate     float64 `json:"offered_per_second,omitempty"` // 0: closed loop
	Arrivals string  `json:"arrivals,omitempty"`           // of an open loop: "poisson", else at constant intervals
	// Requests is how many messages a connection has before it ends and another
	// takes its place; then Conns is how many there are at a time, and the unit
	// is a connection. 0: connections last as long as the load.
	Requests int `json:"requests_per_connection,omitempty"`
	// Idle is how many more connections there are that are silent.
	Idle int `json:"idle_connections,omitempty"`

	// Of a workload on a file, whose operations, instead of messages, have Size.
	Op        string `json:"operation,omitempty"` // "read", "write", "fsync", "append"
	Pattern   string `json:"pattern,omitempty"`   // "random", "sequential"
	Depth     int    `json:"depth,omitempty"`     // operations in flight
	Direct    bool   `json:"direct,omitempty"`    // around the page cache (O_DIRECT)
	Cache     string `json:"cache,omitempty"`     // all of the file was in the page cache before the trial ("hot"), or none ("cold")
	FileBytes int64  `json:"file_bytes,omitempty"`
	File      string `json:"file,omitempty"`      // that was there before; "": one of ringbench's own
	Dir       string `json:"directory,omitempty"` // where that was
	// Mode is a proxy's: "request" or "stream", whose Direction is "down", "up" or
	// "both", as its client sees it. A message of a stream is so many bytes that
	// have come, of both in each direction.
	Mode      string `json:"mode,omitempty"`
	Direction string `json:"direction,omitempty"`
	// Buffer is how many bytes of a file a server that sends it reads at a time, if
	// it reads. A file is then the unit.
	Buffer int `json:"buffer_bytes,omitempty"`
	// Protocol is "http" where the file is asked for by that, Requests times on each
	// connection, and "" where connecting is enough; the unit is a file in either
	// case. HeadBytes is how much a server of ours sends before it.
	Protocol  string `json:"protocol,omitempty"`
	HeadBytes int    `json:"head_bytes,omitempty"`
}

// A Trial is one measured window of one cell on a fresh server process.
type Trial struct {
	Cell    int       `json:"cell"` // index into Plan.Cells
	Session int       `json:"session,omitempty"`
	Block   int       `json:"block"`           // trials of a block are comparable; counted over all sessions
	Order   int       `json:"order"`           // position in the run
	Pair    int       `json:"pair,omitempty"`  // duet: both trials of a pair carry the same number, from 1, also when they ran apart
	First   bool      `json:"first,omitempty"` // duet: this one was started first
	Started time.Time `json:"started"`
	Void    string    `json:"void,omitempty"` // why it does not count; all below may then be absent
	// Disturbed is which of Plan.Limits was passed. The figures are there, but
	// stay out of the statistics where most trials of the cell were not disturbed.
	Disturbed string `json:"disturbed,omitempty"`

	Seconds  float64 `json:"window_seconds"`
	Messages uint64  `json:"messages"` // answered and verified in the window
	// Offered is how many messages were due in the window, open loop only; absent
	// from older files.
	Offered uint64 `json:"offered_messages,omitempty"`
	Bytes   uint64 `json:"verified_bytes"`
	// FileBytes is set where a unit is a file that is sent: then Bytes are all that
	// came in the window, Messages and Service only those files of which the last
	// byte did, and figures are by Bytes/FileBytes.
	FileBytes int64 `json:"file_bytes,omitempty"`
	Unserved  int   `json:"unserved_connections,omitempty"` // connected, never answered: waiting in the backlog all through, or lost
	// Lost are datagrams that were not answered in time and Late the answers that
	// came after that, or a second time, in the whole load. Neither count as
	// Messages.
	Lost uint64 `json:"lost_messages,omitempty"`
	Late uint64 `json:"late_messages,omitempty"`
	// BacklogWait is how long connections waited from the start of the load to
	// their first answer, and the Unserved, whose values are the greatest, at least.
	BacklogWait *Histogram `json:"backlog_wait,omitempty"`

	Service  Histogram  `json:"service_time"`            // from the actual send
	Response *Histogram `json:"response_time,omitempty"` // from the intended start; open loop only
	SendLag  *Histogram `json:"send_lag,omitempty"`      // intended start to actual send; open loop only
	// Clipped is how many times were longer than the histograms above can hold,
	// 100 s, and are counted there as that long.
	Clipped uint64 `json:"clipped_values,omitempty"`

	// Series is how the throughput went.
	Series *Series `json:"series,omitempty"`

	// LateSeconds is how far into the window CPU was metered from, for as long
	// as the window is: the load goes on after it.
	LateSeconds float64 `json:"metered_late_seconds,omitempty"`

	Server  *Process `json:"server,omitempty"`
	Origin  *Process `json:"origin,omitempty"` // behind a server that passes on
	Client  *Process `json:"client,omitempty"`
	Machine *Machine `json:"machine,omitempty"`
	// Moments are the seconds of the window, of which the last may be nearly two
	// long. Windows under two seconds have none, nor those of servers with children.
	Moments []Moment `json:"moments,omitempty"`
	Hiccups *Hiccups `json:"hiccups,omitempty"` // open loop only

	Tier     string   `json:"tier,omitempty"`
	Features []string `json:"features,omitempty"`
	// DescriptorTable is "own" where each event loop has a table of its own,
	// else "shared" and why.
	DescriptorTable string   `json:"descriptor_table,omitempty"`
	Buffers         *Buffers `json:"buffers,omitempty"`

	// Counters are the server's own, summed over loops, from within the warm-up
	// until after the window, of a thread pool over the whole load: to be divided
	// by the bytes that they count.
	Counters map[string]uint64 `json:"server_counters,omitempty"`
	// CountedSyscalls is system calls a message by the server's own counters;
	// TracedSyscalls the same by the raw_syscalls tracepoint, in a window of
	// its own after the measured one.
	CountedSyscalls *float64 `json:"counted_syscalls_per_message,omitempty"`
	TracedSyscalls  *float64 `json:"traced_syscalls_per_message,omitempty"`
	// CountedAllocations is objects that the server's process allocated on the heap, a
	// message, give or take some hundred a trial; absent where not known.
	CountedAllocations *float64 `json:"counted_allocations_per_message,omitempty"`
	// OtherSyscalls is those of TracedSyscalls that the server's loops did not
	// make, by their counters over the same audit: the Go runtime's.
	OtherSyscalls *float64 `json:"other_syscalls_per_message,omitempty"`
	// TraceFailure is why the audit of Plan.Audit has no TracedSyscalls.
	TraceFailure string `json:"trace_failure,omitempty"`

	// Idle is what the idle connections of the load take.
	Idle *IdleMemory `json:"idle_memory,omitempty"`

	// Slowed is what a server with Cell.SpinNanos burnt in the whole load.
	Slowed *Slowed `json:"slowed,omitempty"`

	// Ending is how a foreign server ended that did not end as it was asked to:
	// it had to be killed, or failed. The figures were taken before.
	Ending string `json:"server_ending,omitempty"`

	Verdict string `json:"verdict,omitempty"` // see the Verdict constants
}

// A Series is what came in each interval of a load, from a part of its warm-up until
// the end of its window: messages, or where a unit is a file bytes.
type Series struct {
	IntervalSeconds float64  `json:"interval_seconds"`
	WarmUp          int      `json:"warm_up_intervals"` // that come before the window
	Counts          []uint64 `json:"counts"`
}

// The verdicts of saturation: whose CPU was used up.
const (
	ServerBound  = "server-bound"
	ClientBound  = "client-bound"
	NeitherBound = "neither"
)

// Buffers are those that each of a server's loops has, or each thread or goroutine
// that serves one connection: as many, of so many bytes. A proxy takes more when
// half of them are out.
type Buffers struct {
	Count int `json:"count"`
	Bytes int `json:"bytes"`
}

// A Process is what one side used during the window.
type Process struct {
	CPUSeconds float64 `json:"cpu_seconds"` // exact sum over all threads, helpers included
	// UserShare of CPUSeconds is a tick sample; UserShareError its standard error.
	UserShare      float64  `json:"user_share"`
	UserShareError float64  `json:"user_share_error"`
	Seconds        float64  `json:"seconds"` // length of the interval these figures cover
	Voluntary      uint64   `json:"voluntary_switches"`
	Involuntary    uint64   `json:"involuntary_switches"`
	RunQueueWait   *float64 `json:"run_queue_wait_seconds,omitempty"` // absent with more than 2,000 threads
	// ThreadSeconds is the interval that the switches, RunQueueWait and Helpers
	// cover: longer than Seconds, since threads are read one by one, first in the
	// warm-up and again after the window.
	ThreadSeconds float64 `json:"thread_seconds,omitempty"`
	ThreadsEnded  int     `json:"threads_ended,omitempty"` // in that interval; their switches and wait are missing
	// Processes is how many these figures are the sums of, absent for one: a
	// foreign server and its descendants. Memory that they share counts for each.
	Processes      int      `json:"processes,omitempty"`
	ProcessesEnded int      `json:"processes_ended,omitempty"` // in that interval, at least; what they used is missing
	PeakRSS        uint64   `json:"peak_rss_bytes"`
	Threads        int      `json:"threads"`
	Helpers        []Helper `json:"io_uring_helpers,omitempty"` // iou-sqp-*, iou-wrk-*; contained in CPUSeconds
	CPUs           int      `json:"cpus"`                       // it was allowed to use
	// SpinSeconds of CPUSeconds a client burnt waiting for a message to be due.
	SpinSeconds float64 `json:"spin_seconds,omitempty"`
}

// An IdleMemory is by how much memory grew when connections were opened that each
// had a message answered and have been silent since. They were answered again when
// the load was over.
type IdleMemory struct {
	Connections int `json:"connections"`
	// User is the server's private memory; nil where its process is not known.
	User *int64 `json:"user_bytes,omitempty"`
	// Kernel is the whole machine's: objects of both ends of the connections,
	// threads' kernel stacks, page tables.
	Kernel *int64 `json:"kernel_bytes,omitempty"`
	Source string `json:"kernel_source"` // of Kernel, or why there is none
}

// A Slowed is CPU that was burnt on purpose, as those who did have timed it.
type Slowed struct {
	Messages   float64 `json:"messages"` // received
	CPUSeconds float64 `json:"cpu_seconds"`
}

// A Helper is one kind of io_uring kernel thread of a process.
type Helper struct {
	Name       string  `json:"name"` // "iou-sqp", "iou-wrk"
	Threads    int     `json:"threads"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

// Machine is what the whole machine did during the window.
type Machine struct {
	Seconds        float64 `json:"seconds"`
	BusySeconds    float64 `json:"busy_seconds"` // user+nice+system+irq+softirq over all CPUs
	UserSeconds    float64 `json:"user_seconds"`
	KernelSeconds  float64 `json:"kernel_seconds"` // system+irq+softirq
	SoftirqSeconds float64 `json:"softirq_seconds"`
	StealSeconds   float64 `json:"steal_seconds"`
	OtherSeconds   float64 `json:"other_process_seconds"` // busy beyond the processes under test
	// Throttled is how many times a CPU quota stopped us; nil where there is none.
	Throttled *uint64 `json:"throttled,omitempty"`
}

// A Moment is a part of a window by itself, held against the Limits for trials.
type Moment struct {
	Machine
	Disturbed string `json:"disturbed,omitempty"`
}

// Hiccups are how late a thread was woken that only sleeps, EverySeconds, on each
// CPU of a side: what befalls whoever is on that CPU. CPUs that server and client
// share are the server's.
type Hiccups struct {
	EverySeconds float64    `json:"every_seconds"` // of the CPU with the fewest wake-ups
	Server       *Histogram `json:"server_cpus,omitempty"`
	Client       *Histogram `json:"client_cpus,omitempty"`
	// CPUSeconds is what it took to know, over all CPUs, within Machine.Seconds.
	CPUSeconds float64 `json:"cpu_seconds"`
}

// A Floor is what the load generator costs by itself: the same engine on the
// null backend, which answers within the process.
type Floor struct {
	Seconds    float64 `json:"window_seconds"`
	Messages   uint64  `json:"messages"`
	CPUSeconds float64 `json:"cpu_seconds"`
}
