// The publication page looks again every two seconds while something may change, and only while somebody looks at it.
// Without JavaScript, loading the page again shows the same.
(() => {
  const page = document.querySelector(".al-pub[data-live-url]");
  const live = document.getElementById("al-live");
  if (!page || !live) return;
  const every = 2000;
  let failures = 0;

  const parts = (root) => [...root.querySelectorAll("[data-part]")];

  const replace = (fresh) => {
    for (const part of parts(fresh)) {
      const old = live.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!old || plain(old) === plain(part)) continue;
      // What somebody is about to press stays where it is, unless the state itself has changed.
      const focused = old.contains(document.activeElement);
      if (focused && old.dataset.state === part.dataset.state) continue;
      const open = [...old.querySelectorAll("details")].map((one) => one.open);
      old.replaceWith(part);
      [...part.querySelectorAll("details")].forEach((one, at) => { one.open = Boolean(open[at]); });
      if (focused) {
        part.tabIndex = -1;
        part.focus();
      }
    }
  };

  // Each answer carries a CSRF token of its own: that is no news.
  const plain = (part) => part.outerHTML.replace(/value="[A-Za-z0-9]{64}"/g, "");

  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(page.dataset.liveUrl, { headers: { "X-Requested-With": "XMLHttpRequest" } });
        if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
        const fresh = document.createElement("div");
        fresh.innerHTML = await answer.text();
        replace(fresh);
        failures = 0;
      } catch {
        failures += 1;
      }
    }
    const state = live.querySelector('[data-part="state"]');
    if (state && state.dataset.looksAgain === "no") return;
    window.setTimeout(look, Math.min(every * 2 ** failures, 60000));
  };

  if (page.dataset.looksAgain === "yes") window.setTimeout(look, every);
})();
