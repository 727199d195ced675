// Renews the state every two seconds. Without this file the page works the same, with a link to renew it.
"use strict";
(() => {
  const live = document.getElementById("live");
  const told = document.getElementById("told");
  if (!live || !told) return;
  const wantedPin = () => document.getElementById("pin") !== null || document.getElementById("confirm-pin") !== null;
  const typing = () => document.activeElement && document.activeElement.tagName === "INPUT";
  const renew = async () => {
    if (document.hidden || live.contains(document.activeElement)) return;
    try {
      const answer = await fetch("/live", { cache: "no-store" });
      if (!answer.ok) return;
      const wants = answer.headers.get("x-wants-pin") === "1";
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const before = live.querySelector("h1").textContent;
      live.replaceChildren(...fresh.body.childNodes);
      const title = live.querySelector("h1").textContent;
      if (title !== before) told.textContent = title;
      if (wants !== wantedPin() && !typing()) location.replace("/");
    } catch (gone) {
      // The device is being started anew: the next round asks again.
    }
  };
  setInterval(renew, 2000);
})();
