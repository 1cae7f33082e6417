// Two conveniences; every page works without them.
"use strict";

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
    setTimeout(() => { button.textContent = label; }, 2500);
  });
}

// A status that fetches itself anew. Another stage needs another page, so that is loaded whole.
const live = document.querySelector("[data-live]");
if (live) {
  const stage = () => live.querySelector("[data-stage]")?.dataset.stage;
  const shown = stage();
  let waiting = 3000;

  const look = async () => {
    try {
      const answer = await fetch(live.dataset.live, { headers: { Accept: "text/html" }, redirect: "error" });
      if (answer.status === 403 || answer.status === 404) { location.reload(); return; }
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
        const now = fresh.querySelector("[data-stage]");
        if (now && now.dataset.stage !== shown) { location.assign(live.dataset.page); return; }
        if (now && fresh.innerHTML !== live.dataset.last) {
          live.dataset.last = fresh.innerHTML;
          live.replaceChildren(...fresh.childNodes);
        }
        waiting = 3000;
      }
    } catch {
      waiting = Math.min(waiting * 2, 60000); // the server is away: ask less often
    }
    setTimeout(look, document.hidden ? Math.max(waiting, 15000) : waiting);
  };
  setTimeout(look, waiting);
}
