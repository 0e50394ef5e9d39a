/* Counts what is written in a field against a limit: letters here, a post's weight at the server, which counts as X does. */
(() => {
  "use strict";
  const PAUSE = 150;

  // A place counts as long as what will probably stand there: its default, or a short word.
  const filled = (text) =>
    text.replace(/\{%.*?%\}/gs, "").replace(/\{\{.*?\}\}/gs, (place) => (/default\(["'](.*?)["']\)/.exec(place) || [, "0000000"])[1]);

  class CounterController extends window.StimulusModule.Controller {
    static values = { kind: String, limit: Number, url: String, over: String };

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
      clearTimeout(this.pause);
      this.asked?.abort();
      this.output.remove();
    }

    show() {
      const text = filled(this.element.value);
      if (!this.urlValue) {
        this.tell([...text].length);
        return;
      }
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.ask(text), this.output.textContent ? PAUSE : 0);
    }

    async ask(text) {
      this.asked?.abort();
      this.asked = new AbortController();
      try {
        const answer = await fetch(this.urlValue, {
          method: "POST",
          headers: { "X-CSRFToken": window.wagtailConfig.CSRF_TOKEN },
          body: new URLSearchParams({ text }),
          signal: this.asked.signal,
        });
        if (answer.ok) this.tell((await answer.json()).length);
        else this.output.textContent = "";
      } catch (error) {
        // A number that belongs to an earlier text would mislead: none is shown until the server can be reached.
        if (error.name !== "AbortError") this.output.textContent = "";
      }
    }

    tell(length) {
      const over = length - this.limitValue;
      this.output.textContent = `${length} / ${this.limitValue}`;
      if (over > 0) this.output.textContent += ` · ${this.overValue.replace("{count}", over)}`;
      this.output.classList.toggle("al-counter--over", over > 0);
    }
  }
  window.wagtail.app.register("al-counter", CounterController);

  // --- A preview that lives --------------------------------------------------------------------------------------------
  // Wagtail tells its preview of a change only after a pause in typing, and takes whatever stands in the form two seconds
  // after it opened (later on a busy machine) as unchanged. Here the form is looked at while somebody types, from the start.

  const LOOK_EVERY = 600;
  const IGNORED = /^(csrfmiddlewaretoken|next|loaded_revision_.*|comments-.*)$/;

  const written = (form) => {
    const pairs = [...new FormData(form)].filter(([name]) => !IGNORED.test(name));
    return JSON.stringify(pairs.map(([name, value]) => [name, value instanceof File ? `${value.name} ${value.size}` : value]));
  };

  const preview = () => document.querySelector('[data-controller~="w-preview"]');
  const isShown = (panel) => panel && panel.offsetParent !== null && !document.hidden;
  // While an update is under way, this makes Wagtail begin another as soon as it ends.
  const makeStale = () => preview()?.setAttribute("data-w-preview-stale-value", "true");

  const watch = (form) => {
    let last = written(form);
    window.setInterval(() => {
      if (!isShown(preview())) return;
      const now = written(form);
      if (now === last) return;
      last = now;
      makeStale();
    }, LOOK_EVERY);

    // Who writes before Wagtail has taken its measure has written all the same: to be saved, and asked about on leaving.
    let early = false;
    const begun = (event) => {
      early ||= event.isTrusted;
    };
    form.addEventListener("input", begun);
    form.addEventListener(
      "w-unsaved:watch-edits",
      () => {
        form.removeEventListener("input", begun);
        if (early) form.setAttribute("data-w-unsaved-force-value", "true");
      },
      { once: true },
    );
  };

  // What keeps the preview from being shown is said below it, not only that something does.
  const tell = (event) => {
    const mistakes = event.detail.data.mistakes || [];
    const place = event.target.querySelector(".w-preview__error-details");
    if (!place) return;
    place.dataset.alUsual ??= place.textContent;
    place.textContent = mistakes.length ? mistakes.join(" ") : place.dataset.alUsual;
  };

  // The preview follows the tab: whoever writes the e-mail sees the e-mail.
  const follow = (tab) => {
    const panel = document.getElementById(tab.getAttribute("aria-controls"));
    const select = document.querySelector("#id_preview_mode");
    if (!panel || !select) return;
    const marked = panel.querySelector("[data-al-preview]");
    const mode = marked ? marked.dataset.alPreview : "";
    if (select.value !== mode && [...select.options].some((option) => option.value === mode)) {
      select.value = mode;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }
  };

  document.addEventListener("w-tabs:selected", (event) => event.target.matches('[role="tab"]') && follow(event.target));
  // Before Wagtail hears of it: it drops a change of mode that comes while it still loads the former preview.
  document.addEventListener("change", (event) => event.target.id === "id_preview_mode" && makeStale(), true);
  document.addEventListener("w-preview:json", tell);

  const start = () => {
    const form = document.querySelector("[data-edit-form]");
    if (form && preview()) watch(form);
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();

  // --- A button waits for an autosave --------------------------------------------------------------------------------
  // Whoever presses "Save draft" while an autosave of a new page is on its way would make the page a second time: the
  // answer that says where the page now lives has not arrived. So the button's form waits for it.

  let saving = false;
  let pressed = null;

  const goOn = () => {
    saving = false;
    if (!pressed) return;
    const { form, name, value } = pressed;
    pressed = null;
    const button = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    if (name) form.append(button); // a button that shows progress is disabled by now, and would not be sent
    form.requestSubmit();
    button.remove();
  };

  document.addEventListener("w-autosave:save", (event) => (saving = !event.defaultPrevented));
  document.addEventListener("w-autosave:success", goOn);
  document.addEventListener("w-autosave:error", goOn);
  document.addEventListener(
    "submit",
    (event) => {
      // Whoever presses again is not kept waiting by a server that does not answer.
      if (!saving || pressed || !event.target.matches('[data-controller~="w-autosave"]')) return;
      event.preventDefault();
      event.stopPropagation();
      pressed = { form: event.target, name: event.submitter?.name, value: event.submitter?.value ?? "" };
    },
    true,
  );
})();
