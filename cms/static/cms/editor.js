/* Counts what is written in a field against a limit, as the network counts it. Keep `weight` equal to cms/limits.py. */
(() => {
  "use strict";
  const LIGHT = [[0, 4351], [8192, 8205], [8208, 8223], [8242, 8247]];
  const LINK = /https?:\/\/[^\s<>"'，。]+/gi;
  const EMOJI =
    /[\u{1F1E6}-\u{1F1FF}]{2}|[\u2600-\u27BF\u{1F300}-\u{1FAFF}]\uFE0F?[\u{1F3FB}-\u{1F3FF}]?(?:\u200D[\u2600-\u27BF\u{1F300}-\u{1FAFF}]\uFE0F?[\u{1F3FB}-\u{1F3FF}]?)*/gu;

  const weight = (text) => {
    let rest = text.normalize("NFC");
    let sum = 23 * (rest.match(LINK) || []).length;
    rest = rest.replace(LINK, "");
    sum += 2 * (rest.match(EMOJI) || []).length;
    for (const char of rest.replace(EMOJI, "")) {
      const code = char.codePointAt(0);
      sum += LIGHT.some(([low, high]) => low <= code && code <= high) ? 1 : 2;
    }
    return sum;
  };

  // A place counts as long as what will probably stand there: its default, or a short word.
  const filled = (text) =>
    text.replace(/\{%.*?%\}/gs, "").replace(/\{\{.*?\}\}/gs, (place) => (/default\(["'](.*?)["']\)/.exec(place) || [, "0000000"])[1]);

  class CounterController extends window.StimulusModule.Controller {
    static values = { kind: String, limit: Number, extra: Number };

    connect() {
      this.output = document.createElement("output");
      this.output.className = "al-counter";
      this.output.htmlFor = this.element.id;
      this.element.insertAdjacentElement("afterend", this.output);
      this.show = this.show.bind(this);
      this.element.addEventListener("input", this.show);
      this.show();
    }

    disconnect() {
      this.element.removeEventListener("input", this.show);
      this.output.remove();
    }

    show() {
      const text = filled(this.element.value);
      const length = this.kindValue === "x" ? weight(text) + (text ? this.extraValue : 0) : [...text].length;
      this.output.textContent = `${length} / ${this.limitValue}`;
      this.output.classList.toggle("al-counter--over", length > this.limitValue);
    }
  }
  window.wagtail.app.register("al-counter", CounterController);

  // The preview follows the tab: whoever writes the e-mail sees the e-mail.
  document.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    const panel = tab && document.getElementById(tab.getAttribute("aria-controls"));
    const select = document.querySelector("#id_preview_mode");
    if (!panel || !select) return;
    const marked = panel.querySelector("[data-al-preview]");
    const mode = marked ? marked.dataset.alPreview : "";
    if (select.value !== mode && [...select.options].some((option) => option.value === mode)) {
      select.value = mode;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
})();
