// Where the person writes: the text, the message it replies to, the command menu.
import { el } from "./element.js";

// Composer owns the foot of the page. say(text, quoted) is called with what is to be sent.
export class Composer {
  constructor(foot, say) {
    this.say = say;
    this.form = foot.querySelector("form");
    this.text = foot.querySelector("textarea");
    this.send = foot.querySelector(".send");
    this.menu = foot.querySelector(".menu");
    this.bar = foot.querySelector(".quoting");
    this.startButton = foot.querySelector(".start");
    this.commands = [];
    this.quoted = null;
    this.chosen = -1;

    this.text.addEventListener("input", () => this.changed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.bar.querySelector("button").addEventListener("click", () => this.quote(null));
    foot.querySelector(".slash").addEventListener("click", () => this.toggleMenu());
    this.startButton.addEventListener("click", () => this.say(this.startText, null));
    document.addEventListener("pointerdown", (event) => {
      if (!foot.contains(event.target)) this.closeMenu();
    });
  }

  // show makes the composer fit the chat: its commands, or the START button of a bot nobody has spoken to.
  show(chat, startCode) {
    this.commands = chat.commands ?? [];
    const fresh = chat.type === "private" && !chat.started;
    this.startText = startCode ? `/start ${startCode}` : "/start";
    this.startButton.hidden = !fresh;
    this.form.hidden = fresh;
    this.form.querySelector(".slash").hidden = this.commands.length === 0;
  }

  // quote sets the message that is replied to; null means none.
  quote(message) {
    this.quoted = message;
    this.bar.hidden = !message;
    if (!message) return;
    this.bar.querySelector("b").textContent = `Reply to ${message.from.first_name}`;
    this.bar.querySelector("span").textContent = (message.plain || message.file?.name || "").replace(/\s+/g, " ").slice(0, 160);
    this.text.focus();
  }

  submit() {
    const text = this.text.value.trim();
    if (!text) return;
    this.say(text, this.quoted);
    this.text.value = "";
    this.quote(null);
    this.changed();
  }

  changed() {
    this.send.disabled = !this.text.value.trim();
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 180)}px`;
    const typed = /^\/([a-z0-9_]*)$/i.exec(this.text.value);
    if (typed) this.openMenu(typed[1].toLowerCase());
    else this.closeMenu();
  }

  openMenu(prefix) {
    const found = this.commands.filter((c) => c.command.startsWith(prefix));
    this.found = found;
    this.chosen = found.length ? 0 : -1;
    this.menu.replaceChildren(...found.map((c, i) => el("button.command", { role: "option", onclick: () => this.pick(i) },
      el("b", {}, `/${c.command}`), el("span", {}, c.description))));
    this.menu.hidden = found.length === 0;
    this.mark();
  }

  closeMenu() {
    this.menu.hidden = true;
  }

  toggleMenu() {
    if (this.menu.hidden) this.openMenu("");
    else this.closeMenu();
  }

  mark() {
    [...this.menu.children].forEach((node, i) => {
      node.classList.toggle("chosen", i === this.chosen);
      if (i === this.chosen) node.scrollIntoView({ block: "nearest" });
    });
  }

  // pick sends a command as Telegram does; with fill it is only written down, for arguments to follow.
  pick(i, fill = false) {
    const command = `/${this.found[i].command}`;
    this.closeMenu();
    if (fill) {
      this.text.value = `${command} `;
      this.changed();
      return;
    }
    this.text.value = command;
    this.submit();
  }

  key(event) {
    const open = !this.menu.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : this.found.length - 1;
      this.chosen = (this.chosen + step) % this.found.length;
      this.mark();
    } else if (open && event.key === "Tab") {
      event.preventDefault();
      this.pick(this.chosen, true);
    } else if (event.key === "Escape") {
      if (open) this.closeMenu();
      else this.quote(null);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (open) this.pick(this.chosen);
      else this.submit();
    }
  }
}
