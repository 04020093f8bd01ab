// Charts: values under the pointer and by arrow keys, scales, zoom, series on and off.

const charts = JSON.parse(document.getElementById("charts").textContent).map((data) => newChart(data));
const tip = element("div", { class: "tip", hidden: "" });

function newChart(data) {
	const figure = document.getElementById("chart-" + data.id), section = figure.closest("section").id;
	const chart = { ...data, figure, section, tools: element("div", { class: "tools", role: "group", "aria-label": "View of " + data.title }) };
	chart.panels = all(".panel > svg", figure).map((svg, i) => ({ chart, data: data.panels[i], key: data.id + "." + i, svg, at: -1, hits: [] }));
	return chart;
}

// switchable is true of an axis that can have either scale. Bars stand on a zero.
const switchable = (panel, axis) => {
	const { scale } = panel.data[axis];
	if (panel.data.series.some((s) => s.kind === "bars")) return false;
	return scale === "log" || (scale === "linear" && valuesOf(panel.data, axis === "x").every((v) => v > 0));
};

function redraw(panel) {
	const { chart, svg, data } = panel, scale = (axis) => view.scales.get(chart.id + "." + axis);
	const chosen = { zoom: view.zooms.get(panel.key) };
	for (const axis of ["x", "y"]) if (scale(axis) && switchable(panel, axis)) chosen[axis] = scale(axis);
	const f = (panel.frame = place(data, Math.max(svg.clientWidth, 240), chosen));
	svg.setAttribute("viewBox", "0 0 " + number(f.width) + " " + number(f.height));
	svg.replaceChildren(...draw(f, view.off).map(picture));
	panel.hits = hitsOf(f);
	panel.at = Math.min(panel.at, panel.hits.length - 1);
	if (document.activeElement === svg && panel.at >= 0) mark(panel);
}

// hitsOf are the values that a reader can point at, with the box that each takes.
function hitsOf(f) {
	const [w, h] = f.panel.series.some((s) => s.kind === "tiles") ? tileSize(f) : [0, 0], hits = [];
	const seen = new Set(); // a line may be drawn with dots of its own
	for (const s of f.panel.series) {
		if (view.off.has(s.name) || s.kind === "labels") continue;
		for (const pt of s.points) {
			let x = f.x.px(at(pt, X)), y = f.y.px(at(pt, Y)), half = [0, 0];
			if (s.kind === "tiles") half = [w / 2, h / 2];
			if (f.rows && s.kind !== "dots") {
				y += barHeight / 2;
				if (s.kind === "bars" || s.kind === "whiskers") {
					const a = f.x.within(at(pt, LO)), b = f.x.within(at(pt, HI));
					[x, half] = [(a + b) / 2, [Math.abs(b - a) / 2, barHeight / 2]];
				}
			}
			const same = [s.name, s.part, x, y, said(pt, TEXT)].join();
			if (x >= f.x.a - 1 && x <= f.x.b + 1 && y >= f.top - 1 && y <= f.bottom + 1 && !seen.has(same)) hits.push({ x, y, half, s, pt });
			seen.add(same);
		}
	}
	return hits;
}

function textOf(panel, { s, pt }) {
	const name = [s.name, s.part].filter(Boolean).join(", "), { x, y } = panel.data;
	if (said(pt, TEXT)) return [name, said(pt, TEXT)];
	const coordinate = (axis, v) => (axis.scale === "category" ? (axis.names || [])[v] : plain(v) + " " + axis.label);
	const across = s.kind === "bars" || s.kind === "whiskers" ? at(pt, HI) : at(pt, X);
	return [name, coordinate(y, at(pt, Y)) + " at " + coordinate(x, across)];
}

function mark(panel) {
	for (const old of all(".hit", panel.svg)) old.remove();
	const hit = panel.hits[panel.at];
	tip.hidden = !hit;
	if (!hit) return;
	panel.svg.append(picture(["circle", { class: "hit", cx: hit.x, cy: hit.y, r: 8 }]));
	const [name, text] = textOf(panel, hit), box = panel.svg.getBoundingClientRect(), ratio = box.width / panel.frame.width;
	tip.replaceChildren(element("b", {}, name), element("span", {}, text));
	const left = box.left + hit.x * ratio, top = box.top + hit.y * ratio;
	tip.style.left = clamp(left + 14, 4, Math.max(4, innerWidth - tip.offsetWidth - 8)) + "px";
	tip.style.top = (top - tip.offsetHeight - 12 < 4 ? top + 16 : top - tip.offsetHeight - 12) + "px";
	return name + ": " + text;
}

