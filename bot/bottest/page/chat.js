// The page: what the server tells, the list of chats, the open chat.
import { act, clock, day, el, hue, icon, initials } from "./element.js";
import { bubble, keepOpen, settle } from "./bubble.js";
import { Composer } from "./composer.js";
import { Bell } from "./sound.js";
import { view } from "./viewer.js";

const $ = (selector) => document.querySelector(selector);
const query = new URLSearchParams(location.search);
const scroll = $(".scroll"), list = $(".messages"), down = $(".down");
const bell = new Bell($(".bell"));

let state = { me: { id: 0 }, people: [], bot: {}, chats: [], boot: 0 };
const messages = new Map(); // "chat/id" -> message
const unread = new Map(); // chat -> count
let open = Number(query.get("chat")) || 0;
let below = 0; // messages under the fold that have not been seen
let pinnedAt = 0;
let typingEnds = 0;

const key = (chat, id) => `${chat}/${id}`;
const ofChat = (chat) => [...messages.values()].filter((m) => m.chat === chat).sort((a, b) => a.id - b.id);
const chatNow = () => state.chats.find((c) => c.id === open);

const room = {
  get me() { return state.me; },
  get bot() { return state.bot; },
  get group() { return chatNow()?.type !== "private"; },
  find: (id) => messages.get(key(open, id)),
  say, tell, jump, alert, context,
  quote: (message) => composer.quote(message),
  view: (file) => view($(".viewer"), file),
};
const composer = new Composer($(".composer"), say);

async function say(text, quoted) {
  try {
    await act("say", { user: state.me.id, chat: open, text, message: quoted?.id ?? 0, topic: quoted ? 0 : lastTopic() });
    toBottom();
  } catch (error) {
    tell(error.message);
  }
}

function lastTopic() {
  return ofChat(open).at(-1)?.thread ?? 0;
}

// listen follows the server. The browser connects again by itself and says where it was.
function listen() {
  const source = new EventSource(`events?user=${state.me.id}&since=${state.version}`);
  const cutOff = (yes) => {
    document.body.classList.toggle("cut-off", yes);
    drawPresence();
  };
  source.onerror = () => cutOff(true);
  source.onopen = () => cutOff(false);
  source.onmessage = (event) => take(JSON.parse(event.data));
}

function take(news) {
  if (state.boot && news.boot !== state.boot) {
    location.reload(); // another server: nothing of what is shown is true any more
    return;
  }
  const first = !state.boot;
  const { messages: changed, ...rest } = news;
  state = rest;
  if (!chatNow()) open = state.chats[0]?.id ?? 0;
  const action = chatNow()?.action_ms ?? 0;
  typingEnds = action ? Date.now() + action : 0;
  const fresh = [];
  for (const message of changed) {
    const known = messages.has(key(message.chat, message.id));
    if (message.deleted) messages.delete(key(message.chat, message.id));
    else messages.set(key(message.chat, message.id), message);
    if (!known && !message.deleted && message.from.id !== state.me.id) fresh.push(message);
  }
  drawFrame();
  if (first) drawChat();
  else for (const message of withReplies(changed.filter((m) => m.chat === open))) drawMessage(message);
  if (!first) announce(fresh);
  drawChats();
}

// withReplies adds the messages that quote a changed one.
function withReplies(changed) {
  const ids = new Set(changed.map((m) => m.id));
  return [...changed, ...ofChat(open).filter((m) => m.reply && ids.has(m.reply.id) && !ids.has(m.id))];
}

// announce rings for what came with a sound and counts what was not looked at.
function announce(fresh) {
  for (const message of fresh) {
    const seen = message.chat === open && !document.hidden;
    if (!seen) unread.set(message.chat, (unread.get(message.chat) ?? 0) + 1);
  }
  if (fresh.some((m) => !m.silent)) bell.ring();
  const asked = fresh.findLast((m) => m.force_reply && m.chat === open);
  if (asked) composer.quote(asked);
  drawTitle();
}

function drawTitle() {
  const count = [...unread.values()].reduce((a, b) => a + b, 0);
  document.title = (count ? `(${count}) ` : "") + (chatNow()?.title ?? state.bot.first_name ?? "");
}

