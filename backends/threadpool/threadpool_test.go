package threadpool

import (
	"testing"

	"github.com/ringbench/ringbench/backends/backendtest"
)

func TestConformance(t *testing.T) { backendtest.Run(t, newBackend("threadpool")) }
