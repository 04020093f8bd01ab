package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/ringbench/ringbench/internal/gate"
)

// A codeQuality is an issue of GitLab's Code Quality report.
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
type codeQuality struct {
	Description string `json:"description"`
	Check       string `json:"check_name"`
	Fingerprint string `json:"fingerprint"`
	Severity    string `json:"severity"`
	Location    struct {
		Path  string `json:"path"`
		Lines struct {
			Begin int `json:"begin"`
		} `json:"lines"`
	} `json:"location"`
}

// gitLabPath is where issues are shown, as no line of the source is known: the file
// that describes the job.
const gitLabPath = ".gitlab-ci.yml"

// GitLabCodeQuality writes an issue for each judgement that does not pass. Its
// fingerprint is that of the rule and the cell, so that GitLab tells which are new.
func GitLabCodeQuality(w io.Writer, d *gate.Decision) error {
	issues := []codeQuality{}
	add := func(name, check, text, severity string) {
		sum := sha256.Sum256([]byte(check + "\x00" + name))
		q := codeQuality{Description: clean(text), Check: check, Fingerprint: hex.EncodeToString(sum[:16]), Severity: severity}
		q.Location.Path, q.Location.Lines.Begin = gitLabPath, 1
		issues = append(issues, q)
	}
	for i := range d.Judged {
		j := &d.Judged[i]
		severity := "minor"
		switch {
		case j.Outcome == gate.Pass:
			continue
		case !j.Decides():
			severity = "info"
		case j.Outcome == gate.Fail:
			severity = "major"
		}
		add(judgedName(j)+"\x00"+j.Rule.String(), "ringbench/"+string(j.Rule.Metric), j.Text, severity)
	}
	if len(issues) == 0 && d.Outcome != gate.Pass {
		add("decision", "ringbench/gate", conclusion(d)+". "+advice(d), "minor")
	}
	return indented(w, issues)
}
