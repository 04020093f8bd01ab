package reports

import (
	"fmt"
	"math"

	"github.com/ringbench/ringbench/internal/result"
)

// fromStart names the service time beside the response time.
func fromStart(l result.Load) string {
	if l.Op != "" {
		return "from the start"
	}
	return "from the send"
}

// started is who began late what was due.
func started(l result.Load) string {
	if l.Op != "" {
		return "operations were started" // by the process under test
	}
	return "the generator sent"
}

// shortfallText says that an open loop offered more than was answered: by more
// than one in a hundred, and than the messages that a window's ends may cut off.
func shortfallText(r row, unit result.Unit) string {
	var offered, answered, seconds float64
	for _, t := range r.trials {
		if t.Offered > 0 {
			offered += float64(t.Offered)
		} else {
			offered += r.cell.Rate * t.Seconds
		}
		answered += float64(t.Messages)
		seconds += t.Seconds
	}
	if offered-answered <= 0.01*offered+float64(len(r.trials)) {
		return ""
	}
	return fmt.Sprintf("%s of the %s %s/s offered were answered; while that lasts the rest queues up, and response times grow with the length of the run",
		figure(answered/seconds), figure(offered/seconds), unit.Many)
}

// slowedText says by how much a server was slowed on purpose.
func slowedText(r row, unit result.Unit) string {
	spun := r.median((*result.Trial).SpunPerMessage)
	if math.IsNaN(spun.Center) {
		return ""
	}
	return fmt.Sprintf("it spun for %s ns a %s on purpose, in the median of its trials", whole(spun.Center), unit.One)
}

// spinText says what part of the client's CPU is in no figure a message.
func spinText(r row, unit result.Unit) string {
	var spun, cpu float64
	for _, t := range r.trials {
		if t.Client != nil {
			spun += t.Client.SpinSeconds
			cpu += t.Client.CPUSeconds
		}
	}
	if spun == 0 {
		return ""
	}
	return fmt.Sprintf("the generator polled for %s %% of its CPU time until a %s was due; client and machine ns/%s are without it, their user share is not", percent(spun/cpu), unit.One, unit.Short)
}
