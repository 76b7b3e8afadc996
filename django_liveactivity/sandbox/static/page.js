"use strict";
// Keeps the page up to date; without this script the link "Refresh" does.

const EVERY = 1000;
const PATIENCE = 5000;
const live = document.getElementById("live");
const away = document.getElementById("away");
const problem = document.getElementById("problem");
const rules = document.getElementById("rules");
let newest = 0;
let isSending = false;

function renew(element, fresh) {
  if (fresh === null) return;
  if (element.hasAttribute("data-list")) renewList(element, fresh);
  else if (element.innerHTML !== fresh.innerHTML) element.replaceChildren(...fresh.childNodes);
}

// An item that stays is not replaced, so that what the user has opened or focused stays, too.
function renewList(list, fresh) {
  const ids = new Set([...fresh.children].map((item) => item.id));
  for (const item of [...list.children]) if (!ids.has(item.id)) item.remove();
  let next = list.firstElementChild;
  for (const item of [...fresh.children]) {
    const known = [...list.children].find((child) => child.id === item.id);
    if (known === undefined) {
      list.insertBefore(item, next);
      continue;
    }
    if (known === next) next = next.nextElementSibling;
    else list.insertBefore(known, next);
    for (const part of known.querySelectorAll("[data-part]")) {
      renew(part, item.querySelector(`[data-part="${part.dataset.part}"]`));
    }
  }
}

function show(html, wasSent) {
  const page = new DOMParser().parseFromString(html, "text/html");
  if (wasSent) {
    renew(problem, page.getElementById("problem"));
    rules.value = page.getElementById("rules").value;
  }
  const focused = document.activeElement;
  for (const element of document.querySelectorAll("[data-live]")) {
    renew(element, page.getElementById(element.id));
  }
  if (focused.isConnected) return;
  const heir = document.getElementById(focused.id) ?? document.getElementById("phone");
  heir.focus({ preventScroll: true });
}

async function load(address = "/", sent = {}) {
  const turn = ++newest;
  const headers = { Accept: "text/html" };
  try {
    const answer = await fetch(address, { headers, signal: AbortSignal.timeout(PATIENCE), ...sent });
    const html = await answer.text();
    if (turn !== newest) return;
    show(html, "body" in sent);
    away.textContent = "";
  } catch {
    if (turn === newest) away.textContent = "The sandbox does not answer.";
  }
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  isSending = true;
  await load(form.getAttribute("action"), { method: "POST", body });
  isSending = false;
});

document.documentElement.classList.add("is-live");
live.parentElement.hidden = false;
setInterval(() => {
  if (live.checked && !document.hidden && !isSending) load();
}, EVERY);
