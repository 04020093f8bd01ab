package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/internal/planfile"
	"github.com/ringbench/ringbench/internal/result"
)

func schemaCommand() *cobra.Command {
	schemas := map[string]func(io.Writer) error{"plan": planSchema, "result": stored(result.JSONSchema), "gate": stored(gate.JSONSchema)}
	names := []string{"plan", "result", "gate"}
	return &cobra.Command{
		Use:       "schema plan|result|gate",
		Short:     "Print the JSON Schema of a plan, which ringbench run takes, of a result, or of a gate's rules",
		Example:   "  ringbench schema plan\n  ringbench schema result\n  ringbench schema gate",
		ValidArgs: names,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(names, args[0]) {
				return fmt.Errorf("%s takes one of %s", c.CommandPath(), strings.Join(names, ", "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := schemas[args[0]](c.OutOrStdout()); err != nil {
				return failure{err}
			}
			return nil
		},
	}
}

func stored(schema []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(schema)
		return err
	}
}

// planSchema is made of the flags that commands have, so that a new flag is a new
// key. What a value may be beyond its type, the command checks.
func planSchema(w io.Writer) error {
	var commands []any
	for _, c := range measurements() {
		properties := map[string]any{planfile.Run: map[string]any{"const": commandName(c), "description": c.Short}}
		for _, f := range planned(c) {
			properties[f.Name] = map[string]any{"description": f.Usage, "anyOf": forms(f)}
		}
		commands = append(commands, map[string]any{
			"type": "object", "properties": properties, "required": []string{planfile.Run}, "additionalProperties": false,
		})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "a document of a plan of ringbench",
		"description": "What ringbench run takes: a command that measures, and its options.",
		"oneOf":       commands,
	})
}

// forms are what the value of a flag may be in YAML.
func forms(f *pflag.Flag) []any {
	of := func(kind string) any { return map[string]any{"type": kind} }
	text := func(pattern string) any { return map[string]any{"type": "string", "pattern": pattern} }
	list := func(elements ...any) []any {
		return append(elements, map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"anyOf": elements}})
	}
	const bytes = `[0-9]+[kKmMgGtT]?`
	switch f.Value.Type() {
	case "bool":
		return []any{of("boolean")}
	case "int":
		return []any{of("integer")}
	case "uint64":
		return []any{map[string]any{"type": "integer", "minimum": 0}}
	case "duration":
		return []any{map[string]any{"const": 0}, text(`^-?([0-9]*\.?[0-9]+(ns|us|µs|ms|s|m|h))+$`)}
	case "percent":
		return []any{text(`^[0-9.eE+-]+%$`)}
	case "size":
		return []any{of("integer"), text("^" + bytes + "$")}
	case "sizes":
		return list(of("integer"), text("^"+bytes+"(,"+bytes+")*$"))
	case "intSlice":
		return list(of("integer"), text("^[0-9]+(,[0-9]+)*$"))
	case "float64Slice":
		return list(of("number"), text("^[0-9.eE+-]+(,[0-9.eE+-]+)*$"))
	}
	return list(of("string"), of("number"))
}
