// How one message looks.
import { act, clock, el, fileSize, hue, icon, initials } from "./element.js";

// bubble makes the row of a message. room is what the message can ask of the page: say, tell, quote, jump, view, alert, me.
export function bubble(message, room) {
  const mine = message.from.id === room.me.id;
  const row = el("div.row", { dataset: { id: message.id, reply: message.reply?.id ?? "" } });
  row.classList.add(mine ? "mine" : "theirs");
  if (room.group && !mine) row.append(el(message.from.is_bot ? "div.avatar.small.bot-face" : "div.avatar.small", { dataset: { hue: hue(message.from.id) }, ariaHidden: "true" }, message.from.is_bot ? "" : initials(message.from.first_name)));

  const box = el("div.bubble", { tabIndex: 0 });
  if (message.file?.kind === "photo") box.classList.add("with-photo");
  if (room.group && !mine) box.append(el("div.sender", { dataset: { hue: hue(message.from.id) } }, message.from.first_name, message.from.is_bot && el("span.bot-tag", {}, "bot")));
  if (message.topic) box.append(el("div.topic", {}, message.topic));
  if (message.reply) box.append(quoted(message.reply, room));
  if (message.file) box.append(file(message.file, room));
  if (message.html) box.append(words(message, room));
  if (message.reaction) box.append(el("div.reactions", {}, el("span.reaction", { title: `${room.bot.first_name} reacted` }, message.reaction, el("span.by")), meta(message, mine)));
  else box.append(meta(message, mine));

  const column = el("div.column", {}, box);
  if (message.buttons) column.append(keyboard(message, room));
  const reply = el("button.icon.reply-here", { title: "Reply", ariaLabel: "Reply", onclick: () => room.quote(message) }, icon("reply"));
  row.append(column, reply);
  box.addEventListener("dblclick", (event) => {
    if (!event.target.closest("a, pre, code, button, blockquote")) room.quote(message);
  });
  box.addEventListener("contextmenu", (event) => {
    if (event.target.closest("a[href]") || String(getSelection())) return;
    event.preventDefault();
    room.context(event, message);
  });
  return row;
}

// quoted shows what a message replies to as it reads now, edits included.
function quoted(reply, room) {
  const now = room.find(reply.id);
  const text = now ? now.plain || now.file?.name || "" : reply.text;
  return el("button.quoted", { dataset: { hue: hue(reply.from.id) }, onclick: () => room.jump(reply.id) },
    el("b", {}, reply.from.first_name), el("span", {}, text.replace(/\s+/g, " ").slice(0, 140)));
}

// words is the text of a message. Its HTML was written by the server from the parsed entities: the tags of Telegram and nothing else.
function words(message, room) {
  const text = el("div.text");
  text.innerHTML = message.html;
  for (const link of text.querySelectorAll("a")) finishLink(link, room);
  for (const block of text.querySelectorAll("pre, blockquote")) closeRanks(block);
  for (const block of text.querySelectorAll("pre")) finishCode(block, room);
  for (const code of text.querySelectorAll("code")) {
    code.title = "Click to copy";
    code.addEventListener("click", () => copy(code.textContent, room));
  }
  for (const spoiler of text.querySelectorAll(".spoiler")) spoiler.addEventListener("click", () => spoiler.classList.add("shown"));
  for (const quote of text.querySelectorAll("blockquote[data-expandable]")) finishQuote(quote);
  if (/^(\p{Extended_Pictographic}|\uFE0F|\u200D){1,6}$/u.test(message.plain) && !message.file) text.classList.add("only-emoji");
  // A last line that is no block lets the time stand beside it.
  if (text.lastChild?.nodeType === Node.TEXT_NODE || !text.lastElementChild?.matches(".code, blockquote")) text.classList.add("ends-inline");
  return text;
}

// closeRanks takes away the line ends beside a block, which begins and ends a line by itself.
function closeRanks(block) {
  const before = block.previousSibling, after = block.nextSibling;
  if (before?.nodeType === Node.TEXT_NODE) before.data = before.data.replace(/\n$/, "");
  if (after?.nodeType === Node.TEXT_NODE) after.data = after.data.replace(/^\n/, "");
}

function finishLink(link, room) {
  if ("command" in link.dataset) {
    link.href = "#";
    link.addEventListener("click", (event) => {
      event.preventDefault();
      room.say(link.textContent);
    });
    return;
  }
  if ("mention" in link.dataset) return;
  if ("url" in link.dataset) link.href = link.textContent;
  else link.title = link.href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
}

