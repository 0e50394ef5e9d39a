/* Moving: by dragging or from the dialog, always checked by the server, always with a word about what happened. */
import { make, svg } from "./_draw.js";

const two = (n) => String(n).padStart(2, "0");
const dayOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
const timeOf = (date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

export class Mover {
  constructor(root, words, moved) {
    this.said = root.querySelector("[data-cal-said]");
    this.token = root.querySelector("[name=csrfmiddlewaretoken]").value;
    this.words = words;
    this.moved = moved;
  }

  /* A word for everyone, screen readers too; `action` is one button beside it. */
  say(text, kind = "done", ...actions) {
    const icon = kind === "error" ? "warning" : kind === "ask" ? "info-circle" : "success";
    const note = make("div", `cal-toast cal-toast--${kind}`, svg(icon), make("span", "", text));
    for (const { label, act } of actions.filter(Boolean)) {
      const button = make("button", "button button-small", label);
      button.type = "button";
      button.addEventListener("click", () => {
        this.said.replaceChildren();
        act();
      });
      note.append(button);
    }
    this.said.replaceChildren(note);
    if (kind !== "done") this.said.scrollIntoView({ block: "nearest" });
  }

  async post(url, values) {
    const body = new URLSearchParams({ ...values, csrfmiddlewaretoken: this.token });
    try {
      const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
      const isJson = (answer.headers.get("Content-Type") ?? "").includes("json");
      return { ok: answer.ok, ...(isJson ? await answer.json() : { detail: this.words.failed }) };
    } catch {
      return { ok: false, detail: this.words.failed };
    }
  }

  /* Send a move; ask first when approvals would be taken back. `revert` puts the picture back. */
  async move(url, values, { revert = () => {}, undo = true } = {}) {
    const answer = await this.post(url, values);
    if (answer.ok) {
      const back = undo && answer.undo && {
        label: this.words.undo,
        act: () => this.move(url, { ...this.undoValues(answer.undo) }, { undo: false }),
      };
      this.say(answer.message, "done", back);
      this.moved();
      return true;
    }
    if (answer.code === "approval_again") {
      this.say(answer.detail, "ask", {
        label: this.words.again,
        act: () => this.move(url, { ...values, again: "on" }, { revert }),
      }, { label: this.words.cancel, act: revert });
      this.said.querySelector("button").focus();
      return false;
    }
    revert();
    this.say(answer.detail, "error");
    if (answer.code === "changed_meanwhile") this.moved();
    return false;
  }

  undoValues(undo) {
    return Object.fromEntries(Object.entries(undo).filter(([, value]) => value !== null));
  }

  /* Something was dragged to another place. */
  dropped({ event, revert }, options) {
    const { item, stage } = event.extendedProps;
    if (stage) {
      this.move(stage.move, { to: dayOf(event.start), expected: stage.startOffset }, { revert });
      return;
    }
    const time = options.view === "week" && !event.allDay ? timeOf(event.start) : item.time ?? "";
    const values = { day: dayOf(event.start), version: item.version, zone: options.zone };
    if (time) values.time = time;
    this.move(item.move, values, { revert });
  }
}