// drawFrame draws what stands around the messages.
function drawFrame() {
  const chat = chatNow();
  const several = state.chats.length > 1 || state.people.length > 1;
  $(".back").hidden = !several;
  const identity = $(".identity");
  identity.hidden = state.people.length < 2;
  identity.querySelector("select").replaceChildren(...state.people.map((p) => el("option", { value: p.id, selected: p.id === state.me.id }, p.first_name)));
  if (!chat) return;
  const avatar = $(".room > .bar .avatar");
  const face = chat.type === "private" ? state.bot : { id: chat.id, first_name: chat.title };
  avatar.dataset.hue = hue(face.id);
  avatar.classList.toggle("bot-face", chat.type === "private");
  avatar.textContent = chat.type === "private" ? "" : initials(face.first_name);
  $(".title").textContent = chat.title;
  drawPresence();
  drawPinned(chat);
  composer.show(chat, query.get("start"));
  drawTitle();
}

const actions = { typing: "typing", upload_document: "sending a file", upload_photo: "sending a photo" };

function drawPresence() {
  const chat = chatNow(), line = $(".presence");
  if (!chat) return;
  const left = typingEnds - Date.now();
  line.className = "presence";
  if (document.body.classList.contains("cut-off")) {
    line.textContent = "connecting…";
  } else if (chat.action && left > 0) {
    line.classList.add("active");
    line.replaceChildren(el("span.dots", {}, el("i"), el("i"), el("i")), ` ${actions[chat.action] ?? chat.action.replaceAll("_", " ")}`);
    setTimeout(drawPresence, left + 20);
  } else if (chat.blocked) {
    line.textContent = "blocked";
  } else if (chat.type !== "private") {
    line.textContent = `${chat.members} members`;
  } else if (state.bot.online) {
    line.replaceChildren(el("span.online"), "bot · listening");
  } else {
    line.textContent = "bot · away, messages will wait";
  }
}

function drawPinned(chat) {
  const pins = chat.pinned.map((id) => messages.get(key(chat.id, id))).filter(Boolean);
  const bar = $(".pinned");
  bar.hidden = pins.length === 0;
  if (!pins.length) return;
  pinnedAt = Math.min(pinnedAt, pins.length - 1);
  const shown = pins[pins.length - 1 - pinnedAt];
  bar.querySelector(".pinned-text").textContent = (shown.plain || shown.file?.name || "").replace(/\s+/g, " ");
  bar.querySelector(".pinned-bars").replaceChildren(...pins.map((_, i) => el(i === pins.length - 1 - pinnedAt ? "i.now" : "i")));
  bar.onclick = () => {
    jump(shown.id);
    pinnedAt = (pinnedAt + 1) % pins.length;
    drawPinned(chat);
  };
}

function drawChats() {
  const recent = state.chats.map((chat) => ({ chat, last: ofChat(chat.id).at(-1) })).sort((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0));
  $(".chat-list").replaceChildren(...recent.map(({ chat, last }) => {
    const face = chat.type === "private" ? el("div.avatar.bot-face") : el("div.avatar", { dataset: { hue: hue(chat.id) } }, initials(chat.title));
    const words = (last?.plain || last?.file?.name || "").replace(/\s+/g, " ");
    const by = last && (last.from.id === state.me.id ? "You: " : chat.type !== "private" ? `${last.from.first_name}: ` : "");
    const count = unread.get(chat.id) ?? 0;
    return el("button.chat", { ariaCurrent: chat.id === open ? "true" : null, onclick: () => enter(chat.id) }, face,
      el("span.chat-about", {},
        el("span.chat-top", {}, el("b", {}, chat.title), last && el("time", {}, clock(last.at))),
        el("span.chat-last", {}, el("span", {}, by && el("i", {}, by), words), count > 0 && el("span.badge", {}, String(count)))));
  }));
}

function enter(chat) {
  const other = chat !== open;
  open = chat;
  unread.delete(chat);
  document.body.classList.remove("listing");
  drawFrame();
  drawChats();
  if (other) {
    composer.quote(null);
    drawChat();
  }
}

// drawChat draws all messages of the open chat anew.
function drawChat() {
  list.classList.toggle("of-group", room.group);
  const rows = ofChat(open).map((m) => bubble(m, room));
  list.replaceChildren(...(rows.length ? rows : [el("div.empty", {}, "No messages here yet")]));
  rows.forEach(settle);
  arrange();
  toBottom(false);
}

