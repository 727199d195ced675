// Renews the state every two seconds. Without this file the page works the same, with a link to renew it.
"use strict";
(() => {
  const parts = ["notices", "facts"].map((name) => document.getElementById(name));
  const told = document.getElementById("told");
  if (!told || parts.includes(null)) return;
  const wantedPin = () => document.getElementById("pin") !== null || document.getElementById("confirm-pin") !== null;
  const inUse = (part) => part.contains(document.activeElement);
  const typing = () => document.activeElement && document.activeElement.tagName === "INPUT";
  const title = () => parts[0].querySelector("h1").textContent;
  const renew = async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/live", { cache: "no-store" });
      if (!answer.ok) return;
      const wants = answer.headers.get("x-wants-pin") === "1";
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const before = title();
      for (const part of parts) {
        if (!inUse(part)) part.replaceChildren(...fresh.getElementById(part.id).childNodes);
      }
      if (title() !== before) told.textContent = title();
      if (wants !== wantedPin() && !typing()) location.replace("/");
    } catch (gone) {
      // The device is being started anew: the next round asks again.
    }
  };
  setInterval(renew, 2000);
})();