function finishCode(block, room) {
  const label = el("span.language", {}, block.dataset.language || "copy");
  const button = el("button.code-head", { title: "Copy", onclick: () => copy(block.textContent, room) }, label, icon("copy"));
  const frame = el("div.code");
  block.replaceWith(frame);
  if (block.dataset.language) frame.append(button);
  else block.addEventListener("click", () => !String(getSelection()) && copy(block.textContent, room));
  frame.append(block);
}

// finishQuote folds an expandable quotation to three lines; a click opens it and another closes it.
function finishQuote(quote) {
  const inner = el("div.quote-lines");
  inner.append(...quote.childNodes);
  const fold = el("button.fold", { ariaLabel: "Expand the quotation", ariaExpanded: "false" }, icon("down"));
  quote.append(inner, fold);
  quote.classList.add("expandable");
  const toggle = () => {
    if (!quote.classList.contains("folds")) return;
    const open = quote.classList.toggle("open");
    fold.ariaExpanded = String(open);
  };
  quote.addEventListener("click", (event) => {
    if (!event.target.closest("a, code, pre") && !String(getSelection())) toggle();
  });
}

// settle measures what can be known only on the page: which quotations are long enough to fold.
export function settle(row) {
  for (const quote of row.querySelectorAll("blockquote.expandable")) {
    const lines = quote.querySelector(".quote-lines");
    quote.classList.toggle("folds", quote.classList.contains("open") || lines.scrollHeight > lines.clientHeight + 2);
  }
}

// keepOpen carries what the person has opened over to the new form of an edited message.
export function keepOpen(before, after) {
  const old = before.querySelectorAll("blockquote.expandable"), fresh = after.querySelectorAll("blockquote.expandable");
  fresh.forEach((quote, i) => quote.classList.toggle("open", old[i]?.classList.contains("open") ?? false));
}

async function copy(text, room) {
  try {
    await navigator.clipboard.writeText(text.replace(/\n$/, ""));
    room.tell("Copied to the clipboard");
  } catch {
    room.tell("The browser does not let this page copy");
  }
}

function file(file, room) {
  if (file.kind === "photo") {
    const picture = el("img.photo", { src: file.url, alt: file.name, width: file.width, height: file.height, loading: "lazy" });
    return el("button.photo-frame", { ariaLabel: "Show the picture", onclick: () => room.view(file) }, picture);
  }
  const extension = file.name.includes(".") ? file.name.split(".").at(-1).slice(0, 4) : "";
  const badge = el("span.file-badge", { dataset: { kind: extension.toLowerCase() } }, extension ? el("span", {}, extension) : icon("file"));
  const about = el("span.file-about", {}, el("b", {}, file.name), el("span", {}, fileSize(file.size), file.readable ? " · click to read" : " · click to save"));
  if (file.readable) return el("button.file", { onclick: () => room.view(file) }, badge, about);
  return el("a.file", { href: `${file.url}?download`, download: file.name }, badge, about);
}

function meta(message, mine) {
  const at = new Date(message.at);
  return el("span.meta", { title: at.toLocaleString() },
    message.silent && el("span.silent", { title: "Sent without sound" }, icon("muted")),
    message.edited && el("span.edited", {}, "edited"),
    el("time", { dateTime: at.toISOString() }, clock(message.at)),
    mine && el("span.ticks", { title: message.confirmed ? "The bot has it" : "Waiting for the bot to fetch it" }, icon(message.confirmed ? "read" : "sent")));
}

function keyboard(message, room) {
  const rows = message.buttons.map((line) => el("div.keys", {}, line.map((key) => button(message, key, room))));
  return el("div.keyboard", {}, rows);
}

function button(message, key, room) {
  const style = key.style ? `.${key.style}` : "";
  if (key.url) return el(`a.key${style}`, { href: key.url, target: "_blank", rel: "noopener noreferrer" }, key.text, icon("open"));
  const node = el(`button.key${style}`, {}, el("span", {}, key.text));
  node.addEventListener("click", async () => {
    if (node.classList.contains("waiting")) return;
    node.classList.add("waiting");
    try {
      const answer = await act("tap", { user: room.me.id, chat: message.chat, message: message.id, button: key.callback_data });
      if (answer.text && answer.alert) room.alert(answer.text);
      else if (answer.text) room.tell(answer.text);
    } catch (error) {
      room.tell(error.message);
    } finally {
      node.classList.remove("waiting");
    }
  });
  return node;
}