function unmark(panel) {
	panel.at = -1;
	mark(panel);
}

const pixelOf = (panel, event) => {
	const box = panel.svg.getBoundingClientRect(), ratio = panel.frame.width / box.width;
	return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
};

function point(panel, event) {
	const [x, y] = pixelOf(panel, event);
	let best = 40;
	panel.at = -1;
	panel.hits.forEach((hit, i) => {
		const d = Math.hypot(Math.max(Math.abs(hit.x - x) - hit.half[0], 0), Math.max(Math.abs(hit.y - y) - hit.half[1], 0));
		if (d < best) [best, panel.at] = [d, i];
	});
	mark(panel);
}

function key(panel, event) {
	const { hits } = panel, now = hits[panel.at];
	const of = (s) => hits.flatMap((hit, i) => (hit.s === s ? [i] : []));
	const beside = (step) => {
		const series = [...new Set(hits.map((hit) => hit.s))], s = series[(series.indexOf(now.s) + step + series.length) % series.length];
		return of(s).reduce((best, i) => (Math.abs(hits[i].x - now.x) < Math.abs(hits[best].x - now.x) ? i : best));
	};
	const steps = {
		ArrowRight: () => (now ? Math.min(panel.at + 1, of(now.s).at(-1)) : 0),
		ArrowLeft: () => (now ? Math.max(panel.at - 1, of(now.s)[0]) : hits.length - 1),
		ArrowDown: () => (now ? beside(1) : 0),
		ArrowUp: () => (now ? beside(-1) : 0),
		Home: () => (now ? of(now.s)[0] : 0),
		End: () => (now ? of(now.s).at(-1) : hits.length - 1),
		Escape: () => -1,
	};
	if (event.key === "+" || event.key === "-") zoomBy(panel, event.key === "+" ? 0.5 : 2);
	else if (event.key === "0") resetZoom(panel.chart);
	else if (steps[event.key] && hits.length) {
		panel.at = steps[event.key]();
		say(mark(panel) || "");
	} else return;
	event.preventDefault();
}

const continuous = (panel, axis) => panel.data[axis].scale !== "category";

function setZoom(panel, ends) {
	view.zooms.set(panel.key, ends);
	keepView(panel.chart.section);
	redraw(panel);
	update(panel.chart);
}

// zoomBy narrows or widens the x axis around the value that is marked, else around its
// middle; panels whose x axis has names, the y axis.
function zoomBy(panel, factor) {
	const x = continuous(panel, "x"), on = x ? panel.frame.x : panel.frame.y;
	if (!x && !continuous(panel, "y")) return;
	const hit = panel.hits[panel.at], centre = hit ? (x ? hit.x : hit.y) : (on.a + on.b) / 2;
	const ends = [on.a, on.b].map((px) => on.value(centre + (px - centre) * factor));
	const old = view.zooms.get(panel.key) || [null, null, null, null];
	if (ends.every(real) && ends[0] < ends[1]) setZoom(panel, x ? [...ends, old[2], old[3]] : [old[0], old[1], ...ends]);
}

function resetZoom(chart) {
	for (const panel of chart.panels) view.zooms.delete(panel.key);
	keepView(chart.section);
	chart.panels.forEach(redraw);
	update(chart);
	say("Zoom reset");
}

