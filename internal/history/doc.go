// Package history keeps what results said, over commits, and finds where a figure
// changed for good. A store is a directory that git can hold: an entry, once added, is
// a file of its own that is never written again, so that any number of writers add at
// the same time, one that is killed leaves nothing half done, and branches that each
// added entries merge without a conflict. It keeps medians with their intervals and the
// conditions they were measured under, not trials (doc/adr/0008-history.md).
package history
