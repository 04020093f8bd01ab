// Package child starts the processes of a trial: the harness itself again in
// another role, or a foreign server. A child is pinned from birth, in a
// scheduling group of its own where asked for, and dies with its parent.
//
// A program that uses the package calls Main first of all:
//
//	func main() {
//		child.Main(map[string]func(*child.Control) error{"server": serve})
//		p, err := child.Start(child.Spec{Role: "server", CPUs: []int{0}})
//		err = p.Call(ctx, "mark", nil, &reply)
//		err = p.Stop(time.Second)
//	}
//
// Every child, foreign ones too, starts with the soft limit of open files raised
// to the hard one.
//
// Calls go over two pipes, one JSON value a line. They are for control: the
// package is not made to carry load, and a child answers one call at a time.
//
// It measures nothing, and it refuses to run a child on other CPUs than those
// asked for.
package child
