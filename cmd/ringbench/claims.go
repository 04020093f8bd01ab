package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/claims"
	"github.com/ringbench/ringbench/internal/result"
)

// fullSessions is how often the full set measures everything, one round after the
// other, so that the sessions of a run lie some minutes apart.
const fullSessions = 5

func claimsCommand() *cobra.Command {
	var quick bool
	var keep, from string
	c := &cobra.Command{
		Use:   "claims",
		Short: "What was claimed of io_uring: reproduced here, or refuted?",
		Long: `Measures on this machine what is published of io_uring against epoll, thread pools
and blocking calls, and prints a page of Markdown: each sentence, where its number
came from, this machine's figure with its interval, the verdict, and the command
that repeats it. All is measured five times over, in half an hour; with --quick once.`,
		Example: `  ringbench claims --quick
  ringbench claims --results=claims > claims.md
  ringbench claims --from=claims > claims.md`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if from != "" {
				if quick || keep != "" {
					return errors.New("--from makes the page of results that are there, and takes neither --quick nor --results")
				}
				return claimed(c.OutOrStdout(), from, nil)
			}
			dir := keep
			if dir == "" {
				var err error
				if dir, err = os.MkdirTemp("", "ringbench-claims-"); err != nil {
					return fmt.Errorf("%w; set TMPDIR to a directory that can be written, or name one with --results", err)
				}
				defer os.RemoveAll(dir)
			} else if err := os.MkdirAll(dir, 0o777); err != nil {
				return fmt.Errorf("--results=%s: %w; name another directory", dir, err)
			}
			if err := result.Writable(claimFile(dir, claims.Order[0], 1)); err != nil {
				return err
			}
			sessions := fullSessions
			if quick {
				sessions = 1
			}
			why, err := measureClaims(c.Context(), dir, sessions)
			if err != nil {
				return err
			}
			return claimed(c.OutOrStdout(), dir, why)
		},
	}
	f := c.Flags()
	f.BoolVar(&quick, "quick", false, "one session, in about six minutes")
	f.StringVar(&keep, "results", "", "directory that the result of each run is kept in")
	f.StringVar(&from, "from", "", "measure nothing: print the page of the results in this directory")
	return c
}

// claimFile is where the result of a session of a run is kept.
func claimFile(dir, name string, session int) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%d.json", name, session))
}

// claimFiles are those that there are, in the order of their sessions.
func claimFiles(dir, name string) (paths []string) {
	for session := 1; ; session++ {
		path := claimFile(dir, name, session)
		if _, err := os.Stat(path); err != nil {
			return paths
		}
		paths = append(paths, path)
	}
}

// measureClaims runs what the figures are of, each session of it into a file in dir,
// which takes the place of what was there. A run that this machine refuses is in why;
// the others go on.
func measureClaims(ctx context.Context, dir string, sessions int) (why map[string]string, err error) {
	for _, name := range claims.Order {
		for _, path := range claimFiles(dir, name) {
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("%w; name another directory", err)
			}
		}
	}
	why = map[string]string{}
	for session := 1; session <= sessions; session++ {
		for i, name := range claims.Order {
			if why[name] != "" {
				continue
			}
			fmt.Fprintf(os.Stderr, "%d/%d  ringbench %s\n", (session-1)*len(claims.Order)+i+1, sessions*len(claims.Order), strings.Join(claims.Runs[name], " "))
			switch err := measureClaim(ctx, claims.Runs[name], claimFile(dir, name, session)); {
			case errors.Is(err, context.Canceled):
				return nil, err
			case err != nil:
				why[name] = strings.ReplaceAll(err.Error(), "\n", "; ")
			}
		}
	}
	return why, nil
}

func measureClaim(ctx context.Context, args []string, path string) error {
	c, err := measuring(args[0])
	if err != nil {
		return err
	}
	if err := c.Flags().Parse(append(slices.Clone(args[1:]), "--output="+path)); err != nil {
		return err
	}
	c.SetContext(ctx)
	c.SetOut(io.Discard)
	return c.RunE(c, nil)
}

// claimResult is the sessions of a run as one result, nil where there is none.
func claimResult(dir, name string) (*result.Set, error) {
	var sessions []result.Source
	for _, path := range claimFiles(dir, name) {
		set, err := result.Read(path)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, result.Source{Name: filepath.Base(path), Set: set})
	}
	if sessions == nil {
		return nil, nil
	}
	return result.Join(sessions...)
}

// claimed prints the page of the results in dir, of which there is one unless why says
// why not.
func claimed(w io.Writer, dir string, why map[string]string) error {
	r := claims.Report{Outcomes: map[string]claims.Outcome{}}
	found := false
	for _, name := range claims.Order {
		set, err := claimResult(dir, name)
		if err != nil {
			return err
		}
		found = found || set != nil
		r.Outcomes[name] = claims.Outcome{Set: set, Why: why[name]}
	}
	if !found && why == nil {
		return fmt.Errorf("--from=%s: it has no result of ringbench claims; name a directory that --results was", dir)
	}
	return r.Markdown(w)
}
