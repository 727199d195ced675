"use strict";
// Renews the list of an upload until everything is judged. Without script the page has a link instead.
const EVERY_MS = 1000;
const list = document.getElementById("list");

function isFinished() {
  return document.getElementById("state")?.dataset.finished === "1";
}

function show(fresh) {
  const held = list.contains(document.activeElement) ? document.activeElement.id : "";
  list.replaceChildren(...fresh.body.childNodes);
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
}

function refresh() {
  if (isFinished()) return;
  const request = new XMLHttpRequest();
  request.open("GET", list.dataset.source + location.search);
  request.responseType = "document";
  request.timeout = 10000;
  request.onloadend = () => {
    const arrived = request.status === 200 && request.response;
    if (arrived && new URL(request.responseURL).pathname !== list.dataset.source) {
      location.reload(); // signed out meanwhile
      return;
    }
    if (arrived) show(request.response);
    setTimeout(refresh, EVERY_MS);
  };
  request.send();
}

setTimeout(refresh, EVERY_MS);
