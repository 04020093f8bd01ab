package gate

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/ringbench/ringbench/internal/compare"
	"github.com/ringbench/ringbench/internal/planfile"
)

// JSONSchema is of a file of rules.
//
//go:embed schema.json
var JSONSchema []byte

// Limits of a file: one of ours is a few hundred bytes.
const (
	rulesSizeMax = 1 << 20
	rulesMax     = 1000
)

// ReadRules loads a file of rules: a mapping whose one key, rules, has a list of them.
// Whatever the file holds, the outcome is at least one rule, or an error of one line
// that names the line.
func ReadRules(path string) ([]Rule, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w; name a file of rules", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, rulesSizeMax+1))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w; name a file of rules", err)
	}
	if len(b) > rulesSizeMax {
		return nil, fmt.Errorf("read rules %s: larger than %d KiB, so no rules", path, rulesSizeMax>>10)
	}
	rules, err := parseRules(b)
	var at *planfile.Error
	if errors.As(err, &at) {
		at.Path = path
	}
	return rules, err
}

func parseRules(b []byte) ([]Rule, error) {
	var n, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(b))
	switch err := d.Decode(&n); {
	case err == io.EOF:
		return nil, at(&n, "it is empty; give a list of rules under the key rules")
	case err != nil:
		return nil, planfile.NotYAML(err)
	}
	if err := d.Decode(&more); err != io.EOF {
		return nil, at(&more, "one document of rules is wanted, and there is another")
	}
	var list *yaml.Node
	err := keys(n.Content[0], func(key string, value *yaml.Node) error {
		if key != "rules" {
			return at(value, "unknown key %q; a file of rules has the key rules alone", key)
		}
		list = value
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0:
		return nil, at(n.Content[0], "give a list of rules under the key rules")
	case len(list.Content) > rulesMax:
		return nil, at(list, "more than %d rules", rulesMax)
	}
	var rules []Rule
	for _, n := range list.Content {
		r, err := parseRule(n)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// at is an error at the line of n.
func at(n *yaml.Node, format string, args ...any) error {
	return &planfile.Error{Line: max(1, n.Line), Err: fmt.Errorf(format, args...)}
}

// keys visits a mapping, of which no key may stand twice.
func keys(n *yaml.Node, visit func(key string, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "keys with values are wanted here, such as metric: cpu")
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || len(key.Value) > 100 {
			return at(key, "a key is a word")
		}
		if seen[key.Value] {
			return at(key, "%q stands there twice", key.Value)
		}
		seen[key.Value] = true
		if err := visit(key.Value, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func parseRule(n *yaml.Node) (r Rule, err error) {
	given := false
	flags := map[string]*bool{"exact": &r.Exact, "advice": &r.Advice, "optional": &r.Optional}
	lists := map[string]*[]string{"contestants": &r.Contestants, "loads": &r.Loads}
	err = keys(n, func(key string, value *yaml.Node) (err error) {
		switch {
		case key == "metric":
			r.Metric = compare.Metric(value.Value)
			if value.Kind != yaml.ScalarNode || !r.Metric.Known() {
				return at(value, "metric: %.60q is none; those are %s", value.Value, metricNames())
			}
		case key == "threshold":
			given = true
			r.Threshold, err = fraction(value)
		case flags[key] != nil:
			err = truthOf(key, value, flags[key])
		case lists[key] != nil:
			*lists[key], err = patterns(key, value)
		default:
			err = at(value, "unknown key %.60q; a rule has metric, threshold, exact, advice, optional, contestants, loads", key)
		}
		return err
	})
	switch {
	case err != nil:
		return r, err
	case r.Metric == "":
		return r, at(n, "the rule has no metric; those are %s", metricNames())
	case r.Exact && !r.Metric.Counter():
		return r, at(n, "exact is of counters, and %s is none; give the rule a threshold instead, such as threshold: 1%%", r.Metric)
	case !given && !r.Exact:
		return r, at(n, "the rule on %s has no threshold: by what fraction may head be worse, such as threshold: 1%%", r.Metric)
	}
	return r, nil
}

// fraction reads 0.01 or 1%.
func fraction(n *yaml.Node) (float64, error) {
	text, hundredths := strings.CutSuffix(n.Value, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if hundredths {
		x /= 100
	}
	if n.Kind != yaml.ScalarNode || err != nil || !(x >= 0 && x <= 100) {
		return 0, at(n, "threshold: %.60q is no fraction; it takes one such as 0.01 or 1%%", n.Value)
	}
	return x, nil
}

func truthOf(key string, n *yaml.Node, to *bool) error {
	if n.Kind != yaml.ScalarNode || n.Decode(to) != nil {
		return at(n, "%s: it takes true or false", key)
	}
	return nil
}

// patterns reads one, or a list of them.
func patterns(key string, n *yaml.Node) (list []string, err error) {
	elements := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		elements = n.Content
	}
	for _, e := range elements {
		if e.Kind != yaml.ScalarNode || e.Value == "" || strings.ContainsFunc(e.Value, unicode.IsControl) {
			return nil, at(e, "%s: it takes names, or patterns such as \"uring*\"", key)
		}
		if _, err := path.Match(flat(e.Value), ""); err != nil {
			return nil, at(e, "%s: %.60q is no pattern: a bracket is open", key, e.Value)
		}
		list = append(list, e.Value)
	}
	if len(list) == 0 {
		return nil, at(n, "%s: the list is empty", key)
	}
	return list, nil
}

func metricNames() string {
	var names []string
	for _, m := range compare.Metrics() {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}
