// Keeps the page as it is now. Every section comes from the switch as HTML that is escaped there; nothing is
// made of text here. Without this script the page is the same, and "Look again" loads it anew.

const STALE = 40; // seconds without a word of the switch, not even a beat, after which the page is not live

let ahead = Date.now() / 1000 - Number(document.body.dataset.now); // of the switch's clock
let heardAt = Date.now();

const byId = (id) => document.getElementById(id);

/** 59m 12s, 2d 3h, 7s: the two largest units, as the switch writes them. */
function span(seconds) {
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    const amount = Math.floor(left / size);
    left %= size;
    if (amount || parts.length || unit === "s") parts.push(`${amount}${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

function tick() {
  const now = Date.now() / 1000 - ahead;
  for (const each of document.querySelectorAll("time.going")) {
    const { since, until } = each.dataset;
    const text = span(since === undefined ? until - now : now - since);
    if (each.textContent !== text) each.textContent = text;
  }
  byId("live").hidden = Date.now() - heardAt > STALE * 1000;
  byId("again").hidden = !byId("live").hidden;
}

/** Put a section's inside in place; what is open stays open, and the focus stays where it was. */
function replace(id, html) {
  const place = byId(id);
  if (!place) return;
  const open = [...place.querySelectorAll("details[open]")].map((each) => each.id);
  const focused = place.contains(document.activeElement) ? pathOf(document.activeElement, place) : null;
  place.innerHTML = html;
  place.closest("section").hidden = html === "";
  for (const each of open) byId(each)?.setAttribute("open", "");
  if (focused) focused.reduce((at, number) => at?.children[number], place)?.focus({ preventScroll: true });
}

/** The way from an element's ancestor down to it, as numbers of children. */
function pathOf(element, ancestor) {
  const path = [];
  for (let at = element; at !== ancestor; at = at.parentElement) {
    path.unshift([...at.parentElement.children].indexOf(at));
  }
  return path;
}

function listen() {
  const source = new EventSource("/events");
  source.onmessage = (message) => {
    const { now, sections } = JSON.parse(message.data);
    ahead = Date.now() / 1000 - now;
    heardAt = Date.now();
    for (const [id, html] of Object.entries(sections)) replace(id, html);
    tick();
  };
  source.onopen = () => { heardAt = Date.now(); };
  source.addEventListener("beat", () => { heardAt = Date.now(); });
  source.onerror = () => {
    heardAt = 0;
    if (source.readyState === EventSource.CLOSED) setTimeout(comeBack, 3000); // logged out, or another start
  };
  addEventListener("pagehide", () => source.close());
}

async function comeBack() {
  try {
    const answer = await fetch("/login", { redirect: "manual" });
    if (answer.status === 200) location.assign("/login"); // the session is over
    else listen();
  } catch {
    setTimeout(comeBack, 3000); // the switch is not there; it may be again
  }
}

/** Buttons work without leaving the page; what came of them is said at the top. */
async function act(event) {
  const form = event.target.closest("form.deed");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { Accept: "application/json" },
    });
    const { done, words } = answer.ok ? await answer.json() : { done: false, words: await answer.text() };
    if (done && form.action.endsWith("/reveal")) form.replaceWith(passwordElement(words));
    else byId("said").textContent = words;
  } catch {
    byId("said").textContent = "The switch does not answer.";
  }
  button.disabled = false;
}

function passwordElement(words) {
  const code = document.createElement("code");
  code.textContent = words;
  code.tabIndex = -1;
  queueMicrotask(() => code.focus());
  return code;
}

document.addEventListener("submit", act);
setInterval(tick, 1000);
listen();
