package history

import (
	"path"
	"slices"
	"strings"
	"time"
)

// A Filter takes entries, and of those cells and metrics. What is zero takes all.
type Filter struct {
	Since, Until time.Time
	Commit       string            // that an entry's begins with
	Labels       map[string]string // that it has
	// Contestant, Load and Metric are patterns of path.Match, in which * is also for
	// slashes.
	Contestant, Load, Metric string
}

// Check reports a pattern that is none.
func (f Filter) Check() error {
	for _, p := range []string{f.Contestant, f.Load, f.Metric} {
		if _, err := path.Match(p, ""); err != nil {
			return err
		}
	}
	return nil
}

// Heads are those of the entries that f takes.
func (f Filter) Heads(all []Head) []Head {
	return slices.DeleteFunc(all, func(h Head) bool { return !f.takes(h) })
}

func (f Filter) takes(h Head) bool {
	for k, v := range f.Labels {
		if h.Labels[k] != v {
			return false
		}
	}
	return strings.HasPrefix(h.Commit, f.Commit) &&
		(f.Since.IsZero() || !h.Time.Before(f.Since)) && (f.Until.IsZero() || !h.Time.After(f.Until))
}

func (f Filter) takesFigure(k Key) bool {
	return matches(f.Contestant, k.Contestant) && matches(f.Load, k.Load) && matches(f.Metric, k.Metric)
}

func matches(pattern, name string) bool {
	if pattern == "" {
		return true
	}
	slashless := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	ok, _ := path.Match(slashless(pattern), slashless(name))
	return ok
}
