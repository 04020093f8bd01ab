package result

// A Unit is what a workload is counted in: Trial.Messages are so many of it, and
// every figure a message is one of it.
type Unit struct {
	One   string // "message"
	Many  string // "messages"
	Short string // "msg", where a column's header has no room for One
}

// units are by workload, or by operation where it has several.
var units = map[string]Unit{
	"echo":   {"message", "messages", "msg"},
	"proxy":  {"message", "messages", "msg"},
	"churn":  {"connection", "connections", "conn"},
	"stream": {"file", "files", "file"},

	"read":   {"read", "reads", "read"},
	"write":  {"write", "writes", "write"},
	"fsync":  {"write", "writes", "write"},
	"append": {"append", "appends", "append"},
}

// Unit is what the load is counted in: messages where the workload is not known.
func (l Load) Unit() Unit {
	name := l.Workload
	if l.Op != "" {
		name = l.Op
	}
	if u, ok := units[name]; ok {
		return u
	}
	return units["echo"]
}

// Sent reports whether a unit is a file that a server sends.
func (l Load) Sent() bool { return l.Workload == "stream" }

// UnitBytes is how many bytes a server receives for one unit, or sends of it, in
// the mean: a proxy receives from either side what is passed on both ways.
func (l Load) UnitBytes() float64 {
	if l.Sent() {
		return float64(l.FileBytes)
	}
	n := l.meanBytes() * float64(max(1, l.Requests))
	if l.Mode == "request" || l.Direction == "both" {
		return 2 * n
	}
	return n
}

// CountedBytes is UnitBytes by the counters of a server of ours: with what goes
// before a file that is sent.
func (l Load) CountedBytes() float64 { return l.UnitBytes() + float64(l.HeadBytes) }

// NamedBytes is the size that a load is known by: of a message, of which a unit may
// have several, or of the file that is sent.
func (l Load) NamedBytes() int64 {
	if l.Sent() {
		return l.FileBytes
	}
	return int64(l.Size)
}

// Bulk reports whether a unit is so many bytes that those a second matter too.
func (l Load) Bulk() bool { return l.Op != "" || l.Direction != "" || l.Sent() }

// Unit is that of the plan's first load.
func (p *Plan) Unit() Unit {
	if len(p.Cells) == 0 {
		return units["echo"]
	}
	return p.Cells[0].Unit()
}
