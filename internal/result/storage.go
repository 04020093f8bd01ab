package result

// A Storage is the file that a run worked on, and what it lies on. What could
// not be found out is empty.
type Storage struct {
	Path       string `json:"path"` // of the directory, where the file was ringbench's own
	Own        bool   `json:"own"`
	Bytes      int64  `json:"bytes"` // that were used, from its beginning
	FileSystem string `json:"file_system"`
	MountPoint string `json:"mount_point"`
	Device     string `json:"device,omitempty"` // its name in sysfs
	Queue      *Queue `json:"queue,omitempty"`  // of the device
}

// A Queue is how the kernel passes requests to a block device.
type Queue struct {
	Scheduler  string `json:"scheduler"`
	Polls      bool   `json:"poll_queues"` // IOPOLL can be had
	Requests   int    `json:"requests"`    // that may wait in it
	Rotational bool   `json:"rotational"`
	WriteCache string `json:"write_cache"` // "write back" needs flushing, "write through" does not
	BlockBytes int    `json:"logical_block_bytes"`
}
