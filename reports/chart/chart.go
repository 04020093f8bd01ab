package chart

// A Chart is a picture before it is drawn: panels side by side, which share their
// legend. A Palette gives a contestant the same look in all charts.
type Chart struct {
	ID              string  `json:"id"` // unique in its document; also the name of its file, without suffix
	Title, Subtitle string  `json:"-"`
	Panels          []Panel `json:"panels"`
}

// A Panel is a plot with axes of its own.
type Panel struct {
	Title  string   `json:"title"`
	X      Axis     `json:"x"`
	Y      Axis     `json:"y"`
	Series []Series `json:"series"`
	Spans  []Span   `json:"spans,omitempty"` // shaded, behind the series
	Rules  []Rule   `json:"rules,omitempty"` // lines across
}

// A Scale is how an axis places its values.
type Scale string

const (
	Linear   Scale = "linear"
	Log      Scale = "log"      // of positive values; a reader may switch between it and Linear
	Nines    Scale = "nines"    // of percentiles in percent: 90, 99, 99.9 … at equal distances
	Category Scale = "category" // values are indices into Names
)

// An Axis is labelled with what it shows and its unit.
type Axis struct {
	Label string   `json:"label"`
	Scale Scale    `json:"scale"`
	Names []string `json:"names,omitempty"` // of a Category axis: from the left, or from the top
	Zero  bool     `json:"zero,omitempty"`  // it begins at zero, as that of bars does
	// From and To are its ends, where what reaches beyond is cut off; without both
	// it holds everything.
	From float64 `json:"from,omitempty"`
	To   float64 `json:"to,omitempty"`
}

// A Kind is how a series is drawn.
type Kind string

const (
	Line      Kind = "line"
	Band      Kind = "band"      // between Lo and Hi of y, with a line at Y
	Dots      Kind = "dots"      // one a point, joined by nothing
	Bars      Kind = "bars"      // along x from Lo to Hi, at category Y
	Intervals Kind = "intervals" // a mark at X with a bar from Lo to Hi of x, at category Y
	Whiskers  Kind = "whiskers"  // from Lo to Hi of x, at category Y, over Bars
	Labels    Kind = "labels"    // nothing but the Label, to the right of X at category Y
	Marks     Kind = "marks"     // a ring around each point, which is one of a line of that Name
	Tiles     Kind = "tiles"     // of a heat map, at categories X and Y: Value decides the colour
)

// A Series is what one contestant, or one part of it, contributes to a panel.
type Series struct {
	Name   string  `json:"name"`           // of the contestant, or what the legend shows
	Part   string  `json:"part,omitempty"` // of what is stacked, such as "user"; "" if it is the whole
	Kind   Kind    `json:"kind"`
	Points []Point `json:"points"`
}

// A Point is one value. What it has no figure for is NaN.
type Point struct {
	X, Y   float64
	Lo, Hi float64 // its interval, or the ends of a bar
	Value  float64 // of a tile: a ratio, of which 1 is neutral
	Label  string  // printed in a tile, or to the right of a bar or an interval
	Text   string  // what a reader is told who points at it
	Faint  bool    // not told from noise, disturbed, or left out
}

// A Span shades what lies between From and To on an axis.
type Span struct {
	OnY  bool    `json:"on_y,omitempty"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
	Name string  `json:"name"` // for the legend
	// Doubt is how much of what it holds is in doubt, up to 1: it has a colour of its
	// own then, the stronger the more.
	Doubt float64 `json:"doubt,omitempty"`
}

// A Rule is a line across a panel.
type Rule struct {
	OnY  bool    `json:"on_y,omitempty"`
	At   float64 `json:"at"`
	Name string  `json:"name"`
}
