//go:build !amd64

package uapi

import "sync/atomic"

// StoreRelease writes a word that the kernel reads after what was written before it.
func StoreRelease(word *atomic.Uint32, v uint32) { word.Store(v) }
