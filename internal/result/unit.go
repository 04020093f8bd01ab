package result

// A Unit is what a workload is counted in: Trial.Messages are so many of it, and
// every figure a message is one of it.
type Unit struct {
	One   string // "message"
	Many  string // "messages"
	Short string // "msg", where a column's header has no room for One
}

// units are by workload.
var units = map[string]Unit{
	"echo":  {"message", "messages", "msg"},
	"churn": {"connection", "connections", "conn"},
}

// Unit is what the plan's workload is counted in: messages where the workload is
// not known.
func (p *Plan) Unit() Unit {
	if u, ok := units[p.Workload]; ok {
		return u
	}
	return units["echo"]
}
