// Tables, the tools of the page, and the start.

function setUpTable(box) {
	const table = box.querySelector("table"), body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
	// A part moves with the row that it is a part of.
	const groups = [];
	for (const row of body.rows) {
		if (row.classList.contains("part") && groups.length) groups.at(-1).push(row);
		else groups.push([row]);
	}
	const sort = (column) => {
		const head = heads[column], next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort") || "none"];
		for (const h of heads) h.removeAttribute("aria-sort");
		if (next !== "none") head.setAttribute("aria-sort", next);
		const key = ([row]) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
		const order = (a, b) => (column ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true })) * (next === "descending" ? -1 : 1);
		const known = groups.filter((g) => key(g) !== ""), unknown = groups.filter((g) => key(g) === "");
		const sorted = next === "none" ? groups : [...known.toSorted((a, b) => order(key(a), key(b))), ...unknown];
		body.append(...sorted.flat());
		say(next === "none" ? "Not sorted" : "Sorted by " + head.textContent + ", " + next);
	};
	heads.forEach((head, i) => {
		const b = button(head.textContent, () => sort(i));
		head.replaceChildren(b);
	});
	const tools = element("div", { class: "tools", role: "group", "aria-label": "Table" });
	tools.append(button("Copy as Markdown", (b) => copy(markdown(table), b)), button("Copy as CSV", (b) => copy(csv(table), b)));
	box.querySelector(".wide").before(tools);
}

const cells = (table) => [...table.rows].map((row) => [...row.cells].map((c) => c.textContent.trim()));

function markdown(table) {
	const [head, ...body] = cells(table).map((row) => "| " + row.map((c) => c.replace(/[\\|<>]/g, "\\$&").replace(/\s+/g, " ")).join(" | ") + " |");
	return [head, "|" + "---|" + "---:|".repeat(table.rows[0].cells.length - 1), ...body].join("\n") + "\n";
}

const csv = (table) => cells(table).map((row) => row.map((c) => (/[",\n\r]/.test(c) ? '"' + c.replace(/"/g, '""') + '"' : c)).join(",")).join("\n") + "\n";

function setUpTools() {
	const root = document.documentElement, result = document.getElementById("result").textContent.trim(), tools = document.getElementById("tools");
	const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
	tools.append(button("Dark theme", (b) => {
		root.dataset.theme = dark() ? "light" : "dark";
		b.setAttribute("aria-pressed", String(dark()));
	}, { "aria-pressed": String(dark()), id: "theme" }));
	if (result) tools.append(button("Download raw JSON", () => download(unpacked(result), "ringbench.json"), { id: "download" }));
	for (const section of all("main > section")) {
		const title = section.querySelector("h2");
		title.after(button("Copy link to this view", (b) => {
			keepView(section.id);
			copy(location.href, b);
		}, { class: "link", "aria-label": "Copy link to this view of " + title.textContent }));
	}
}

// show restores the view of a link; a fragment without "=" is that of a section.
function show() {
	if (!location.hash.includes("=")) return;
	readView(location.hash);
	updateAll();
	document.getElementById(view.section)?.scrollIntoView();
}

document.body.append(tip, status);
charts.forEach(equip);
all(".table").forEach(setUpTable);
setUpTools();
updateAll();
show();
addEventListener("hashchange", show);
addEventListener("scroll", () => {
	const read = charts.flatMap((c) => c.panels).find((p) => p.svg === document.activeElement && p.at >= 0);
	if (read) mark(read);
	else tip.hidden = true;
}, { passive: true });
let resized = 0;
addEventListener("resize", () => {
	cancelAnimationFrame(resized);
	resized = requestAnimationFrame(updateAll);
});
