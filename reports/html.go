package reports

import (
	"io"

	"github.com/ringbench/ringbench/internal/result"
	"github.com/ringbench/ringbench/reports/page"
)

// HTML prints one page that needs nothing else: no network, and no script to be read.
// What limits the figures comes before them; the raw result is embedded.
func HTML(w io.Writer, s *result.Set) error { return page.Write(w, Document(s)) }
