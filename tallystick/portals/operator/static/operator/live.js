"use strict";
// Keeps the figures fresh. Without script the page still works: its link asks for it anew.
const figures = document.getElementById("figures");
const state = document.getElementById("connection");
async function refresh() {
  try {
    const answer = await fetch(figures.dataset.source, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    figures.replaceChildren(...fresh.body.childNodes);
    state.textContent = "";
  } catch {
    state.textContent = "No connection: these figures are from the last answer.";
  }
  setTimeout(refresh, 2000);
}
setTimeout(refresh, 2000);
