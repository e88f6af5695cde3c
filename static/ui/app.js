// Makes quicker what links and forms already do. Nothing here is needed to use a page.
"use strict";

const say = (text) => { document.getElementById("live").textContent = text; };
const isTyping = (element) => /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName) || element.isContentEditable;

const MOMENT = new Intl.DateTimeFormat(document.documentElement.lang, {
  weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit",
});

// Moments stand in UTC on the page; here they get the reader's zone.
function localize(part) {
  for (const time of part.querySelectorAll("time[data-moment]")) {
    time.textContent = MOMENT.format(new Date(time.dateTime));
  }
}

localize(document);
document.addEventListener("htmx:load", (event) => localize(event.detail.elt));

// They are typed in that zone too, and sent in UTC.
const ZONE = MOMENT.resolvedOptions().timeZone;
const MOMENT_FIELDS = "input[type=datetime-local]";

for (const field of document.querySelectorAll(MOMENT_FIELDS)) {
  for (const text of [...field.labels, document.getElementById(`${field.id}_helptext`)]) {
    if (text) text.textContent = text.textContent.replace("UTC", ZONE);
  }
  if (!field.value || field.value !== field.defaultValue) continue; // what the browser kept is in it already
  const at = new Date(`${field.value}Z`);
  field.value = new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

document.addEventListener("formdata", (event) => {
  for (const field of event.target.querySelectorAll(MOMENT_FIELDS)) {
    if (field.value) event.formData.set(field.name, new Date(field.value).toISOString().slice(0, 16));
  }
});

// What is said of a value while it is typed takes the place of what was said of the one before.
document.addEventListener("htmx:afterSwap", (event) => {
  const field = document.getElementById(event.detail.target.dataset.answers);
  if (!field) return;
  const isRefused = event.detail.target.querySelector(".b-error") !== null;
  for (const error of field.parentElement.querySelectorAll(".b-error")) error.remove();
  field.setAttribute("aria-invalid", isRefused);
});

// What was found of a filter is said too: the part that says it is new, so nobody else would.
document.addEventListener("htmx:afterSwap", (event) => {
  const status = event.detail.target.querySelector("[role=status]");
  if (status) say(status.textContent.trim());
});

// The tab of this page, where the row of tabs is wider than the window.
for (const tab of document.querySelectorAll(".b-tabs [aria-current]")) {
  const row = tab.parentElement.getBoundingClientRect();
  const here = tab.getBoundingClientRect();
  tab.parentElement.scrollLeft += here.left - row.left - (row.width - here.width) / 2;
}

// A form that came back: the first field that is wrong.
const wrong = document.querySelector("main :is(input, select, textarea)[aria-invalid=true]:not([type=hidden])");
if (wrong) {
  document.title = `Error: ${document.title}`;
  wrong.focus();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // without TLS there is no clipboard to write to
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (button) {
    const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
    const lines = source && [...source.querySelectorAll(".b-line > span")].map((line) => line.textContent);
    await copy(button.dataset.copy ?? (lines.length ? lines.join("\n") : source.textContent));
    button.classList.add("b-copied");
    say("Copied");
    setTimeout(() => button.classList.remove("b-copied"), 1500);
  }
  for (const menu of document.querySelectorAll(".b-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// The commands of one tool, wherever this page has some.
function showTool(tool) {
  for (const part of document.querySelectorAll("[data-tools]")) {
    if (!part.querySelector(`[data-tool="${tool}"]`)) continue;
    for (const line of part.querySelectorAll("[data-tool]")) line.hidden = line.dataset.tool !== tool;
    for (const button of part.querySelectorAll("button[name=tool]")) button.setAttribute("aria-pressed", button.value === tool);
  }
  say(`Commands of ${tool}`);
}

// Another platform of an index, at the section that one reads now.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-keeps-section] a");
  if (!link || !scrollY) return;
  const begun = [...document.querySelectorAll("main .b-columns > div > section[id]")].filter((one) => one.getBoundingClientRect().top < innerHeight / 3);
  if (begun.length) link.hash = begun.at(-1).id;
});

document.addEventListener("submit", (event) => {
  const tool = event.submitter?.name === "tool" && event.submitter.value;
  if (tool) {
    event.preventDefault();
    fetch(event.target.action, { method: "POST", body: new FormData(event.target, event.submitter), redirect: "manual" });
    showTool(tool);
  }
  const theme = event.target.matches("[data-theme-form]") && event.submitter?.value;
  if (!theme) return;
  event.preventDefault();
  document.documentElement.dataset.theme = theme;
  fetch(event.target.action, { method: "POST", body: new FormData(event.target, event.submitter), redirect: "manual" });
  event.target.closest("details")?.removeAttribute("open");
  say(`Theme: ${theme}`);
});

// What was chosen of a list: how many, and what can be done with it.
const boxes = (form) => [...form.querySelectorAll(`input[name="${form.dataset.choosing}"]`)];
let lastBox = null;

function tally(form) {
  const bar = form.querySelector(".b-chosen");
  if (!bar) return;
  const all = boxes(form);
  const chosen = all.filter((box) => box.checked);
  const everything = form.querySelector("[data-all]")?.checked ?? false;
  bar.hidden = !chosen.length;
  const count = bar.querySelector("[data-chosen]");
  const text = everything ? `${count.dataset.of} chosen` : `${chosen.length} of ${count.dataset.of} chosen`;
  if (!bar.hidden && count.textContent !== text) say(text);
  count.textContent = text;
  const head = form.querySelector("[data-select-all]");
  if (head) head.checked = chosen.length === all.length;
  const pair = bar.querySelector("[data-pair]");
  if (!pair) return;
  pair.hidden = everything || chosen.length !== 2;
  const [a, b] = chosen.map((box) => encodeURIComponent(box.value));
  const falls = /^(newest|version|name-down)$/.test(form.elements.sort.value); // then the second is the older one
  if (!pair.hidden) pair.setAttribute("href", `${pair.pathname}?${falls ? `a=${b}&b=${a}` : `a=${a}&b=${b}`}`);
}

const tallyAll = (part) => { for (const form of part.querySelectorAll("[data-choosing]")) tally(form); };
tallyAll(document);
document.addEventListener("htmx:load", (event) => tallyAll(event.detail.elt.parentElement ?? document));
addEventListener("pageshow", () => tallyAll(document)); // what was chosen before one went on is chosen still

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-choosing]");
  if (!form) return;
  if (event.target.matches("[data-select-all]")) {
    for (const box of boxes(form)) box.checked = event.target.checked;
  }
  tally(form);
});

