package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// roleVar tells a process that it is a child, and which.
const roleVar = "RINGBENCH_CHILD"

// The descriptors on which a child finds its control pipes: the first two after
// standard error, where os/exec puts ExtraFiles.
const (
	requestFD = 3
	replyFD   = 4
)

type request struct {
	ID     uint64          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params,omitempty"`
}

type reply struct {
	ID     uint64          `json:"id"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// A Control is a child's side of the connection with its parent.
type Control struct {
	config   json.RawMessage
	requests chan request
	replies  *json.Encoder
}

// Main returns at once unless this process was started as a child. Then it runs
// the role and exits: with status 0 when the role returns nil, else with status
// 1 and the error on standard error. Call it before anything else in main and
// in TestMain.
func Main(roles map[string]func(*Control) error) {
	role, ok := os.LookupEnv(roleVar)
	if !ok {
		return
	}
	os.Unsetenv(roleVar) // or our own children would take themselves for it
	if err := run(role, roles[role]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(role string, f func(*Control) error) error {
	if f == nil {
		return fmt.Errorf("%s=%s: no such role in this program; unset the variable to run it", roleVar, role)
	}
	// Every thread inherits the name, and top shows it instead of "exe".
	// A kernel that refuses costs us nothing but that.
	_ = os.WriteFile("/proc/self/comm", []byte("rb-"+role), 0)
	c, err := Controlled()
	if err != nil {
		return fmt.Errorf("%s is set, but %w; unset the variable", roleVar, err)
	}
	return f(c)
}

// Controlled opens the control pipes of a program that was started as a Command that
// Answers.
func Controlled() (*Control, error) {
	in, err := controlPipe(requestFD)
	if err != nil {
		return nil, err
	}
	out, err := controlPipe(replyFD)
	if err != nil {
		return nil, err
	}
	c := &Control{requests: make(chan request), replies: json.NewEncoder(out)}
	dec := json.NewDecoder(in)
	if err := dec.Decode(&c.config); err != nil {
		return nil, fmt.Errorf("read configuration from parent: %w", err)
	}
	go c.read(dec)
	return c, nil
}

// controlPipe opens an inherited pipe for the poller, so that a read that waits
// for the parent holds no thread.
func controlPipe(fd int) (*os.File, error) {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("descriptor %d is no control pipe: %w", fd, err)
	}
	return os.NewFile(uintptr(fd), "control"), nil
}

// read takes requests until the pipe closes. That means that the parent wants
// the child to stop or is dead itself, so it ends the process whatever the role
// is doing.
func (c *Control) read(dec *json.Decoder) {
	for {
		var r request
		err := dec.Decode(&r)
		if errors.Is(err, io.EOF) {
			os.Exit(0)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "read request from parent:", err)
			os.Exit(1)
		}
		c.requests <- r
	}
}

// Config decodes what the parent set as Spec.Config.
func (c *Control) Config(v any) error {
	if err := json.Unmarshal(c.config, v); err != nil {
		return fmt.Errorf("decode configuration from parent: %w", err)
	}
	return nil
}

// Serve answers the parent's calls, one after the other on the calling
// goroutine, and never returns: when the parent closes the pipe the process
// exits, even in the middle of a call. An error of a handler is the caller's
// error; the child goes on.
func (c *Control) Serve(handlers map[string]func(json.RawMessage) (any, error)) {
	for r := range c.requests {
		if err := c.replies.Encode(answer(r, handlers[r.Method])); err != nil {
			fmt.Fprintln(os.Stderr, "reply to parent:", err)
			os.Exit(1)
		}
	}
}

func answer(r request, h func(json.RawMessage) (any, error)) reply {
	if h == nil {
		return reply{ID: r.ID, Error: fmt.Sprintf("no such method %q", r.Method)}
	}
	v, err := h(r.Params)
	if err != nil {
		return reply{ID: r.ID, Error: err.Error()}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return reply{ID: r.ID, Error: fmt.Sprintf("encode result: %v", err)}
	}
	return reply{ID: r.ID, Result: b}
}
