/* A publication close up, in a dialog: its facts, its clashes, and "Move to…" for the keyboard. */

export class Card {
  constructor(root, mover, drawn) {
    this.drawn = drawn;
    this.dialog = root.querySelector("[data-cal-dialog]");
    this.mover = mover;
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog || event.target.closest("[data-cal-close]")) this.dialog.close();
    });
    this.dialog.addEventListener("close", () => this.from?.isConnected && this.from.focus());
    this.dialog.addEventListener("submit", (event) => this.submit(event));
  }

  async open(url, from) {
    this.from = from;
    let answer;
    try {
      answer = await fetch(url, { headers: { "X-Requested-With": "XMLHttpRequest", Accept: "text/html" } });
    } catch {
      answer = null;
    }
    if (!answer?.ok) {
      this.mover.say(this.mover.words.failed, "error");
      return;
    }
    this.dialog.innerHTML = await answer.text();
    const close = this.dialog.querySelector("[data-cal-close]");
    if (close) close.hidden = false;
    this.dialog.showModal();
    this.dialog.querySelector("#cal-dialog-title")?.focus();
  }

  async submit(event) {
    const form = event.target.closest("[data-cal-move]");
    // Over the list the form goes the plain way: the server moves, comes back here, and says what it did.
    if (!form || !this.drawn()) return;
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    delete values.csrfmiddlewaretoken;
    delete values.next;
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    this.dialog.close();
    await this.mover.move(form.action, values);
  }
}