document.addEventListener("click", (event) => {
  const form = event.target.matches("input[type=checkbox]") && event.target.closest("[data-choosing]");
  if (!form || event.target.name !== form.dataset.choosing) return;
  const all = boxes(form);
  if (event.shiftKey && all.includes(lastBox)) {
    const [from, to] = [all.indexOf(lastBox), all.indexOf(event.target)].sort((a, b) => a - b);
    for (const box of all.slice(from, to + 1)) box.checked = event.target.checked;
    tally(form);
  }
  lastBox = event.target;
});

// Suggestions below the field of search: a combobox with a list, as ARIA 1.2 describes it.
const search = document.getElementById("search");
const suggestions = document.getElementById("suggestions");
const options = () => [...suggestions.querySelectorAll("[role=option]")];
const chosen = () => suggestions.querySelector("[aria-selected=true]");

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) search.setAttribute("aria-activedescendant", option.id);
  else search.removeAttribute("aria-activedescendant");
}

function showSuggestions(isShown) {
  suggestions.hidden = !isShown;
  search.setAttribute("aria-expanded", isShown);
  if (!isShown) choose(null);
}

function walkSuggestions(step) {
  const all = options();
  if (!all.length) return;
  showSuggestions(true);
  const at = all.indexOf(chosen());
  const next = at === -1 && step < 0 ? all.length - 1 : at + step;
  choose(all[next] ?? null); // past either end is the field itself
}

suggestions?.addEventListener("htmx:afterSwap", () => {
  const count = options().length;
  showSuggestions(count > 0 && document.activeElement === search);
  if (!suggestions.hidden) choose(suggestions.querySelector("[data-exact]"));
  if (search.value.trim().length > 1) say(count ? `${count} suggestions` : "No suggestions");
});
suggestions?.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
search?.addEventListener("blur", () => showSuggestions(false));
search?.addEventListener("focus", () => showSuggestions(options().length > 0));
search?.addEventListener("input", () => choose(null)); // Enter means what is typed now
search?.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    walkSuggestions(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && !suggestions.hidden && chosen()) {
    event.preventDefault();
    location.assign(chosen().href);
  } else if (event.key === "Escape") {
    if (suggestions.hidden) search.value = "";
    showSuggestions(false);
  }
});

// Menus are walked through with the arrow keys, Home and End.
document.addEventListener("keydown", (event) => {
  const menu = event.target.closest(".b-menu");
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  if (event.target.matches("summary")) {
    if (event.key !== "ArrowDown") return;
    menu.open = true;
  }
  const items = [...menu.querySelectorAll(".b-item")];
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  event.preventDefault();
  items.at(next % items.length)?.focus();
});

const JUMPS = { h: "/", o: "/organizations", e: "/explore", d: "/docs/" };
let isJumping = false;

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const menu = document.querySelector(".b-menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
  if (event.key === "k" && (event.ctrlKey || event.metaKey) && search) {
    event.preventDefault();
    search.select();
  }
  if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isJumping && JUMPS[event.key]) location.assign(JUMPS[event.key]);
  isJumping = event.key === "g";
  if (event.key === "/") {
    event.preventDefault();
    search.focus();
  }
  if (event.key === "?") location.assign("/help");
});

for (const place of document.querySelectorAll("[data-from-fragment]")) {
  const value = new URLSearchParams(location.hash.slice(1)).get(place.dataset.fromFragment);
  if (value) place.textContent = value;
}
