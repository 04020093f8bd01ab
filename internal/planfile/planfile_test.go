package planfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	read := func(text string) ([]Document, error) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return Read(path)
	}
	got, err := read("# two\nrun: echo\nconns: [1, 64] # few\nserver-cmd:\n  - a=x {port}, y\n\n---\nseed: 7\nrun: ablate echo\nduet: true\n")
	want := []Document{
		{Line: 2, Command: "echo", Options: []Option{{3, "conns", []string{"1", "64"}}, {4, "server-cmd", []string{"a=x {port}, y"}}}},
		{Line: 9, Command: "ablate echo", Options: []Option{{8, "seed", []string{"7"}}, {10, "duet", []string{"true"}}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "it is empty; say what to run"},
		{"comment", "# nothing\n", "it is empty"},
		{"no mapping", "\n- echo\n", ":2: a plan is keys with values"},
		{"no command", "seed: 1\n", `:1: there is no key "run"`},
		{"empty document", "run: echo\n---\n---\nrun: echo\n", "a plan is keys with values"},
		{"twice", "run: echo\nseed: 1\nseed: 2\n", `:3: "seed" stands there twice`},
		{"no value", "run: echo\nseed:\n", `:2: "seed": it takes a value or a list of values`},
		{"empty list", "run: echo\nconns: []\n", `:2: "conns": the list has no values`},
		{"nested", "run: echo\nconns: [1, [2]]\n", `:2: "conns": it takes a value or a list`},
		{"mapping", "run: echo\nconns: {a: 1}\n", `:2: "conns": it takes a value or a list`},
		{"alias", "run: echo\nconns: &a [1]\nsize: *a\n", `:3: "size": it takes a value or a list`},
		{"two lines", "run: echo\nplacement: \"a\\nb\"\n", `:2: "placement": a value is one line`},
		{"key of many words", "run: echo\n? [a, b]\n: 1\n", ":2: a key is a word"},
		{"no YAML", "run: echo\n\tconns: 1\n", `:2: not YAML: "found a tab character that violates indentation"`},
		{"binary", "\x7fELF\x02", "not YAML"},
		{"bottomless", strings.Repeat("[", 1<<16), "not YAML"},
		{"endless", strings.Repeat("run: echo\n---\n", documentsMax+1), "more than 1000 documents"},
		{"vast", strings.Repeat(" ", sizeMax+1), "larger than 1024 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q and the path", err, c.want)
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
}

// FuzzDecode holds decode to its promise: documents with commands and options
// with values, or an error, whatever the file.
func FuzzDecode(f *testing.F) {
	plans, err := filepath.Glob("../../doc/plans/*.yaml")
	if err != nil || len(plans) == 0 {
		f.Fatal(plans, err)
	}
	for _, path := range plans {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("run: &a echo\nb: *a\n<<: {c: !!binary aGk=}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		documents, err := decode(b)
		if err == nil && len(documents) == 0 {
			t.Error("neither a document nor an error")
		}
		for _, d := range documents {
			if d.Command == "" || d.Line < 1 {
				t.Errorf("document %+v", d)
			}
			for _, o := range d.Options {
				if len(o.Values) == 0 || o.Line < 1 || o.Name == Run {
					t.Errorf("option %+v", o)
				}
			}
		}
	})
}
