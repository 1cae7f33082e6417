// Conveniences; every page works without them.
"use strict";

// What a script has to say is put where screen readers hear it without being interrupted.
const say = (text) => { document.getElementById("heard").textContent = text; };

// Buttons that copy the text of the element they name. They are hidden until this script shows them.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // No clipboard without https: mark the text, so that the keyboard can copy it.
      getSelection().selectAllChildren(source);
      button.textContent = "Press Ctrl+C";
    }
    say(button.textContent);
    setTimeout(() => { button.textContent = label; }, 2500);
  });
}

// Links that look like buttons answer to the space bar, too.
addEventListener("keydown", (event) => {
  if (event.key === " " && event.target.matches?.("a[role=button]")) { event.preventDefault(); event.target.click(); }
});

// A form that is on its way says so, and is not sent twice. The button keeps the focus, so it is not really disabled.
for (const form of document.forms) {
  const button = form.querySelector("button[type=submit]");
  if (!button) continue;
  const label = button.textContent;
  let timers = [];
  const tell = (text) => { button.textContent = text; say(text); };
  form.addEventListener("submit", (event) => {
    if (button.ariaDisabled) { event.preventDefault(); return; }
    button.ariaDisabled = "true";
    button.style.minWidth = `${button.offsetWidth}px`;
    // A quick answer needs no words.
    timers = [setTimeout(tell, 300, "One moment…"), setTimeout(tell, 8000, "Still waiting…")];
  });
  addEventListener("pageshow", () => { // also when somebody comes back to a page that the browser has kept
    timers.forEach(clearTimeout);
    button.ariaDisabled = null;
    button.textContent = label;
  });
}

// Replaces only what differs: focus, selection and what is being read out stay where nothing has changed.
const renew = (old, fresh) => {
  if (old.isEqualNode(fresh)) return;
  if (!old.attributes || old.nodeName !== fresh.nodeName || old.childNodes.length !== fresh.childNodes.length) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const news = [...fresh.childNodes];
  [...old.childNodes].forEach((child, index) => renew(child, news[index]));
};

// A status that fetches itself anew. Another stage needs another page, so that is loaded whole.
const live = document.querySelector("[data-live]");
if (live) {
  const away = document.querySelector("[data-away]");
  const time = () => new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  let waiting = 3000;
  let failures = 0;
  let seen = time();
  let next = 0;
  let looking = false;

  const look = async () => {
    if (looking) return;
    looking = true;
    clearTimeout(next);
    let now = null;
    try {
      const asked = { headers: { Accept: "text/html" }, redirect: "error", signal: AbortSignal.timeout(30000) };
      const answer = await fetch(live.dataset.live, asked);
      if (answer.status === 403 || answer.status === 404) { location.reload(); return; }
      if (answer.ok) {
        now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-stage]");
      }
    } catch {
      // The server is away, or did not answer in time: the same as an answer that holds no status.
    }
    if (now) {
      if (now.dataset.stage !== live.querySelector("[data-stage]").dataset.stage) {
        location.assign(live.dataset.page);
        return;
      }
      renew(live.querySelector("[data-stage]"), now);
      [waiting, failures, seen] = [3000, 0, time()];
    } else {
      waiting = Math.min(waiting * 2, 60000); // ask less often
      failures += 1;
      away.querySelector("time").textContent = seen;
    }
    away.hidden = failures < 2; // one that fails is no news
    looking = false;
    next = setTimeout(look, document.hidden ? Math.max(waiting, 15000) : waiting);
  };
  next = setTimeout(look, waiting);
  // Back from the AWS console, in another tab: what has happened meanwhile is not to be waited for.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
}
