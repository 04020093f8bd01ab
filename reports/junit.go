package reports

import (
	"encoding/xml"
	"fmt"
	"io"

	"github.com/ringbench/ringbench/internal/gate"
)

// JUnit's XML, as Jenkins' xunit plugin has it (junit-10.xsd).
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Skipped *junitMessage `xml:"skipped"`
		Error   *junitMessage `xml:"error"`
		Failure *junitMessage `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
	}
)

// JUnit writes a test case for each judgement: a regression is a failure, what was too
// noisy an error, and what advice alone finds is skipped.
func JUnit(w io.Writer, d *gate.Decision) error {
	s := junitSuite{Name: "ringbench gate", Time: fmt.Sprintf("%.3f", d.Took.Seconds())}
	for i := range d.Judged {
		j := &d.Judged[i]
		c := junitCase{Name: clean(judgedName(j)), Class: "ringbench." + string(j.Rule.Metric)}
		m := &junitMessage{j.Outcome.String(), clean(j.Text)}
		switch {
		case j.Outcome == gate.Pass:
			c.Out = clean(j.Text)
		case !j.Decides():
			c.Skipped = m
			s.Skipped++
		case j.Outcome == gate.Fail:
			c.Failure = m
			s.Failures++
		default:
			c.Error = m
			s.Errors++
		}
		s.Cases = append(s.Cases, c)
	}
	if s.Failures+s.Errors == 0 && d.Outcome != gate.Pass { // nothing was judged
		s.Cases = append(s.Cases, junitCase{Name: "decision", Class: "ringbench", Error: &junitMessage{d.Outcome.String(), clean(advice(d))}})
		s.Errors++
	}
	s.Tests = len(s.Cases)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("print JUnit: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suite: s}); err != nil {
		return fmt.Errorf("print JUnit: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}
