package citest

import (
	"fmt"
	"regexp"
	"strings"
)

// A scope is what expressions of GitHub Actions are about: the values of dotted names,
// of which one that is missing is "", and whether a step has failed.
type scope struct {
	values map[string]string
	failed bool
}

var interpolation = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

// expand replaces the expressions in a text.
func (s *scope) expand(text string) string {
	return interpolation.ReplaceAllStringFunc(text, func(m string) string {
		return s.evaluate(interpolation.FindStringSubmatch(m)[1])
	})
}

// runs tells whether a step with this condition does.
func (s *scope) runs(condition string) bool {
	condition = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(condition), "${{"), "}}")
	if s.failed && !strings.Contains(condition, "always()") && !strings.Contains(condition, "cancelled()") {
		return false
	}
	return strings.TrimSpace(condition) == "" || truthy(s.evaluate(condition))
}

func truthy(v string) bool { return v != "" && v != "false" }

var token = regexp.MustCompile(`'[^']*'|&&|\|\||==|!=|[!()]|[\w.-]+`)

// evaluate computes what our files use of the language: names, strings, the calls
// always() and cancelled(), and operators. It panics at anything else.
func (s *scope) evaluate(text string) string {
	e := &expression{scope: s, tokens: token.FindAllString(text, -1)}
	v := e.or()
	if len(e.tokens) > 0 {
		panic(fmt.Sprintf("%q is left of %q", e.tokens, text))
	}
	return v
}

type expression struct {
	*scope
	tokens []string
}

func (e *expression) next(want string) bool {
	if len(e.tokens) == 0 || e.tokens[0] != want {
		return false
	}
	e.tokens = e.tokens[1:]
	return true
}

func (e *expression) or() string {
	v := e.and()
	for e.next("||") {
		if w := e.and(); !truthy(v) {
			v = w
		}
	}
	return v
}

func (e *expression) and() string {
	v := e.comparison()
	for e.next("&&") {
		if w := e.comparison(); truthy(v) {
			v = w
		}
	}
	return v
}

func (e *expression) comparison() string {
	v := e.value()
	switch {
	case e.next("=="):
		return fmt.Sprint(v == e.value())
	case e.next("!="):
		return fmt.Sprint(v != e.value())
	}
	return v
}

func (e *expression) value() string {
	switch {
	case e.next("!"):
		return fmt.Sprint(!truthy(e.value()))
	case e.next("("):
		defer e.next(")")
		return e.or()
	}
	t := e.tokens[0]
	e.tokens = e.tokens[1:]
	if text, ok := strings.CutPrefix(t, "'"); ok {
		return strings.TrimSuffix(text, "'")
	}
	if e.next("(") && e.next(")") {
		return map[string]string{"always": "true", "cancelled": "false"}[t]
	}
	return e.values[t]
}