// drag zooms into what is dragged over: into one axis if it is hardly high or wide.
function drag(panel, event) {
	if (event.button !== 0 || event.pointerType === "touch") return;
	const { svg, frame: f } = panel, from = pixelOf(panel, event), box = picture(["rect", { class: "drag" }]);
	const spans = (to) => {
		const xs = [from[0], to[0]].map((v) => clamp(v, f.x.a, f.x.b)).sort((a, b) => a - b);
		const ys = [from[1], to[1]].map((v) => clamp(v, f.top, f.bottom)).sort((a, b) => a - b);
		const wide = xs[1] - xs[0] > 12 && continuous(panel, "x"), high = ys[1] - ys[0] > 12 && continuous(panel, "y");
		return [wide ? xs : null, high ? ys : null];
	};
	const move = (e) => {
		const [xs, ys] = spans(pixelOf(panel, e));
		if (!xs && !ys) return;
		const [x0, x1] = xs || [f.x.a, f.x.b], [y0, y1] = ys || [f.top, f.bottom];
		for (const [k, v] of Object.entries({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 })) box.setAttribute(k, number(v));
		svg.append(box);
	};
	const up = (e) => {
		removeEventListener("pointermove", move);
		removeEventListener("pointerup", up);
		removeEventListener("pointercancel", up);
		box.remove();
		const [xs, ys] = e.type === "pointerup" ? spans(pixelOf(panel, e)) : [null, null];
		if (!xs && !ys) return;
		const old = view.zooms.get(panel.key) || [null, null, null, null];
		setZoom(panel, [...(xs ? xs.map(f.x.value) : old.slice(0, 2)), ...(ys ? [ys[1], ys[0]].map(f.y.value) : old.slice(2))]);
	};
	addEventListener("pointermove", move);
	addEventListener("pointerup", up);
	addEventListener("pointercancel", up);
}

// equip makes the controls of a chart.
function equip(chart) {
	for (const li of all(".legend li[data-series]", chart.figure)) {
		const name = li.dataset.series, b = button("", () => toggle(name, chart.section), { class: "key", "aria-pressed": "true" });
		b.append(...li.childNodes);
		li.append(b);
	}
	for (const axis of ["x", "y"]) {
		if (!chart.panels.some((p) => switchable(p, axis))) continue;
		chart.tools.append(button("Log " + axis + " axis", (b) => {
			view.scales.set(chart.id + "." + axis, b.getAttribute("aria-pressed") === "true" ? "linear" : "log");
			for (const p of chart.panels) view.zooms.delete(p.key);
			keepView(chart.section);
			chart.panels.forEach(redraw);
			update(chart);
		}, { "data-axis": axis }));
	}
	if (chart.panels.some((p) => continuous(p, "x") || continuous(p, "y"))) {
		chart.tools.append(
			button("Zoom in", () => chart.panels.forEach((p) => zoomBy(p, 0.5))),
			button("Zoom out", () => chart.panels.forEach((p) => zoomBy(p, 2))),
			button("Reset zoom", () => resetZoom(chart), { "data-reset": "" }));
	}
	chart.figure.querySelector(".panels").before(chart.tools);
	for (const panel of chart.panels) {
		const { svg } = panel;
		svg.setAttribute("role", "application");
		svg.setAttribute("aria-roledescription", "chart, arrow keys read its values");
		svg.setAttribute("tabindex", "0");
		svg.addEventListener("pointermove", (e) => point(panel, e));
		svg.addEventListener("pointerdown", (e) => { point(panel, e); drag(panel, e); });
		svg.addEventListener("pointerleave", (e) => e.pointerType === "touch" || unmark(panel));
		svg.addEventListener("blur", () => unmark(panel));
		svg.addEventListener("keydown", (e) => key(panel, e));
	}
}

function toggle(name, section) {
	if (!view.off.delete(name)) view.off.add(name);
	keepView(section);
	updateAll();
	say(name + (view.off.has(name) ? " is off" : " is on"));
}

// update shows in the controls of a chart what is chosen.
function update(chart) {
	for (const b of all("[data-axis]", chart.tools)) {
		const axis = b.dataset.axis, scale = view.scales.get(chart.id + "." + axis) || chart.panels[0].data[axis].scale;
		b.setAttribute("aria-pressed", String(scale === "log"));
	}
	for (const b of all("[data-reset]", chart.tools)) b.disabled = !chart.panels.some((p) => view.zooms.has(p.key));
	for (const li of all(".legend li[data-series]", chart.figure)) {
		li.firstChild.setAttribute("aria-pressed", String(!view.off.has(li.dataset.series)));
	}
}

function updateAll() {
	for (const chart of charts) {
		chart.panels.forEach(redraw);
		update(chart);
	}
}
