/* Tells the shop's own campaign count that a page was seen. First party only; no cookie.

   A visitor who sends Global Privacy Control or Do Not Track gets no id, and nothing is stored in the browser: the page
   counts, the person does not. Otherwise a random id is kept for 13 months at most, and the campaign link that began the
   visit until the tab is closed, so that the second page counts for it too. */
(() => {
  "use strict";
  const MONTHS_13 = 395 * 24 * 3600 * 1000;
  const isPrivate = navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";

  const stored = (area, key, value) => {
    try {
      if (value === null) area().removeItem(key);
      else if (value !== undefined) area().setItem(key, value);
      else return area().getItem(key);
    } catch {
      /* Storage is switched off: count without it. */
    }
    return null;
  };
  const local = () => window.localStorage;
  const session = () => window.sessionStorage;

  const visitor = () => {
    const [id, until] = (stored(local, "almanac-visitor") || "").split(" ");
    if (id && Number(until) > Date.now()) return id;
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const fresh = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    stored(local, "almanac-visitor", `${fresh} ${Date.now() + MONTHS_13}`);
    return stored(local, "almanac-visitor") ? fresh : "";
  };

  const campaign = () => {
    const asked = new URLSearchParams(location.search);
    const link = {
      al: asked.getAll("al").pop() || "", // ours is the last one: the shop may have an “al” of its own
      campaign: asked.get("utm_campaign") || "",
      medium: asked.get("utm_medium") || "",
      content: asked.get("utm_content") || "",
    };
    const isNew = Object.values(link).some(Boolean);
    if (isPrivate) return { ...link, al: "" };
    if (isNew) stored(session, "almanac-campaign", JSON.stringify(link));
    try {
      return isNew ? link : JSON.parse(stored(session, "almanac-campaign") || "{}");
    } catch {
      return link;
    }
  };

  const referrer = () => {
    try {
      const host = new URL(document.referrer).host;
      return host === location.host ? "" : host;
    } catch {
      return "";
    }
  };

  const tell = () => {
    if (isPrivate) stored(local, "almanac-visitor", null);
    const seen = { path: location.pathname, referrer: referrer(), private: isPrivate, ...campaign() };
    if (!isPrivate) seen.visitor = visitor();
    const body = JSON.stringify(seen);
    if (!navigator.sendBeacon || !navigator.sendBeacon("/t/page", body)) {
      fetch("/t/page", { method: "POST", body, keepalive: true, credentials: "omit" }).catch(() => {});
    }
  };

  if (document.prerendering) document.addEventListener("prerenderingchange", tell, { once: true });
  else tell();
})();
