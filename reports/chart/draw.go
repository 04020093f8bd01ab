package chart

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Dimensions in points; at the 96 dots an inch of our PNGs plotWidth is 1200 pixels.
const (
	plotWidth   = 900 * vg.Length(1)
	plotMargin  = 14 * vg.Length(1)
	gap         = 18 * vg.Length(1) // between panels
	panelHeight = 210 * vg.Length(1)
	rowOf       = 26 * vg.Length(1) // of bars and intervals
	tileRow     = 30 * vg.Length(1)
	axisHeight  = 22 * vg.Length(1)
	nothing     = "nothing was measured"
)

// A picture is a chart laid out.
type picture struct {
	Chart
	look     Palette
	swatches []swatch
	subtitle []string
	titles   [][]string // of the panels
	head     vg.Length  // of a panel: title and label of the Y axis
	foot     vg.Length  // label of the X axis
	body     vg.Length  // of a panel between them
}

func layOut(c Chart, look Palette) picture {
	p := picture{Chart: c, look: look, swatches: c.legend(look)}
	p.subtitle = wrap(style(subtitleSize, false), c.Subtitle, plotWidth-2*plotMargin, 2)
	var title, label vg.Length
	for _, panel := range c.Panels {
		lines := wrap(style(panelTitleSize, true), panel.Title, columnWidth(len(c.Panels)), 3)
		p.titles = append(p.titles, lines)
		title = max(title, vg.Length(len(lines))*panelTitleSize*lineHeight)
		if panel.Y.Label != "" {
			label = textSize*lineHeight + 2
		}
		if panel.X.Label != "" {
			p.foot = textSize*lineHeight + 2
		}
		p.body = max(p.body, bodyHeight(panel))
	}
	p.head = title + label + 5
	return p
}

// bodyHeight is what a panel takes between its labels.
func bodyHeight(p Panel) vg.Length {
	if p.Y.Scale != Category {
		return panelHeight
	}
	row := rowOf
	for _, s := range p.Series {
		if s.Kind == Tiles {
			row = tileRow
		}
	}
	return axisHeight + row*vg.Length(max(len(p.Y.Names), 1))
}

func columns(panels int) int {
	switch {
	case panels <= 1:
		return 1
	case panels <= 4:
		return 2
	}
	return 3
}

func columnWidth(panels int) vg.Length {
	n := vg.Length(columns(panels))
	return (plotWidth - 2*plotMargin - (n-1)*gap) / n
}

func (p *picture) rows() int {
	n := columns(len(p.Panels))
	return max(1, (len(p.Panels)+n-1)/n)
}

// size is what draw needs.
func (p *picture) size() (w, h vg.Length) {
	rows := vg.Length(p.rows())
	return plotWidth, p.top() + rows*(max(p.body, 40)+p.head+p.foot) + (rows-1)*gap + plotMargin
}

// top is the height of title, subtitle and legend.
func (p *picture) top() vg.Length {
	return plotMargin + 22 + vg.Length(len(p.subtitle))*subtitleSize*lineHeight + 6 + legendHeight(p.swatches) + 6
}

// draw paints the picture on a canvas of its size.
func (p *picture) draw(c draw.Canvas) {
	left, y := c.Min.X+plotMargin, c.Max.Y-plotMargin
	bold := style(titleSize, true)
	c.FillText(bold, vg.Point{X: left, Y: y}, fit(bold, p.Title, plotWidth-2*plotMargin))
	y -= 22
	small := style(subtitleSize, false)
	small.Color = Soft
	for _, line := range p.subtitle {
		c.FillText(small, vg.Point{X: left, Y: y}, line)
		y -= subtitleSize * lineHeight
	}
	drawLegend(c, p.swatches, left, y-6)
	body := draw.Crop(c, plotMargin, -plotMargin, plotMargin, -p.top())
	if len(p.Panels) == 0 {
		c.FillText(style(textSize, false), vg.Point{X: body.Min.X, Y: body.Max.Y}, nothing)
		return
	}
	p.drawPanels(body)
}

func (p *picture) drawPanels(body draw.Canvas) {
	n := columns(len(p.Panels))
	reach := TileReach(p.Chart)
	grid := make([][]*plot.Plot, p.rows())
	for i := range grid {
		grid[i] = make([]*plot.Plot, n)
		for j := range grid[i] {
			if k := i*n + j; k < len(p.Panels) {
				grid[i][j] = plotOf(p.Panels[k], p.look, reach, columnWidth(len(p.Panels)))
			}
		}
	}
	tiles := draw.Tiles{Rows: len(grid), Cols: n, PadX: gap, PadY: gap + p.head + p.foot}
	inner := draw.Crop(body, 0, 0, p.foot, -p.head)
	for i, row := range plot.Align(grid, tiles, inner) {
		for j, cell := range row {
			if grid[i][j] == nil {
				continue
			}
			grid[i][j].Draw(cell)
			tile := tiles.At(inner, j, i)
			p.drawWords(i*n+j, tile, grid[i][j].DataCanvas(cell))
		}
	}
}

// drawWords adds the title of a panel and the labels of its axes.
func (p *picture) drawWords(k int, tile, data draw.Canvas) {
	panel := p.Panels[k]
	bold, sty := style(panelTitleSize, true), style(textSize, false)
	w := columnWidth(len(p.Panels))
	y := tile.Max.Y + p.head
	for _, line := range p.titles[k] {
		tile.FillText(bold, vg.Point{X: tile.Min.X, Y: y}, line)
		y -= panelTitleSize * lineHeight
	}
	sty.Color = Soft
	tile.FillText(sty, vg.Point{X: tile.Min.X, Y: tile.Max.Y + textSize*lineHeight + 4}, fit(sty, panel.Y.Label, w))
	sty.XAlign = draw.XRight
	label := fit(sty, panel.X.Label, w)
	tile.FillText(sty, vg.Point{X: max(data.Max.X, tile.Min.X+sty.Width(label)), Y: tile.Min.Y}, label)
}
