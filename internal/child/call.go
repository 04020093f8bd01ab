package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// calls is the parent's side of a child's control pipes.
type calls struct {
	requests, replies *os.File
	gone              chan struct{} // closed when no more replies can come

	mu      sync.Mutex // guards what follows, and the order of requests
	last    uint64
	pending map[uint64]chan reply
}

// newCalls makes the pipes and hands the child's ends to cmd.
func newCalls(cmd *exec.Cmd) (*calls, error) {
	childIn, requests, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make control pipe: %w", err)
	}
	replies, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		requests.Close()
		return nil, fmt.Errorf("make control pipe: %w", err)
	}
	cmd.ExtraFiles = []*os.File{childIn, childOut}
	return &calls{requests: requests, replies: replies, gone: make(chan struct{}), pending: map[uint64]chan reply{}}, nil
}

// start sends the configuration and begins to take replies.
func (c *calls) start(config []byte) {
	_, _ = c.requests.Write(append(config, '\n')) // a child that is gone by now shows in the first call
	go c.read()
}

func (c *calls) read() {
	defer close(c.gone)
	defer c.replies.Close()
	dec := json.NewDecoder(c.replies)
	for {
		var r reply
		if dec.Decode(&r) != nil {
			return
		}
		c.mu.Lock()
		ch := c.pending[r.ID]
		delete(c.pending, r.ID)
		c.mu.Unlock()
		if ch != nil { // else its caller has given up
			ch <- r
		}
	}
}

// hangUp closes the request pipe, which tells the child to exit.
func (c *calls) hangUp() { c.requests.Close() }

// abandon closes both pipes of a child that was never started.
func (c *calls) abandon() {
	c.requests.Close()
	c.replies.Close()
}

// send sends a request and returns where its reply will come.
func (c *calls) send(ctx context.Context, method string, params json.RawMessage) (uint64, <-chan reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	line, err := json.Marshal(request{ID: c.last, Method: method, Params: params})
	if err != nil {
		return 0, nil, err
	}
	ch := make(chan reply, 1)
	c.pending[c.last] = ch
	deadline, _ := ctx.Deadline() // the zero time is none
	if err = c.requests.SetWriteDeadline(deadline); err == nil {
		_, err = c.requests.Write(append(line, '\n'))
	}
	if err != nil {
		// Part of the line may be out: the pipe is of no use any more.
		delete(c.pending, c.last)
		c.requests.Close()
	}
	return c.last, ch, err
}

func (c *calls) forget(id uint64) {
	c.mu.Lock()
	delete(c.pending, id)
	c.mu.Unlock()
}

// Call sends method and in to the child and waits for what its handler returns,
// which is decoded into out unless that is nil. The child does one call after
// the other. The error is the handler's, or names how the child ended; when ctx
// ends first, the child still does its work and the reply is dropped.
func (p *Proc) Call(ctx context.Context, method string, in, out any) error {
	if p.calls == nil {
		return fmt.Errorf("%s: %s: this foreign program takes no calls", p.name, method)
	}
	params, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %s: encode parameters: %w", p.name, method, err)
	}
	if over(ctx) { // a write whose time is over would break the pipe and blame the child
		return fmt.Errorf("%s: %s: no reply: %w", p.name, method, context.Cause(ctx))
	}
	id, ch, err := p.calls.send(ctx, method, params)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		<-ctx.Done()
		return fmt.Errorf("%s: %s: the child takes no requests: %w", p.name, method, context.Cause(ctx))
	}
	if err != nil {
		return p.lost(method)
	}
	select {
	case r := <-ch:
		return p.accept(method, r, out)
	case <-p.calls.gone:
		select {
		case r := <-ch: // it came before
			return p.accept(method, r, out)
		default:
			return p.lost(method)
		}
	case <-ctx.Done():
		p.calls.forget(id)
		return fmt.Errorf("%s: %s: no reply: %w", p.name, method, context.Cause(ctx))
	}
}

// over reports whether ctx has ended or is about to: on a busy machine it is
// told so some time after its deadline.
func over(ctx context.Context) bool {
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

func (p *Proc) accept(method string, r reply, out any) error {
	if r.Error != "" {
		return fmt.Errorf("%s: %s: %s", p.name, method, r.Error)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(r.Result, out); err != nil {
		return fmt.Errorf("%s: %s: decode reply: %w", p.name, method, err)
	}
	return nil
}

// lost explains why there was no reply.
func (p *Proc) lost(method string) error {
	select {
	case <-p.done:
		return fmt.Errorf("%s: %s", method, p.ended())
	case <-time.After(2 * stderrDelay):
		return fmt.Errorf("%s: %s: the child closed its control pipe", p.name, method)
	}
}
