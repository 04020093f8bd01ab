package reports

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/ringbench/ringbench/internal/result"
)

// JSON prints the set as it is stored in a result file.
func JSON(w io.Writer, s *result.Set) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}
