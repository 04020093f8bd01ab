package backends

// A Capability is something that a backend's kernel interface offers, and what
// becomes of it here.
type Capability struct {
	Name      string `json:"name"`              // the feature's name in variants, or the kernel's where no variant has it
	Doc       string `json:"doc"`               // one line
	Since     string `json:"since"`             // the kernel's name for it and its first version: "IORING_SETUP_DEFER_TASKRUN, Linux 6.1"
	Supported bool   `json:"supported"`         // by this kernel, as it answered when asked
	Unknown   bool   `json:"unknown,omitempty"` // its answer does not tell, so Supported is false
	Usable    bool   `json:"usable"`            // and able to act on this machine
	Why       string `json:"why,omitempty"`     // why it is not usable, not supported or not known
	Default   bool   `json:"default"`           // in force when no variant is named
	Variant   string `json:"variant,omitempty"` // a backend's name that differs from the default in this alone, or "" where there is none
}
