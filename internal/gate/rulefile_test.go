package gate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/testenv"
)

func TestReadRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.yaml")
	read := func(text string) ([]Rule, error) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return ReadRules(path)
	}
	holds := testenv.Schema(t, JSONSchema)
	valid := func(text string) error {
		var doc any
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			return err
		}
		return holds(doc)
	}
	const good = `rules:
  - metric: cpu
    threshold: 2.5%
    contestants: uring*
  - {metric: p99, threshold: 0.1, loads: ["*open loop*", "*64 conn*"], optional: true}
  - metric: syscalls
    exact: true
  - {metric: throughput, threshold: 5 %, advice: true}
`
	want := []Rule{
		{Metric: compare.CPU, Threshold: 0.025, Contestants: []string{"uring*"}},
		{Metric: compare.P99, Threshold: 0.1, Loads: []string{"*open loop*", "*64 conn*"}, Optional: true},
		{Metric: compare.Syscalls, Exact: true},
		{Metric: compare.Throughput, Threshold: 0.05, Advice: true},
	}
	if got, err := read(good); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v; want %+v", got, err, want)
	}
	if err := valid(good); err != nil {
		t.Errorf("not valid by the schema: %v", err)
	}
	for _, c := range []struct {
		name, text, want string
		schema           bool // refuses it too
	}{
		{"empty", "", ":1: it is empty", false},
		{"no mapping", "- metric: cpu\n", ":1: keys with values are wanted", true},
		{"no rules", "rules: []\n", ":1: give a list of rules", true},
		{"rules of another kind", "rules: cpu\n", ":1: give a list of rules", true},
		{"unknown key", "rules:\n  - {metric: cpu, threshold: 1%}\nrule: 1\n", `:3: unknown key "rule"`, true},
		{"unknown key of a rule", "rules:\n  - metric: cpu\n    treshold: 1%\n", `:3: unknown key "treshold"`, true},
		{"no metric", "rules:\n  - threshold: 1%\n", ":2: the rule has no metric", true},
		{"unknown metric", "rules:\n  - metric: cpus\n    threshold: 1%\n", `:2: metric: "cpus" is none; those are cpu, `, true},
		{"no threshold", "rules:\n  - metric: cpu\n", ":2: the rule on cpu has no threshold", true},
		{"exact of no counter", "rules:\n  - {metric: cpu, exact: true}\n", ":2: exact is of counters, and cpu is none; give the rule a threshold", false},
		{"no number", "rules:\n  - metric: cpu\n    threshold: much\n", `:3: threshold: "much" is no fraction`, true},
		{"negative", "rules:\n  - {metric: cpu, threshold: -1}\n", `threshold: "-1" is no fraction`, true},
		{"not a number", "rules:\n  - {metric: cpu, threshold: .nan}\n", `is no fraction`, true},
		{"no truth", "rules:\n  - {metric: cpu, threshold: 1%, advice: perhaps}\n", ":2: advice: it takes true or false", true},
		{"no names", "rules:\n  - metric: cpu\n    threshold: 1%\n    loads: []\n", ":4: loads: the list is empty", true},
		{"no pattern", "rules:\n  - {metric: cpu, threshold: 1%, loads: \"[a\"}\n", `:2: loads: "[a" is no pattern`, false},
		{"twice", "rules:\n  - metric: cpu\n    threshold: 1%\n    threshold: 2%\n", `:4: "threshold" stands there twice`, false},
		{"two documents", "rules:\n  - {metric: cpu, threshold: 1%}\n---\nrules: []\n", ":3: one document of rules is wanted", false},
		{"no YAML", "rules:\n\t- 1\n", "not YAML", false},
		{"vast", strings.Repeat(" ", rulesSizeMax+1), "larger than 1024 KiB", false},
	} {
		_, err := read(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q and the path", c.name, err, c.want)
		}
		if c.schema && valid(c.text) == nil {
			t.Errorf("%s is valid by the schema", c.name)
		}
	}
	if _, err := ReadRules(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "name a file of rules") {
		t.Errorf("absent file: %v", err)
	}
}

// The schema has the metrics that there are, and the keys that a rule has.
func TestSchema(t *testing.T) {
	var s struct {
		Defs struct {
			Rule struct {
				Properties map[string]struct {
					Enum []compare.Metric `json:"enum"`
				} `json:"properties"`
			} `json:"rule"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(JSONSchema, &s); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Defs.Rule.Properties["metric"].Enum, compare.Metrics(); !reflect.DeepEqual(got, want) {
		t.Errorf("metrics %v, want %v", got, want)
	}
	rule := reflect.TypeFor[Rule]()
	for i := range rule.NumField() {
		name, _, _ := strings.Cut(rule.Field(i).Tag.Get("json"), ",")
		if _, ok := s.Defs.Rule.Properties[name]; !ok {
			t.Errorf("no key %s", name)
		}
	}
	if len(s.Defs.Rule.Properties) != rule.NumField() {
		t.Errorf("%d keys, and a rule has %d", len(s.Defs.Rule.Properties), rule.NumField())
	}
	if err := testenv.Schema(t, JSONSchema)(map[string]any{"rules": DefaultRules()}); err != nil {
		t.Errorf("the rules by default: %v", err)
	}
}

// FuzzParseRules holds parseRules to its promise: rules that can be applied, or an
// error.
func FuzzParseRules(f *testing.F) {
	f.Add([]byte("rules:\n  - {metric: cpu, threshold: 1%, loads: ['*[a-z]']}\n"))
	f.Add([]byte("rules: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rules, err := parseRules(b)
		if (err == nil) != (len(rules) > 0) {
			t.Errorf("%d rules, %v", len(rules), err)
		}
		Judge(&compare.Comparison{Findings: []compare.Finding{finding(1, 0.1, 0)}}, rules)
	})
}
