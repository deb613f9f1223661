"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, className, text = "") => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  if (tag === "button") element.type = "button";
  return element;
};

// Contents: open beside the text, folded above it, and following the reader.
const contents = document.querySelector("#contents details");
const wide = matchMedia("(min-width: 70rem)");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();

const links = all("#contents a");
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((e) => e.isIntersecting)) {
    const link = links.find((a) => a.hash === "#" + entry.target.id);
    if (!link) continue;
    links.forEach((a) => a.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "true");
    contents.parentElement.scrollTop = link.offsetTop - innerHeight / 2;
  }
}, { rootMargin: "0px 0px -75% 0px" });
all("main section[id]").forEach((section) => observer.observe(section));

// Every heading and caption links to itself.
const nameOf = (caption) =>
  (caption.querySelector(".caption-label") || caption).textContent.trim().replace(/\.$/, "");
all("main section[id] > :is(h1, h2, h3), figure[id] > figcaption").forEach((caption) => {
  const link = make("a", "here", "#");
  link.href = "#" + caption.closest("section[id], figure[id]").id;
  link.setAttribute("aria-label", "Link to " + nameOf(caption));
  caption.append(link);
});

// Code: one switch for all places.
const folded = all("details.code");
const codeSwitch = document.getElementById("code-switch");
codeSwitch.parentElement.hidden = folded.length === 0;
codeSwitch.addEventListener("click", () => {
  const show = codeSwitch.getAttribute("aria-pressed") !== "true";
  codeSwitch.setAttribute("aria-pressed", show);
  codeSwitch.textContent = show ? "Hide all code" : "Show all code";
  folded.forEach((details) => { details.open = show; });
});

// Tables: sorted by a click on a heading (up, down, as it was), and copied as CSV.
const textOf = (cell) => cell.textContent.trim().replace(/\u2212/g, "-").replace(/\u00a0/g, " ");
const numberOf = (text) => {
  const found = /^[-+]?(\d[\d,]*\.?\d*(?:e[-+]?\d+)?|\u221e)/i.exec(text);
  if (!found) return NaN;
  return found[1] === "\u221e" ? Infinity : parseFloat(found[0].replace(/,/g, ""));
};
const isMissing = (text) => text === "" || text === "\u2013";

const sortRows = (body, rows, column, direction) => {
  if (direction === "none") return body.append(...rows);
  const sign = direction === "ascending" ? 1 : -1;
  const keyed = rows.map((row) => [textOf(row.cells[column]), row]);
  const there = keyed.filter(([text]) => !isMissing(text));
  const numeric = there.every(([text]) => !Number.isNaN(numberOf(text)));
  const order = numeric
    ? ([a], [b]) => sign * (numberOf(a) - numberOf(b) || 0)
    : ([a], [b]) => sign * a.localeCompare(b, "en", { numeric: true });
  there.sort(order);
  body.append(...[...there, ...keyed.filter(([text]) => isMissing(text))].map(([, row]) => row));
};

const csvOf = (table) => all("tr", table).map((row) => [...row.cells].map((cell) => {
  const text = isMissing(textOf(cell)) ? "" : textOf(cell);
  const plain = /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replace(/,/g, "") : text;
  return /[",\n]/.test(plain) ? `"${plain.replace(/"/g, '""')}"` : plain;
}).join(",")).join("\n") + "\n";

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // a page that may not use the clipboard
    const area = make("textarea", "");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
};

all("figure.table").forEach((figure) => {
  const table = figure.querySelector("table");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = all("thead th", table);
  if (rows.length > 1 && heads.length) heads.forEach((head, column) => {
    const button = make("button", "sort");
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" };
      const direction = next[head.getAttribute("aria-sort")];
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", direction);
      sortRows(body, rows, column, direction);
    });
  });
  const caption = figure.querySelector("figcaption");
  if (!caption) return;
  const button = make("button", "copy", "Copy as CSV");
  button.setAttribute("aria-label", `Copy ${nameOf(caption)} as CSV`);
  const said = make("span", "said");
  said.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    await copy(csvOf(table));
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = ""; }, 2000);
  });
  caption.append(button, said);
});

// What is wider than its place scrolls inside itself, and can be reached by the keyboard.  All else
// does not scroll, so that the head of a table stays in view while the page does.
const scrollable = () => all(".scroll, pre").forEach((area) => {
  area.classList.remove("fits");
  const caption = area.parentElement.querySelector("figcaption[id]");
  const name = caption ? "aria-labelledby" : "aria-label";
  if (area.scrollWidth > area.clientWidth) {
    area.tabIndex = 0;
    area.setAttribute("role", "group");
    area.setAttribute(name, caption ? caption.id : "Scrolls sideways");
  } else {
    area.classList.add("fits");
    for (const attribute of ["tabindex", "role", name]) area.removeAttribute(attribute);
  }
});
addEventListener("resize", scrollable);
folded.forEach((details) => details.addEventListener("toggle", scrollable));
scrollable();

// Players: the spectrogram is the button; one sound at a time; the length is shown beforehand.
const sounds = all(".player audio");
all(".player").forEach((player) => {
  const [label, picture, audio] = ["span", "img", "audio"].map((tag) => player.querySelector(tag));
  if (!audio || !picture) return;
  const button = make("button", "play");
  const progress = make("i", "progress");
  const length = make("span", "length");
  const what = label.textContent;
  const name = () => {
    const does = audio.paused ? "Play" : "Pause";
    button.setAttribute("aria-label", [does, what, length.textContent].join(" ").trim());
    player.classList.toggle("playing", !audio.paused);
  };
  const told = () => {
    if (Number.isFinite(audio.duration)) length.textContent = audio.duration.toFixed(1) + "\u00a0s";
    name();
  };
  const follow = () => {
    progress.style.width = 100 * audio.currentTime / (audio.duration || 1) + "%";
    if (!audio.paused) requestAnimationFrame(follow);
  };
  picture.alt = "";
  picture.before(button);
  button.append(picture, progress);
  label.append(" ", length);
  audio.controls = false;
  button.addEventListener("click", () => {
    if (!audio.paused) return audio.pause();
    sounds.filter((other) => other !== audio).forEach((other) => {
      other.pause();
      other.currentTime = 0;
    });
    audio.play();
  });
  for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, name);
  audio.addEventListener("play", follow);
  audio.addEventListener("ended", () => { audio.currentTime = 0; follow(); });
  audio.addEventListener("loadedmetadata", told);
  told();
});
