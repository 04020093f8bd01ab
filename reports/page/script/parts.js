// Elements, what is said to screen readers, and what leaves the page.

const all = (selector, from = document) => [...from.querySelectorAll(selector)];

const plain = (v) => (real(v) ? v.toLocaleString("en", { maximumSignificantDigits: 4 }) : "none");

function element(name, attributes = {}, content = "") {
	const e = document.createElement(name);
	for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
	e.append(content);
	return e;
}

function picture([name, attributes, content]) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, typeof v === "number" ? number(v) : v);
	if (typeof content === "string") e.textContent = content;
	else if (content) e.append(...content.map(picture));
	return e;
}

function button(text, act, attributes = {}) {
	const b = element("button", { type: "button", ...attributes }, text);
	b.addEventListener("click", () => act(b));
	return b;
}

const status = element("p", { role: "status", class: "unseen", id: "status" });
const say = (text) => { status.textContent = text; };

async function copy(text, from) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const area = element("textarea", { class: "unseen" });
		document.body.append(area);
		area.value = text;
		area.select();
		document.execCommand("copy");
		area.remove();
		from.focus();
	}
	say("Copied");
	from.classList.add("done");
	setTimeout(() => from.classList.remove("done"), 1500);
}

// unpacked is what gzip and base64 hold.
function unpacked(text) {
	const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
}

async function download(content, name) {
	const json = new Blob([await content], { type: "application/json" });
	const link = element("a", { download: name, href: URL.createObjectURL(json) });
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
