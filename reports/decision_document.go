package reports

import (
	"io"

	"github.com/ringbench/ringbench/internal/gate"
	"github.com/ringbench/ringbench/reports/page"
)

// DecisionHTML writes the document as a page.
func DecisionHTML(w io.Writer, d *gate.Decision) error { return page.Write(w, DecisionDocument(d)) }

// DecisionDocument is the page of the comparison, with what was decided on it first
// and what to do about it before all else that limits it.
func DecisionDocument(d *gate.Decision) page.Document {
	var doc page.Document
	if c := d.Comparison; c != nil && len(c.Findings) > 0 {
		doc = ComparisonDocument(c)
	}
	doc.Title, doc.Raw = "ringbench gate: "+d.Outcome.String(), decisionData(d)
	doc.Verdicts = []string{conclusion(d)}
	for i := range d.Judged {
		j := &d.Judged[i]
		doc.Verdicts = append(doc.Verdicts, outcomeOf(j)+": "+j.Text)
	}
	var notes []page.Note
	for _, a := range d.Advice {
		notes = append(notes, page.Note{Label: "what to do", Text: a})
	}
	doc.Limits = append(notes, doc.Limits...)
	return doc
}
