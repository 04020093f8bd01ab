"use strict";
// How a panel is drawn: what scale.go, panel.go and marks.go do, in any width, with the
// scales, the zoom and the series that a reader has chosen.

const glyph = 7, lineHeight = 18, rowHeight = 38, barHeight = 14, tileHeight = 32;
const edge = 11, overhang = 18, tickApart = 62, tickApartUp = 36;
const [X, Y, TEXT, FAINT, LO, HI, LABEL, FILL, INK] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

const real = (v) => typeof v === "number" && Number.isFinite(v);
const clamp = (v, a, b) => Math.max(Math.min(v, Math.max(a, b)), Math.min(a, b));
const letters = (s) => [...s].length;
const number = (v) => String(Math.round(v * 10) / 10 + 0);
// at is a figure of a point; those at its end that are zero were left out.
const at = (point, i) => (point[i] === null ? NaN : point[i] ?? 0);
const said = (point, i) => point[i] || "";

function even(kind, v) {
	if (kind === "log") return v > 0 ? Math.log10(v) : NaN;
	if (kind === "nines") return v < 100 ? -Math.log10(1 - v / 100) : NaN;
	return v;
}

function odd(kind, e) {
	if (kind === "log") return 10 ** e;
	if (kind === "nines") return 100 * (1 - 10 ** -e);
	return e;
}

function stepOf(lo, hi, most) {
	const raw = (hi - lo) / most, power = 10 ** Math.floor(Math.log10(raw));
	for (const m of [1, 2, 5]) if (raw <= m * power * (1 + 1e-9)) return m * power;
	return 10 * power;
}

function roundDown(x) {
	const whole = Math.floor(x + 1e-9);
	for (const m of [5, 2]) if (whole + Math.log10(m) <= x + 1e-9) return whole + Math.log10(m);
	return whole;
}

function widened(kind, lo, hi, most) {
	if (kind === "nines") return [lo, Math.max(hi, lo + 0.5) + 0.05];
	if (kind === "log") {
		const least = Math.log10(4), mid = (lo + hi) / 2, [from, to] = [roundDown(lo), -roundDown(-hi)];
		if (hi - lo >= least) return [from, to];
		return [Math.min(from, roundDown(mid - least / 2 + 0.1)), Math.max(to, -roundDown(-mid - least / 2 + 0.1))];
	}
	if (lo === hi) {
		const by = lo === 0 ? 1 : Math.max(Math.abs(hi) / 2, 1e-9);
		[lo, hi] = [lo === 0 ? 0 : lo - by, hi + by];
	}
	const step = stepOf(lo, hi, most);
	return [Math.floor(lo / step + 1e-9) * step, Math.ceil(hi / step - 1e-9) * step];
}

function linearTicks(lo, hi, most) {
	const step = stepOf(lo, hi, most), first = Math.ceil(lo / step - 1e-9), last = Math.floor(hi / step + 1e-9), list = [];
	for (let i = 0; i <= most + 1 && first + i <= last; i++) list.push((first + i) * step);
	return list;
}

function logTicks(lo, hi, most) {
	let every = 1, each = [1, 2, 5], list = [];
	if ((hi - lo) * 3 > most) {
		each = [1];
		every = Math.max(1, Math.ceil((hi - lo) / most));
	}
	for (let e = Math.floor(lo); e <= hi + 1e-9; e++) {
		if (e % every === 0) for (const m of each) list.push(m * 10 ** e);
	}
	list = list.filter((v) => Math.log10(v) >= lo - 1e-9 && Math.log10(v) <= hi + 1e-9);
	return list.length < 2 ? linearTicks(10 ** lo, 10 ** hi, most) : list;
}

function short(x) {
	const abs = Math.abs(x);
	let [factor, name] = [1e-9, "n"];
	if (abs >= 1e9) [factor, name] = [1e9, "G"];
	else if (abs >= 1e6) [factor, name] = [1e6, "M"];
	else if (abs >= 1e3) [factor, name] = [1e3, "k"];
	else if (abs === 0 || abs >= 0.9999e-3) [factor, name] = [1, ""];
	else if (abs >= 0.9999e-6) [factor, name] = [1e-6, "µ"];
	return Number((x / factor).toPrecision(4)) + name;
}

