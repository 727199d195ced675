"use strict";
// Renews the figures every two seconds, unless paused. Without script the page is complete, and has a link instead.
const EVERY_MS = 2000;
const figures = document.getElementById("figures");
const message = document.getElementById("connection");
const pause = document.getElementById("pause");
let paused = false;

function show(fresh) {
  const held = figures.contains(document.activeElement) ? document.activeElement : null;
  const scrolled = new Map([...figures.querySelectorAll("[tabindex]")].map((part) => [part.id, part.scrollLeft]));
  figures.replaceChildren(...fresh.body.childNodes);
  for (const [id, left] of scrolled) {
    const part = document.getElementById(id);
    if (part) part.scrollLeft = left;
  }
  if (held) document.getElementById(held.id)?.focus({ preventScroll: true });
}

function refresh() {
  if (paused) return;
  // A request for a document is parsed by the browser without running anything in it.
  const request = new XMLHttpRequest();
  request.open("GET", figures.dataset.source);
  request.responseType = "document";
  request.timeout = 10000;
  request.onloadend = () => {
    const arrived = request.status === 200 && request.response;
    if (arrived && new URL(request.responseURL).pathname !== figures.dataset.source) {
      location.reload(); // signed out meanwhile
      return;
    }
    if (arrived && !paused) show(request.response);
    const text = arrived ? "" : "No answer: these figures are old. Trying again.";
    if (message.textContent !== text) message.textContent = text;
    setTimeout(refresh, EVERY_MS);
  };
  request.send();
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.textContent = paused ? "Go on" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
  if (!paused) refresh();
});
setTimeout(refresh, EVERY_MS);
