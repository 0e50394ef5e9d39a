/* The outbox: tabs and widths of a mail, and a list that brings itself up to date. */
(() => {
  "use strict";

  const mail = document.querySelector("[data-outbox-mail]");
  if (mail) {
    const tabs = [...mail.querySelectorAll('[role="tab"]')];
    const choose = (tab, focus) => {
      for (const other of tabs) {
        const chosen = other === tab;
        other.setAttribute("aria-selected", String(chosen));
        other.tabIndex = chosen ? 0 : -1;
        document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
      }
      mail.querySelector(".outbox-widths").hidden = tab !== tabs[0];
      if (focus) tab.focus();
    };
    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => choose(tab, false));
      tab.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (step) choose(tabs[(at + step + tabs.length) % tabs.length], true);
      });
    });
    const widths = [...mail.querySelectorAll("[data-width]")];
    for (const button of widths) {
      button.addEventListener("click", () => {
        mail.dataset.shown = button.dataset.width;
        for (const other of widths) other.setAttribute("aria-pressed", String(other === button));
      });
    }
  }

  const place = document.querySelector("[data-outbox-rows]");
  if (!place || "still" in place.dataset) return;
  const news = document.querySelector("[data-outbox-news]");
  const ask = async () => {
    try {
      if (document.hidden || place.contains(document.activeElement)) return;
      const seen = place.querySelector("[data-seen]").dataset.seen;
      const answer = await fetch(`${place.dataset.url}&seen=${seen}`, { headers: { Accept: "text/html" } });
      if (answer.status !== 200 || answer.redirected) return;
      const before = seen.split("-")[0];
      place.innerHTML = await answer.text();
      if (place.querySelector("[data-seen]").dataset.seen.split("-")[0] !== before) news.textContent = news.dataset.words;
    } catch {
      // The server is away for a moment; the next turn asks again.
    } finally {
      setTimeout(ask, 3000);
    }
  };
  setTimeout(ask, 3000);
})();