// newScale makes an axis; zoom is null or the values at its ends.
function newScale(axis, values, a, b, apart, zoom) {
	const kind = axis.scale, most = Math.max(2, Math.floor(Math.abs(b - a) / apart));
	let lo = -0.5, hi = (axis.names || []).length - 0.5, ticks = [];
	if (kind === "category") {
		ticks = (axis.names || []).map((text, i) => ({ at: i, text }));
	} else {
		const ends = zoom || (axis.from || axis.to ? [axis.from || 0, axis.to || 0] : null);
		const held = (ends || (axis.zero ? [...values, 0] : values)).map((v) => even(kind, v)).filter(real);
		[lo, hi] = held.length ? [held.reduce((m, v) => Math.min(m, v)), held.reduce((m, v) => Math.max(m, v))] : [0, 1];
		if (!ends) [lo, hi] = widened(kind, lo, hi, most);
		else if (lo === hi) hi++;
		const list = kind === "nines" ? [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999] :
			kind === "log" ? logTicks(lo, hi, most) : linearTicks(lo, hi, most);
		ticks = list.filter((v) => even(kind, v) >= lo - 1e-9 && even(kind, v) <= hi + 1e-9)
			.map((v) => ({ at: v, text: kind === "nines" ? String(v) : short(v) }));
	}
	const px = (v) => a + ((even(kind, v) - lo) / (hi - lo)) * (b - a);
	return {
		kind, a, b, lo, hi, ticks, px,
		within: (v) => (kind === "log" && v <= 0 ? a : clamp(px(v), a, b)),
		value: (pixel) => odd(kind, lo + ((pixel - a) / (b - a)) * (hi - lo)),
	};
}

function cut(s, n) {
	const r = [...s];
	n = Math.max(n, 3);
	if (r.length <= n) return s;
	const head = Math.floor(n / 2);
	return r.slice(0, head).join("") + "…" + r.slice(r.length - (n - 1 - head)).join("");
}

function path(...xy) {
	let d = "";
	for (let i = 0; i < xy.length; i += 2) d += (i ? "L" : "M") + number(xy[i]) + " " + number(xy[i + 1]);
	return d;
}

function valuesOf(panel, alongX) {
	const list = [];
	for (const s of panel.series) {
		for (const pt of s.points) {
			if (s.kind === "bars" || s.kind === "whiskers") {
				if (alongX) list.push(at(pt, LO), at(pt, HI));
			} else if (s.kind === "intervals") {
				if (alongX) list.push(at(pt, X), at(pt, LO), at(pt, HI));
			} else if (alongX) list.push(at(pt, X));
			else if (s.kind === "band") list.push(at(pt, Y), at(pt, LO), at(pt, HI));
			else list.push(at(pt, Y));
		}
	}
	for (const r of panel.rules) if (r.on_y !== alongX) list.push(r.at);
	return list.filter(real);
}

// place sets the axes of a panel. chosen may hold a scale for x and y, and zoom, four
// values of which the pairs may be null.
function place(panel, width, chosen = {}) {
	const zoom = chosen.zoom || [null, null, null, null];
	const xAxis = { ...panel.x, scale: chosen.x || panel.x.scale }, yAxis = { ...panel.y, scale: chosen.y || panel.y.scale };
	const tiles = panel.series.some((s) => s.kind === "tiles");
	const rows = yAxis.scale === "category" && !tiles;
	const top = 12 + (yAxis.label ? lineHeight : 0), n = (yAxis.names || []).length;
	let inside = width >= 600 ? 260 : 190;
	if (rows) inside = Math.max(n, 1) * rowHeight;
	else if (tiles) inside = Math.max(n, 1) * tileHeight;
	const bottom = top + inside, height = bottom + 24 + (xAxis.label ? lineHeight : 0);
	const ends = yAxis.scale === "category" ? [top, bottom] : [bottom, top];
	const y = newScale(yAxis, valuesOf(panel, false), ...ends, tickApartUp, real(zoom[2]) ? zoom.slice(2) : null);
	let left = edge;
	if (!rows) {
		const widest = y.ticks.reduce((m, t) => Math.max(m, letters(t.text)), 0);
		left += glyph * Math.min(widest, Math.floor((0.35 * width) / glyph));
	}
	const x = newScale(xAxis, valuesOf(panel, true), left, width - overhang, tickApart, real(zoom[0]) ? zoom.slice(0, 2) : null);
	return { panel, width, height, x, y, xAxis, yAxis, rows, top, bottom };
}

