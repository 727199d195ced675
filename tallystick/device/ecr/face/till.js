// Renews the state every three seconds, and takes codes without leaving the page, so that a scanner that types on loses
// no letter. Without this file everything works, a page at a time.
"use strict";
(() => {
  const main = document.getElementById("content");
  const parsed = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");
  const show = (fresh) => {
    const before = document.getElementById("state"), after = fresh.getElementById("state");
    if (!before || !after || before.contains(document.activeElement)) return;
    if (after.innerHTML !== before.innerHTML) before.replaceChildren(...after.childNodes);
  };

  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch("/live", { cache: "no-store" });
      if (answer.ok) show(await parsed(answer));
    } catch (gone) {
      // The register is being started anew: the next round asks again.
    }
  }, 3000);

  // Codes: one after the other, while the field stays where it is.
  const codes = [];
  let working = false;
  const take = async () => {
    if (working) return;
    working = true;
    try {
      while (codes.length) {
        const answer = await fetch("/scan", { method: "POST", body: codes.shift() });
        renewMain(await parsed(answer));
      }
    } catch (gone) {
      location.replace("/");
    } finally {
      working = false;
    }
  };
  const renewMain = (fresh) => {
    const form = main.querySelector("form.code"), other = fresh.querySelector("main form.code");
    if (!form || !other) { location.replace("/"); return; }
    const field = form.elements.code, text = field.value;
    other.replaceWith(form);
    main.replaceChildren(...fresh.getElementById("content").childNodes);
    field.value = text;
    field.focus();
    show(fresh);
  };

  // One press is one sale: a form that is on its way cannot be sent once more.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.classList.contains("code")) {
      event.preventDefault();
      codes.push(new URLSearchParams(new FormData(form)));
      form.elements.code.value = "";
      take();
      return;
    }
    const button = form.querySelector("button");
    if (button && form.method === "post") setTimeout(() => { button.disabled = true; }, 0);
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button")) button.disabled = false;
    const code = document.querySelector("input[autofocus]");
    if (code) code.select();
  });
})();