// drawMessage brings one message up to date in place.
function drawMessage(message) {
  const old = list.querySelector(`.row[data-id="${message.id}"]`);
  const stick = atBottom();
  if (message.deleted) {
    if (old) vanish(old);
    return;
  }
  const row = bubble(message, room);
  if (old) {
    keepOpen(old, row);
    const reworded = old.querySelector(".text")?.textContent !== row.querySelector(".text")?.textContent;
    old.replaceWith(row);
    if (reworded) row.classList.add("touched");
  } else {
    row.classList.add("arriving");
    list.querySelector(".empty")?.remove();
    const next = [...list.querySelectorAll(".row")].find((r) => Number(r.dataset.id) > message.id);
    if (next) next.before(row);
    else list.append(row);
  }
  settle(row);
  arrange();
  if (stick) toBottom(!old);
  else if (!old && message.from.id !== state.me.id) {
    below++;
    drawDown();
  }
}

function vanish(row) {
  const height = row.offsetHeight;
  row.style.height = `${height}px`;
  row.classList.add("vanishing");
  if (composer.quoted?.id === Number(row.dataset.id)) composer.quote(null);
  row.dataset.id = "";
  requestAnimationFrame(() => (row.style.height = "0"));
  setTimeout(() => {
    row.remove();
    arrange();
  }, 320);
}

// arrange puts a date above each day and draws together what one account says within some minutes.
function arrange() {
  list.querySelectorAll(".date").forEach((node) => node.remove());
  const rows = [...list.querySelectorAll(".row:not(.vanishing)")];
  const shown = rows.map((row) => messages.get(key(open, row.dataset.id)));
  rows.forEach((row, i) => {
    const message = shown[i], before = shown[i - 1], after = shown[i + 1];
    if (!message) return;
    const together = (a, b) => a && b && a.from.id === b.from.id && Math.abs(a.at - b.at) < 5 * 60e3 && day(a.at) === day(b.at);
    row.classList.toggle("first", !together(before, message));
    row.classList.toggle("last", !together(message, after));
    if (!before || day(before.at) !== day(message.at)) row.before(el("div.date", {}, el("span", {}, day(message.at))));
  });
}

const atBottom = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;

function toBottom(smooth = true) {
  below = 0;
  scroll.scrollTo({ top: scroll.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  drawDown();
}

function drawDown() {
  down.hidden = atBottom();
  const badge = down.querySelector(".badge");
  badge.hidden = below === 0;
  badge.textContent = String(below);
}

function jump(id) {
  const row = list.querySelector(`.row[data-id="${id}"]`);
  if (!row) {
    tell("This message is gone");
    return;
  }
  row.scrollIntoView({ block: "center", behavior: "smooth" });
  row.classList.remove("found");
  void row.offsetWidth;
  row.classList.add("found");
}

let toastTimer;
function tell(text) {
  const toast = $(".toast");
  toast.textContent = text;
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.hidden = true), Math.max(2500, text.length * 55));
}

function alert(text) {
  const dialog = $(".alert");
  dialog.querySelector("p").textContent = text;
  dialog.showModal();
}

function context(event, message) {
  const menu = $(".context");
  const item = (glyph, words, run) => el("button", { role: "menuitem", onclick: () => { menu.hidden = true; run(); } }, icon(glyph), words);
  menu.replaceChildren(
    item("reply", "Reply", () => composer.quote(message)),
    item("copy", "Copy text", () => navigator.clipboard?.writeText(message.plain).then(() => tell("Copied to the clipboard"), () => tell("The browser does not let this page copy"))));
  menu.hidden = false;
  menu.style.left = `${Math.min(event.clientX, innerWidth - menu.offsetWidth - 8)}px`;
  menu.style.top = `${Math.min(event.clientY, innerHeight - menu.offsetHeight - 8)}px`;
}

document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".context")) $(".context").hidden = true;
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) unread.delete(open);
  drawTitle();
  drawChats();
});
scroll.addEventListener("scroll", () => {
  if (atBottom()) below = 0;
  drawDown();
});
down.addEventListener("click", () => toBottom());
$(".back").addEventListener("click", () => document.body.classList.add("listing"));
$(".identity select").addEventListener("change", (event) => {
  query.set("user", event.target.value);
  query.delete("chat");
  location.search = query;
});
new ResizeObserver(() => {
  list.querySelectorAll(".row").forEach(settle);
  drawDown();
}).observe(scroll);
take(JSON.parse($("#view").textContent)); // what the server wrote into the page
listen();