// draw gives the elements of a placed panel, without the series in off: [name,
// attributes, text or elements].
function draw(f, off = new Set()) {
	const { panel, x, y, top, bottom } = f, out = [];
	for (const s of panel.spans) {
		const on = s.on_y ? y : x, ends = [on.within(s.from), on.within(s.to)].sort((a, b) => a - b);
		if (!(ends[1] > ends[0])) continue;
		const box = s.on_y ? { class: "span", x: x.a, y: ends[0], width: x.b - x.a, height: ends[1] - ends[0] } :
			{ class: "span", x: ends[0], y: top, width: ends[1] - ends[0], height: bottom - top };
		if (s.doubt) {
			box.class = "span doubt";
			box.opacity = 0.3 + 0.7 * s.doubt;
		}
		out.push(["rect", box]);
	}
	for (const r of panel.rules) {
		const on = (r.on_y ? y : x).within(r.at);
		if (!real(on)) continue;
		const d = r.on_y ? path(x.a, on, x.b, on) : path(on, y.a, on, y.b);
		out.push(["path", { class: "rule", d }]);
	}
	out.push(...drawAxes(f));
	const marks = panel.series.map((s) => ["g", { class: s.class }, off.has(s.name) ? [] : drawSeries(f, s)]);
	const box = [x.a - 6, top - 6, x.b - x.a + 12, bottom - top + 12];
	out.push(["svg", { x: box[0], y: box[1], width: box[2], height: box[3], viewBox: box.map(number).join(" ") }, marks]);
	return out;
}

function drawAxes(f) {
	const { x, y, xAxis, yAxis, top, bottom, width } = f, out = [];
	const text = (s, attributes) => out.push(["text", attributes, s]);
	const widest = x.ticks.reduce((m, t) => Math.max(m, letters(t.text)), 0);
	const step = (x.b - x.a) / Math.max(x.ticks.length, 1), ordered = xAxis.scale !== "category";
	const every = ordered ? 1 : Math.max(1, Math.ceil((Math.min(widest, 12) * glyph) / step));
	x.ticks.forEach((t, i) => {
		const px = x.px(t.at);
		if (ordered) out.push(["path", { class: "grid", d: path(px, top, px, bottom) }]);
		if (i % every) return;
		const shown = cut(t.text, 12), fits = (glyph * letters(shown)) / 2 <= px;
		text(shown, { x: fits ? px : 2, y: bottom + 16, "text-anchor": fits ? "middle" : "start" });
	});
	for (const t of y.ticks) {
		const py = y.px(t.at), beside = { x: x.a - 5, y: py + 4, "text-anchor": "end" };
		if (f.rows) {
			const right = cut(rowLabel(f.panel, t.at), Math.trunc(width / 2 / glyph));
			text(cut(t.text, Math.trunc((x.b + overhang - x.a) / glyph) - letters(right) - 2), { x: x.a + 4, y: py - 5 });
			if (right) text(right, { class: "label", x: width - 4, y: py - 5, "text-anchor": "end" });
		} else if (yAxis.scale === "category") {
			text(cut(t.text, Math.trunc((x.a - edge) / glyph)), beside);
		} else {
			out.push(["path", { class: "grid", d: path(x.a, py, x.b, py) }]);
			text(t.text, beside);
		}
	}
	out.push(["path", { class: "axis", d: path(x.a, top, x.a, bottom, x.b, bottom) }]);
	const room = Math.trunc(width / glyph);
	if (yAxis.label) text(cut(yAxis.label, room), { class: "label", x: 2, y: 13 });
	if (xAxis.label) text(cut(xAxis.label, room), { class: "label", x: x.b, y: bottom + 16 + lineHeight, "text-anchor": "end" });
	return out;
}

const rowLabel = (panel, row) => panel.series.flatMap((s) => s.points.filter((pt) => at(pt, Y) === row && said(pt, LABEL)).map((pt) => said(pt, LABEL))).join(" · ");

