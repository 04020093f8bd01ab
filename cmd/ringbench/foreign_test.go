package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// foreignServer is an echo server as someone else might write it. kind names
// what is wrong with it.
func foreignServer(kind, port string) error {
	switch kind {
	case "refuses":
		fmt.Fprintln(os.Stderr, "starting")
		fmt.Fprintln(os.Stderr, "the licence has expired")
		os.Exit(4)
	case "kills": // ringbench, when it is started for the second time
		if _, err := os.Stat("starts"); err == nil {
			if _, err := os.Stat("killed"); err != nil {
				_ = os.WriteFile("killed", nil, 0o600)
				_ = syscall.Kill(os.Getppid(), syscall.SIGKILL)
			}
		}
		if err := os.WriteFile("starts", nil, 0o600); err != nil {
			return err
		}
	case "interrupts": // ringbench, when it is started for the second time and for the third
		f, err := os.OpenFile("starts", os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return err
		}
		_, _ = f.WriteString(".")
		if info, err := f.Stat(); err == nil && (info.Size() == 2 || info.Size() == 3) {
			_ = syscall.Kill(os.Getppid(), syscall.SIGINT)
		}
	case "deaf":
		time.Sleep(time.Hour)
	case "lingers":
		signal.Ignore(syscall.SIGTERM)
	case "grumbles":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		go func() {
			<-term
			fmt.Fprintln(os.Stderr, "not now")
			os.Exit(5)
		}()
	}
	if kind == "late" { // another takes the port that it is told
		if err := os.WriteFile("port", []byte(port+"\n"), 0o600); err != nil {
			return err
		}
		for !taken(port) {
			time.Sleep(time.Millisecond)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil && kind == "late" { // it does not give up
		fmt.Fprintln(os.Stderr, err)
		time.Sleep(time.Hour)
	}
	if err != nil {
		return err
	}
	var once sync.Once
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := echo(c, kind, &once); err != nil && !errors.Is(err, io.EOF) {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
}

func taken(port string) bool {
	c, err := net.Dial("tcp", "127.0.0.1:"+port)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// messageSize is what the tests send at a time.
const messageSize = 64

var (
	othersMutex sync.Mutex
	others      []byte // a message of another connection
)

// echo serves one connection, and does its mischief at the 20th message.
func echo(c net.Conn, kind string, once *sync.Once) error {
	b := make([]byte, messageSize)
	for n := 1; ; n++ {
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		if kind == "dies" {
			once.Do(func() {
				time.AfterFunc(100*time.Millisecond, func() {
					fmt.Fprintln(os.Stderr, "all is well")
					fmt.Fprintln(os.Stderr, "out of cheese")
					os.Exit(3)
				})
			})
		}
		answer := b
		if kind == "forgets" {
			once.Do(func() { answer = nil }) // the first message of one connection
		}
		if n == 20 && kind == "panics" {
			panic("on purpose")
		}
		if n == 20 {
			answer = mischief(kind, b)
		}
		othersMutex.Lock()
		others = append(others[:0], b...)
		othersMutex.Unlock()
		if _, err := c.Write(answer); err != nil {
			return err
		}
		if n == 20 && kind == "hangs-up" {
			return nil
		}
	}
}

// mischief is what the server sends in place of message b.
func mischief(kind string, b []byte) []byte {
	switch kind {
	case "corrupts":
		wrong := append([]byte(nil), b...)
		wrong[17] ^= 0x40
		return wrong
	case "mixes-up":
		othersMutex.Lock()
		defer othersMutex.Unlock()
		return append([]byte(nil), others...)
	case "loses":
		return nil
	case "repeats":
		return append(append([]byte(nil), b...), b...)
	case "adds":
		return append(append([]byte(nil), b...), 0)
	}
	return b
}
