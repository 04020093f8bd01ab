package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ringbench/ringbench/internal/claims"
	"github.com/ringbench/ringbench/internal/result"
)

// fullSessions are what the quick set is repeated by.
const fullSessions = 3

func claimsCommand() *cobra.Command {
	var quick bool
	var keep, from string
	c := &cobra.Command{
		Use:   "claims",
		Short: "What was claimed of io_uring: reproduced here, or refuted?",
		Long: `Measures on this machine what is published of io_uring against epoll, thread pools
and blocking calls, and prints a page of Markdown: each sentence, where its number
came from, this machine's figure with its interval, the verdict, and the command
that repeats it. All takes an hour, with --quick some minutes and one session.`,
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
			if err := result.Writable(filepath.Join(dir, claims.Order[0]+".json")); err != nil {
				return err
			}
			why, err := measureClaims(c.Context(), dir, quick)
			if err != nil {
				return err
			}
			return claimed(c.OutOrStdout(), dir, why)
		},
	}
	f := c.Flags()
	f.BoolVar(&quick, "quick", false, "one session, in about ten minutes")
	f.StringVar(&keep, "results", "", "directory that the result of each run is kept in")
	f.StringVar(&from, "from", "", "measure nothing: print the page of the results in this directory")
	return c
}

// measureClaims runs what the figures are of, each into a file of its name in dir.
// A run that this machine refuses is in why; the others go on.
func measureClaims(ctx context.Context, dir string, quick bool) (why map[string]string, err error) {
	why = map[string]string{}
	for i, name := range claims.Order {
		args := slices.Clone(claims.Runs[name])
		if !quick {
			args = append(args, fmt.Sprintf("--sessions=%d", fullSessions), "--session-gap=1m")
		}
		path := filepath.Join(dir, name+".json")
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; name another directory", err)
		}
		fmt.Fprintf(os.Stderr, "%d/%d  ringbench %s\n", i+1, len(claims.Order), strings.Join(args, " "))
		c, err := measuring(args[0])
		if err != nil {
			return nil, err
		}
		if err := c.Flags().Parse(append(args[1:], "--output="+path)); err != nil {
			return nil, err
		}
		c.SetContext(ctx)
		c.SetOut(io.Discard)
		switch err := c.RunE(c, nil); {
		case errors.Is(err, context.Canceled):
			return nil, err
		case err != nil:
			why[name] = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
	}
	return why, nil
}

// claimed prints the page of the results in dir, of which there is one unless why says
// why not.
func claimed(w io.Writer, dir string, why map[string]string) error {
	r := claims.Report{Outcomes: map[string]claims.Outcome{}}
	found := false
	for _, name := range claims.Order {
		set, err := result.Read(filepath.Join(dir, name+".json"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			r.Outcomes[name] = claims.Outcome{Why: why[name]}
		case err != nil:
			return err
		default:
			found = true
			r.Outcomes[name] = claims.Outcome{Set: set, Why: why[name]}
		}
	}
	if !found && why == nil {
		return fmt.Errorf("--from=%s: it has no result of ringbench claims; name a directory that --results was", dir)
	}
	return r.Markdown(w)
}
