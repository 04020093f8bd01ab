package reports

import (
	"fmt"
	"strings"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/internal/stat"
)

// storageNotes say what the file lies on, if there is one.
func storageNotes(s *result.Set) []note {
	f := s.Storage
	if f == nil {
		return nil
	}
	what := f.Path
	if f.Own {
		what = "of ringbench's own in " + f.Path
	}
	parts := []string{what, or(f.FileSystem, "unknown file system") + " at " + or(f.MountPoint, "an unknown place")}
	if f.Device != "" {
		parts = append(parts, "device "+f.Device)
	}
	if q := f.Queue; q != nil {
		polls := "no poll queues"
		if q.Polls {
			polls = "poll queues"
		}
		parts = append(parts, fmt.Sprintf("scheduler %s, %s, %s requests, write cache %s", or(q.Scheduler, "unknown"), polls, stat.Count(q.Requests), or(q.WriteCache, "unknown")))
		if q.Rotational {
			parts = append(parts, "rotational")
		}
	}
	return []note{{"file", strings.Join(parts, "; "), false}}
}

// megabytes is a throughput in MB/s.
func megabytes(bytesPerSecond float64) string { return figure(bytesPerSecond / 1e6) }
