// Small pieces that every part of the page is built from.

// el makes an element: el("b.name", {title: "…"}, child, "words", …). Children that are null or false are left out.
export function el(selector, properties, ...children) {
  const [tag, ...classes] = selector.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "dataset") Object.assign(node.dataset, value);
    else if (key in node) node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const paths = {
  reply: "M10 5L3 12l7 7v-4.5c5 0 8.5 1.5 11 5-1-6-4.5-10-11-10.5z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  muted: "M3 3l18 18M9 5a5.5 5.5 0 018.5 4.5c0 2.5.5 4.5 1.5 6M16 17H5c1.2-1 1.7-3.5 1.5-7M10 20h4",
  bell: "M12 3.5A5.5 5.5 0 006.5 9c0 4-.7 6.5-2 8h15c-1.3-1.5-2-4-2-8A5.5 5.5 0 0012 3.5zM10 20h4",
  sent: "M5 12.5l4.5 4.5L19 7",
  read: "M2 12.5l4.5 4.5L16 7M10.5 16l1 1L21 7",
  file: "M7 3h7l5 5v13H7zM14 3v5h5M10 13h6M10 17h6",
  open: "M8 16L17 7M9 7h8v8",
  down: "M6 10l6 6 6-6",
};

// icon draws one of the line icons above.
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("glyph");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

// hue gives every account its own colour, the same on every visit: Telegram has seven.
export function hue(id) {
  return Math.abs(Number(id)) % 7;
}

export function initials(name) {
  const words = name.trim().split(/\s+/);
  return ((words[0]?.[0] ?? "") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

export function day(ms) {
  const date = new Date(ms), today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  const sameYear = date.getFullYear() === today.getFullYear();
  return date.toLocaleDateString([], { day: "numeric", month: "long", year: sameYear ? undefined : "numeric" });
}

export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib.toFixed(1)} KB` : `${(kib / 1024).toFixed(1)} MB`;
}

// act sends an action of the person and returns the answer; a refused one throws with its reason.
export async function act(path, body) {
  let response;
  try {
    response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  } catch {
    throw new Error("The chat server cannot be reached.");
  }
  const answer = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
