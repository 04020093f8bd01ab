// Package planfile reads a file of plans: YAML documents, each a mapping of which
// one key, run, names a command and every other is an option of it. It knows the
// form alone; which options there are and what they take, their command knows.
package planfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Run is the key that names the command.
const Run = "run"

// Limits of a file: one of ours is a few hundred bytes.
const (
	sizeMax      = 1 << 20
	documentsMax = 1000
)

// A Document is one run.
type Document struct {
	Line    int    // of Run
	Command string // "echo", "ablate echo"
	Options []Option
}

// An Option is a key other than Run.
type Option struct {
	Line   int
	Name   string
	Values []string // of a list, or one
}

// An Error is at a line of a file.
type Error struct {
	Path string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.Path, e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Read loads a file. Whatever it holds, the outcome is at least one Document, in
// which no option is named twice, or an error of one line.
func Read(path string) ([]Document, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read plan: %w; name a file that says what to run", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, sizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(b) > sizeMax {
		return nil, fmt.Errorf("read plan %s: larger than %d KiB, so not a plan", path, sizeMax>>10)
	}
	documents, err := decode(b)
	var at *Error
	if errors.As(err, &at) {
		at.Path = path
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("read plan %s: %w", path, err)
	}
	return documents, nil
}

func decode(b []byte) (documents []Document, err error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var n yaml.Node
		err := d.Decode(&n)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, NotYAML(err)
		}
		if len(documents) == documentsMax {
			return nil, &Error{Line: n.Line, Err: fmt.Errorf("more than %d documents", documentsMax)}
		}
		one, err := document(&n)
		if err != nil {
			return nil, err
		}
		documents = append(documents, one)
	}
	if len(documents) == 0 {
		return nil, fmt.Errorf("it is empty; say what to run, such as %s: echo", Run)
	}
	return documents, nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// NotYAML puts an error of the parser into our form.
func NotYAML(err error) error {
	text, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		fmt.Sscan(m[1], &line)
	}
	return &Error{Line: line, Err: fmt.Errorf("not YAML: %.200q", text)}
}

func document(n *yaml.Node) (d Document, err error) {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode {
		return d, &Error{Line: n.Line, Err: fmt.Errorf("a plan is keys with values, such as %s: echo", Run)}
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind != yaml.ScalarNode || len(key.Value) > 100 {
			return d, &Error{Line: key.Line, Err: errors.New("a key is a word")}
		}
		if seen[key.Value] {
			return d, &Error{Line: key.Line, Err: fmt.Errorf("%q stands there twice", key.Value)}
		}
		seen[key.Value] = true
		values, err := values(value)
		if err != nil {
			return d, &Error{Line: value.Line, Err: fmt.Errorf("%q: %w", key.Value, err)}
		}
		if key.Value != Run {
			d.Options = append(d.Options, Option{key.Line, key.Value, values})
			continue
		}
		d.Line, d.Command = key.Line, strings.Join(values, " ")
	}
	if d.Command == "" {
		return d, &Error{Line: n.Line, Err: fmt.Errorf("there is no key %q; say what to run, such as %s: echo", Run, Run)}
	}
	return d, nil
}

// values are what a key has: one value or a list of them. Aliases are not
// followed, so that a small file stays small.
func values(n *yaml.Node) (list []string, err error) {
	elements := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		elements = n.Content
	}
	for _, e := range elements {
		if e.Kind != yaml.ScalarNode || e.ShortTag() == "!!null" {
			return nil, errors.New("it takes a value or a list of values")
		}
		if strings.ContainsFunc(e.Value, unicode.IsControl) {
			return nil, errors.New("a value is one line")
		}
		list = append(list, e.Value)
	}
	if len(list) == 0 {
		return nil, errors.New("the list has no values")
	}
	return list, nil
}