function inside(f, pt) {
	const x = f.x.px(at(pt, X)), y = f.y.px(at(pt, Y));
	return x >= f.x.a - 0.5 && x <= f.x.b + 0.5 && y >= f.top - 0.5 && y <= f.bottom + 0.5 ? [x, y] : null;
}

const dotClass = (pt) => (pt[FAINT] ? "ring" : "dot");

function drawSeries(f, s) {
	switch (s.kind) {
	case "line": return drawLine(f, s);
	case "band": return [...drawBand(f, s), ...drawLine(f, s)];
	case "tiles": return drawTiles(f, s);
	}
	return s.points.flatMap((pt) => drawPoint(f, s.kind, pt));
}

function drawLine(f, s) {
	let d = "", open = false;
	for (const pt of s.points) {
		const x = f.x.px(at(pt, X)), y = f.y.px(at(pt, Y));
		if (real(x) && real(y)) d += (open ? "L" : "M") + number(x) + " " + number(y);
		open = real(x) && real(y);
	}
	return d ? [["path", { class: (s.part ? "line part" : "line") + (s.points[0][FAINT] ? " faint" : ""), d }]] : [];
}

function drawBand(f, s) {
	const out = [];
	let up = [], down = [];
	const flush = () => {
		if (up.length > 2) out.push(["path", { class: "area", d: path(...up, ...down.reverse().flat()) + "Z" }]);
		[up, down] = [[], []];
	};
	for (const pt of s.points) {
		const x = f.x.px(at(pt, X)), lo = f.y.within(at(pt, LO)), hi = f.y.within(at(pt, HI));
		if (![x, lo, hi].every(real)) {
			flush();
			continue;
		}
		up.push(x, hi);
		down.push([x, lo]);
	}
	flush();
	return out;
}

function tileSize(f) {
	return [(f.x.b - f.x.a) / Math.max((f.xAxis.names || []).length, 1), (f.bottom - f.top) / Math.max((f.yAxis.names || []).length, 1)];
}

function drawTiles(f, s) {
	const [w, h] = tileSize(f), out = [];
	for (const pt of s.points) {
		const p = inside(f, pt), name = pt[FAINT] ? "tile faint" : "tile";
		if (!p) continue;
		out.push(["rect", { class: name, x: p[0] - w / 2 + 1, y: p[1] - h / 2 + 1, width: w - 2, height: h - 2, fill: pt[FILL] }]);
		const text = said(pt, LABEL);
		if (text && glyph * letters(text) <= w) out.push(["text", { class: name, x: p[0], y: p[1] + 4, "text-anchor": "middle", fill: pt[INK] }, text]);
	}
	return out;
}

function drawPoint(f, kind, pt) {
	const p = inside(f, pt), x = f.x.px(at(pt, X)), y = f.y.px(at(pt, Y));
	const faint = pt[FAINT] ? " faint" : "";
	if (!real(y)) return [];
	switch (kind) {
	case "dots": return p ? [["circle", { class: dotClass(pt), cx: x, cy: y, r: 3.5 }]] : [];
	case "marks": return p ? [["circle", { class: "ring", cx: x, cy: y, r: 7 }]] : [];
	case "bars": {
		const ends = [f.x.within(at(pt, LO)), f.x.within(at(pt, HI))].sort((a, b) => a - b);
		return ends[1] > ends[0] ? [["rect", { class: "bar" + faint, x: ends[0], y, width: ends[1] - ends[0], height: barHeight }]] : [];
	}
	case "whiskers": return drawInterval(f, "whisker", y + barHeight / 2, pt);
	case "intervals": {
		const out = drawInterval(f, "interval" + faint, y + barHeight / 2, pt);
		if (x >= f.x.a && x <= f.x.b) out.push(["circle", { class: dotClass(pt) + faint, cx: x, cy: y + barHeight / 2, r: 4.5 }]);
		return out;
	}
	}
	return [];
}

function drawInterval(f, name, y, pt) {
	const ends = [at(pt, LO), at(pt, HI)], [lo, hi] = ends.map(f.x.within);
	if (!real(lo) || !real(hi)) return [];
	let d = path(lo, y, hi, y);
	for (const v of ends) {
		const px = f.x.px(v);
		if (px >= f.x.a && px <= f.x.b) d += path(px, y - 4, px, y + 4);
	}
	return [["path", { class: name, d }]];
}
