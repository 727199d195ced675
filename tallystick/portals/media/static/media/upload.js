"use strict";
// Sends a large choice of files in pieces and shows how far it is. Without script the form sends everything at once.
const PIECE_FILES = 200;
const PIECE_BYTES = 8 * 1024 * 1024;
const form = document.getElementById("upload");
const bar = document.getElementById("progress");
const text = document.getElementById("progress-text");
const button = form.querySelector("button");

function pieces(files) {
  const found = [];
  let piece = [];
  let bytes = 0;
  for (const file of files) {
    if (piece.length && (piece.length >= PIECE_FILES || bytes + file.size > PIECE_BYTES)) {
      found.push(piece);
      piece = [];
      bytes = 0;
    }
    piece.push(file);
    bytes += file.size;
  }
  found.push(piece);
  return found;
}

// Packages before the request that they answer, so that it is complete when it is looked at.
function rank(file) {
  return /\.json$/i.test(file.name) ? 0 : 1;
}

function send(address, files, more, onProgress) {
  return new Promise((resolve, reject) => {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    if (more) body.append("more", "1");
    for (const file of files) body.append("files", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.responseType = "document";
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => {
      if (request.status === 200) resolve(request.responseURL);
      else reject(new Error(request.response?.querySelector("main")?.textContent.trim().replace(/\s+/g, " ") || `Answer ${request.status}`));
    };
    request.onerror = () => reject(new Error("The connection was lost. Upload the same folder again: what has arrived is known."));
    request.send(body);
  });
}

async function upload(files) {
  const total = files.reduce((sum, file) => sum + file.size, 0) || 1;
  let address = form.action;
  let sent = 0;
  const all = pieces(files);
  for (const [number, piece] of all.entries()) {
    const shown = (loaded) => {
      const percent = Math.min(100, Math.round(((sent + loaded) * 100) / total));
      bar.value = percent;
      text.textContent = `${percent} % of ${files.length} files sent`;
    };
    const arrived = await send(address, piece, number < all.length - 1, shown);
    sent += piece.reduce((sum, file) => sum + file.size, 0);
    address = `${arrived.replace(/\/$/, "")}/files/`;
  }
  location.assign(address.replace(/files\/$/, ""));
}

form.addEventListener("submit", (event) => {
  const files = [...form.elements.folder.files, ...form.elements.files.files].sort((a, b) => rank(a) - rank(b));
  event.preventDefault();
  if (!files.length) {
    text.textContent = "Choose a folder or files first.";
    return;
  }
  button.disabled = true;
  bar.hidden = false;
  upload(files).catch((error) => {
    text.textContent = error.message;
    button.disabled = false;
  });
});
