package backendtest

import "time"

// SetPatience shortens the wait for what will never come.
func SetPatience(d time.Duration) { patience = d }
