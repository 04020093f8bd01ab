package page

import "github.com/ringbench/ringbench/reports/chart"

// A Document is a report before it is laid out. All text is plain: Write escapes it.
type Document struct {
	Title, Subtitle string
	Lead            string   // what was found in all, in at most two sentences; "" if the verdicts say it
	Verdicts        []string // what was found, the most important first
	Limits          []Note   // what limits it
	Sections        []Section
	Raw             any // what the reader can take away as JSON; nil if it is too much
}

// A Section is one view of the data, in the order in which readers want them.
type Section struct {
	ID     string // unique in the document, and the fragment of a link to it
	Title  string
	How    string // how to read it
	Charts []chart.Chart
	Tables []Table
	Notes  []Note
}

// A Note is a sentence with what it is about.
type Note struct{ Label, Text string }

// A Table has names in its first column and figures in the others.
type Table struct {
	Title  string
	Header []string
	Rows   []Row
	Notes  []string
}

// A Row is a line of a table.
type Row struct {
	Name  string
	Cells []Cell
	Sub   bool // a part of the row above
}

// A Cell is a figure as it is printed. Faint ones were not told from noise.
type Cell struct {
	Text  string
	Faint bool
	// Sort is what the column is sorted by, NaN where there is no figure.
	Sort float64
}
