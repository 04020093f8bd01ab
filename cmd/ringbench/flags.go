package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringbench/ringbench/backends"
)

// flagError says what a flag takes, in place of what a parser of numbers says.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		typed, _, _ := strings.Cut(cmp.Or(unknown.GetSpecifiedShortnames(), unknown.GetSpecifiedName()), "=")
		if near := nearest(c, typed); len(near) > 0 {
			return fmt.Errorf("%w; --%s may be meant, see %s --help", err, strings.Join(near, " or --"), c.CommandPath())
		}
	}
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	}
	f := invalid.GetFlag()
	return fmt.Errorf("--%s=%s: %s", f.Name, invalid.GetValue(), takes(f.Value.Type()))
}

// meant refuses flags whose values cannot have been meant: nothing, as by a variable
// of a script that is not set, and -output=FILE, of which pflag makes the file
// "utput=FILE".
func meant(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		list, many := f.Value.(pflag.SliceValue)
		text := f.Value.String()
		switch {
		case err != nil:
		case f.Value.Type() == "string" && text == "", many && len(list.GetSlice()) == 0:
			err = fmt.Errorf("--%s names no value: give it one, or leave it out", f.Name)
		case f.Value.Type() == "stringToString":
			pairs, _ := c.Flags().GetStringToString(f.Name)
			for name, value := range pairs {
				if name == "" || value == "" {
					err = fmt.Errorf("--%s=%s=%s: %s", f.Name, name, value, takes(f.Value.Type()))
				}
			}
		case f.Shorthand != "" && strings.HasPrefix(text, f.Name[1:]+"="):
			err = fmt.Errorf("-%s%s takes two dashes: --%[1]s%[2]s", f.Shorthand, text)
		}
	})
	return err
}

// nearest are the flags that may have been meant by one that there is not, as cobra
// finds them for commands.
func nearest(c *cobra.Command, typed string) []string {
	if len(typed) < 3 { // from which any short name is near
		return nil
	}
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return names.SuggestionsFor(typed)
}

func takes(kind string) string {
	switch kind {
	case "int":
		return "it takes a whole number"
	case "uint64":
		return "it takes a whole number from 0 to 2^64-1"
	case "intSlice":
		return "it takes whole numbers, with commas between them, such as 1,64,1000"
	case "messageSizes":
		return "it takes numbers of bytes, with commas between them, such as 64,4k, or with weights, such as 64:90,1k:9,16k:1"
	case "rates":
		return "it takes numbers, with commas between them, such as 1000,20k,2.5e4, and sweeps such as 1k..200k:8"
	case "size":
		return "it takes a number of bytes above 0, such as 4096, 64k or 4g"
	case "sizes":
		return "it takes numbers of bytes above 0, with commas between them, such as 4k,64k,1m"
	case "percent":
		return "it takes a share above 0 %, such as 2%"
	case "duration":
		return "it takes a time with its unit, such as 500ms or 2s"
	case "bool":
		return "it takes true or false"
	case "age":
		return "it takes days or a time with its unit, such as 90d or 36h"
	case "time":
		return "it takes a date, such as 2026-11-01 or 2026-11-01T12:00:00Z"
	case "stringToString":
		return "it takes name=value"
	}
	return "it takes a " + kind
}

// noArguments is for commands that are told everything by flags.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%q is not understood: %s takes options of the form --name=value only; see %s --help", args[0], c.CommandPath(), c.CommandPath())
}

// subcommandOnly is for commands that do nothing by themselves.
func subcommandOnly(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("unknown command %q: %s knows %s", args[0], c.CommandPath(), strings.Join(subcommands(c), ", "))
}

func subcommands(c *cobra.Command) (names []string) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// completions makes a shell complete the last element of a list of words.
func completions(words ...string) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndexByte(typed, ',')+1]
		list := make([]string, len(words))
		for i, w := range words {
			list[i] = before + w
		}
		return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// variants lists the servers that can be named, each also with one feature
// turned on or off.
func variants() (names []string) {
	for _, f := range backends.Families() {
		if f.Rank == 0 {
			continue
		}
		names = append(names, f.Name)
		for feature := range f.Features {
			names = append(names, f.Name+"+"+feature)
			if !strings.HasSuffix(feature, "=") { // one with a value is not in the default
				names = append(names, f.Name+"-"+feature)
			}
		}
	}
	slices.Sort(names)
	return names
}

// complete registers what the flags of c take, where that is a fixed set.
func complete(c *cobra.Command, words map[string][]string) {
	for flag, list := range words {
		if err := c.RegisterFlagCompletionFunc(flag, completions(list...)); err != nil {
			panic(err) // a flag that does not exist: a mistake of this program
		}
	}
}

// An age is a flag that takes days, or what time.ParseDuration does.
type age time.Duration

func (a *age) Type() string { return "age" }

func (a *age) String() string {
	if *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

func (a *age) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		*a = age(n) * age(24*time.Hour)
		return err
	}
	d, err := time.ParseDuration(text)
	if err == nil && d <= 0 {
		err = fmt.Errorf("%q is no age", text)
	}
	*a = age(d)
	return err
}
