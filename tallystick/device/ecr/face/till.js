// Renews the state every three seconds, and brings the focus back to the field for codes. Without it the page works.
"use strict";
(() => {
  const state = document.getElementById("state");
  const renew = async () => {
    if (document.hidden || !state) return;
    try {
      const answer = await fetch("/live", { cache: "no-store" });
      if (!answer.ok || state.contains(document.activeElement)) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("state");
      if (fresh.innerHTML !== state.innerHTML) state.replaceChildren(...fresh.childNodes);
    } catch (gone) {
      // The register is being started anew: the next round asks again.
    }
  };
  setInterval(renew, 3000);
  // One press is one sale: a form that is on its way cannot be sent once more.
  document.addEventListener("submit", (event) => {
    const button = event.target.querySelector("button");
    if (button && event.target.method === "post") setTimeout(() => { button.disabled = true; }, 0);
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button")) button.disabled = false;
    const code = document.querySelector("input[autofocus]");
    if (code) code.select();
  });
})();
