/* What makes a page of the site nicer and is never needed: copying a code, a countdown, a video in place. */
(() => {
  "use strict";

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    const words = button.textContent;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
      const status = button.parentElement.querySelector("[data-copy-status]");
      if (status) status.textContent = button.dataset.done;
      setTimeout(() => (button.textContent = words), 2500);
    });
  }

  const PARTS = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];
  for (const offer of document.querySelectorAll("[data-offer][data-target]")) {
    const place = offer.querySelector("[data-countdown]");
    const target = Date.parse(offer.dataset.target);
    if (!place || Number.isNaN(target)) continue;
    const cells = PARTS.map(([name]) => {
      const cell = document.createElement("span");
      const number = document.createElement("b");
      cell.append(number, place.dataset[name]);
      place.append(cell);
      return number;
    });
    const tick = () => {
      let left = Math.floor((target - Date.now()) / 1000);
      if (left <= 0) {
        clearInterval(timer);
        place.hidden = true;
        // The server's clock decides. Ask it again, a little later for each visitor, so that not all ask at once.
        if (left > -10) setTimeout(() => location.reload(), 500 + Math.random() * 2500);
        return;
      }
      place.hidden = false;
      PARTS.forEach(([, length], at) => {
        cells[at].textContent = String(Math.floor(left / length)).padStart(2, "0");
        left %= length;
      });
    };
    const timer = setInterval(tick, 1000);
    tick();
  }

  for (const video of document.querySelectorAll("[data-player]")) {
    video.querySelector("a").addEventListener("click", (event) => {
      event.preventDefault();
      const frame = document.createElement("iframe");
      frame.src = video.dataset.player;
      frame.title = video.dataset.title;
      frame.allow = "fullscreen; picture-in-picture";
      frame.allowFullscreen = true;
      event.currentTarget.replaceWith(frame);
      frame.focus();
    });
  }
})();
