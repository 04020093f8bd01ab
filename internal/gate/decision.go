package gate

import (
	"time"

	"github.com/ringbench/ringbench/internal/compare"
)

// An Outcome is what the gate ends with.
type Outcome int

const (
	Pass    Outcome = iota
	Fail            // a regression
	Noisy           // inconclusive: too noisy to tell, or nothing that a rule asks for was measured
	Refused         // the environment does not let it measure
)

func (o Outcome) String() string {
	return [...]string{"pass", "regression", "too noisy", "refused"}[o]
}

// A Decision is the gate's, with all that it rests on.
type Decision struct {
	Outcome    Outcome
	Comparison *compare.Comparison
	Judged     []Judgement // the gravest first
	// Smallest is the smallest change of CPU a message that would have been seen
	// under every load, as a fraction; NaN if CPU was not compared.
	Smallest float64
	Advice   []string // what to do about it
	Took     time.Duration
	Runs     []Ran // in the order of their time
	hurried  bool  // a run ended by its time, before all of its trials
}

// A Ran is what is to be said of a run that a decision rests on.
type Ran struct {
	Calls, Again bool // for what programs call; to confirm
	Blocks       int
	Took         time.Duration
	Ending       string
}

// A Judgement is a rule applied to a finding.
type Judgement struct {
	compare.Finding // by the threshold of the rule
	Rule            Rule
	Outcome         Outcome
	// Confirmed: a regression that a run of its own has shown again.
	Confirmed bool
	Text      string // one sentence
}

// Decides reports whether the outcome bears on the decision's.
func (j *Judgement) Decides() bool { return !j.Rule.Advice }
