// What a reader has chosen, which a link carries: the section, the series that are off,
// the scale of an axis ("chart.x": "log") and the zoom of a panel ("chart.0": x and y
// from and to).

const view = { section: "", off: new Set(), scales: new Map(), zooms: new Map() };

function writeView() {
	const q = new URLSearchParams();
	if (view.section) q.set("s", view.section);
	for (const name of view.off) q.append("off", name);
	for (const [axis, scale] of view.scales) q.append("scale", axis + ":" + scale);
	for (const [panel, ends] of view.zooms) {
		q.append("zoom", panel + ":" + ends.map((v) => (real(v) ? Number(v.toPrecision(6)) : "")).join(","));
	}
	return "#" + q;
}

// readView takes what a fragment holds and leaves out what makes no sense.
function readView(fragment) {
	const q = new URLSearchParams(fragment.replace(/^#/, ""));
	const pairs = (name) => q.getAll(name).map((s) => [s.slice(0, s.lastIndexOf(":")), s.slice(s.lastIndexOf(":") + 1)]);
	view.section = q.get("s") || "";
	view.off = new Set(q.getAll("off"));
	view.scales = new Map(pairs("scale").filter(([, scale]) => scale === "log" || scale === "linear"));
	view.zooms = new Map();
	for (const [panel, text] of pairs("zoom")) {
		const ends = text.split(",").map((s) => (s === "" ? null : Number(s)));
		const whole = (a, b) => (a === null && b === null) || (real(a) && real(b) && a < b);
		if (ends.length === 4 && whole(ends[0], ends[1]) && whole(ends[2], ends[3])) view.zooms.set(panel, ends);
	}
}

// keepView puts the view into the address, so that a reload shows it again.
function keepView(section) {
	if (section) view.section = section;
	history.replaceState(null, "", writeView());
}
