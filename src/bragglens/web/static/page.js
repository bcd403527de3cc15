// Page: scans that were added, how they stand, and the answer of the one that is chosen.

import * as calls from "./calls.js";
import * as options from "./options.js";
import * as words from "./words.js";

const LARGEST = 16 * 2 ** 20; // bytes; the server refuses larger files, after they were sent
const PAUSE = 600; // ms between two looks at the jobs
const AT_ONCE = 8; // jobs that are looked at
const BUSY = 3000; // ms until a file is sent again that the server had no room for

const at = (id) => document.getElementById(id);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One for each scan of the list: what the server said of it last, the options it was asked with, its line on the page.
let entries = [];
let chosen = null;

function make(tag, properties, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// ---- the list

function add(job, asked) {
  const name = make("span", { className: "name", textContent: job.file });
  const chip = make("span");
  const line = make("span", { className: "line" });
  const select = make("button", { type: "button", className: "scan" }, name, chip, line);
  const remove = make("button", { type: "button", className: "remove", textContent: "×" });
  const entry = { job, asked, select, chip, line, item: make("li", {}, select, remove) };
  remove.setAttribute("aria-label", `Remove ${job.file}`);
  remove.title = "Remove";
  select.addEventListener("click", () => choose(entry, true));
  remove.addEventListener("click", () => drop(entry));
  entries.push(entry);
  at("list").append(entry.item);
  update(entry, job);
  return entry;
}

function update(entry, job) {
  const before = words.verdict(entry.job) + entry.job.id;
  entry.job = job;
  entry.chip.className = `chip ${words.mark(job)}`;
  entry.chip.textContent = words.verdict(job);
  entry.line.textContent = words.line(job);
  if (entry === chosen && before !== words.verdict(job) + job.id) show(entry);
  if (job.state === "done" && chosen === null) choose(entry, false);
  overview();
}

function overview() {
  const jobs = entries.map((entry) => entry.job);
  const said = words.progress(jobs);
  if (at("progress").textContent !== said) at("progress").textContent = said; // read aloud at each change
  at("all").hidden = !jobs.some((job) => job.answer);
  const unsure = jobs.filter((job) => job.missing).length;
  at("missing").hidden = unsure === 0;
  at("missing").querySelector("span").textContent =
    unsure === 1 ? "One scan does not state its wavelength:" : `${unsure} scans do not state their wavelength:`;
  const kept = entries.filter((entry) => entry.job.id).map((entry) => [entry.job.id, entry.asked]);
  sessionStorage.setItem("jobs", JSON.stringify(kept));
}

function drop(entry) {
  const next = entry.item.nextElementSibling ?? entry.item.previousElementSibling;
  entries = entries.filter((one) => one !== entry);
  entry.item.remove();
  if (entry.job.id) calls.forget(entry.job.id).catch(() => {});
  if (entry === chosen) choose(entries.find((one) => one.item === next) ?? null, false);
  (next?.querySelector(".scan") ?? at("files")).focus();
  overview();
}

// ---- jobs

// Files are sent one after the other, so that a server that is full is asked about one of them only.
let sending = Promise.resolve();

function take(files) {
  const asked = options.read(at("new"));
  for (const file of files) {
    const entry = add({ id: null, file: file.name, state: "sending" }, asked);
    sending = sending.then(() => send(entry, file));
  }
}

async function send(entry, file) {
  if (file.size > LARGEST) return fail(entry, `${file.name}: is over 16 MB: is this the right file?`);
  while (entries.includes(entry)) {
    try {
      const job = await calls.send(file, entry.asked);
      if (!entries.includes(entry)) return calls.forget(job.id).catch(() => {});
      return update(entry, job);
    } catch (error) {
      if (error.status !== 429) return fail(entry, error.message);
      update(entry, { ...entry.job, waits: true });
      await pause(BUSY);
    }
  }
}

function fail(entry, sentence) {
  update(entry, { ...entry.job, state: "failed", error: sentence });
}

// Of many that wait the first are looked at; the others cannot be answered yet.
async function watch() {
  for (;;) {
    await pause(PAUSE);
    const open = entries.filter((one) => one.job.id && !words.ended(one.job));
    await Promise.all(open.slice(0, AT_ONCE).map(look));
  }
}

async function look(entry) {
  const { id } = entry.job;
  try {
    const job = await calls.look(id);
    if (entry.job.id === id) update(entry, job);
  } catch (error) {
    if (error.status) return fail(entry, error.message);
    entry.line.textContent = error.message; // the server may come back
  }
}

async function askAgain(entry, asked) {
  const before = entry.job.id;
  const job = await calls.again(before, asked);
  entry.asked = asked;
  update(entry, job);
  calls.forget(before).catch(() => {});
}

// ---- the scan that is chosen

function choose(entry, move) {
  chosen?.select.removeAttribute("aria-current");
  chosen = entry;
  entry?.select.setAttribute("aria-current", "true");
  show(entry);
  if (move && matchMedia("(max-width: 56rem)").matches) at("chosen").scrollIntoView();
}

function show(entry) {
  at("empty").hidden = entry !== null;
  at("bar").hidden = entry === null;
  at("shown").replaceChildren();
  if (entry === null) return;
  const { job } = entry;
  const done = job.state === "done";
  const stem = job.file.replace(/\.[^.]*$/, "");
  at("chosen-name").textContent = job.file;
  at("said").textContent = said(job);
  at("said").className = job.state === "failed" ? "problem" : "soft";
  at("report").hidden = !job.report;
  at("json").hidden = !done;
  at("change").hidden = !job.id;
  close();
  if (done) link(at("json"), asFile(job.answer), `${stem}.json`);
  if (!job.report) return;
  link(at("report"), job.report, `${stem}.html`);
  const frame = make("iframe", { title: `Report of ${job.file}`, src: job.report });
  frame.sandbox = "allow-scripts allow-downloads allow-modals";
  at("shown").append(frame);
}

function said(job) {
  if (job.error) return words.problem(job);
  if (job.state !== "done") return "Not finished yet.";
  return job.report ? "" : "Its report could not be made; the answer is in the JSON file. Please report this.";
}

function link(anchor, address, name) {
  if (anchor.href.startsWith("blob:")) URL.revokeObjectURL(anchor.href);
  anchor.href = address;
  anchor.download = name;
}

function asFile(answer) {
  return URL.createObjectURL(new Blob([`${JSON.stringify(answer, null, 1)}\n`], { type: "application/json" }));
}

function close() {
  at("again").hidden = true;
  at("change").setAttribute("aria-expanded", "false");
  at("again").querySelector(".problem").textContent = "";
}

// ---- what people do

at("files").addEventListener("change", () => {
  take(at("files").files);
  at("files").value = ""; // so that the same file can be chosen again
});

at("new").addEventListener("submit", (event) => event.preventDefault());

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) document.body.classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  take(event.dataTransfer.files);
});

at("missing").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = options.field(at("missing"), "wavelength");
  const { value } = field;
  try {
    for (const entry of entries.filter((one) => one.job.missing)) {
      await askAgain(entry, { ...entry.asked, wavelength: value });
    }
    field.setCustomValidity("");
  } catch (error) {
    field.setCustomValidity(error.message);
    field.reportValidity();
  }
});
options.field(at("missing"), "wavelength").addEventListener("input", (event) => event.target.setCustomValidity(""));

at("change").addEventListener("click", () => {
  const open = at("again").hidden;
  close();
  if (!open) return;
  at("again").hidden = false;
  at("change").setAttribute("aria-expanded", "true");
  options.write(at("again"), chosen.asked);
  options.field(at("again"), "wavelength").focus();
});

at("again").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await askAgain(chosen, options.read(at("again")));
  } catch (error) {
    at("again").querySelector(".problem").textContent = error.message;
  }
});

at("list").addEventListener("keydown", (event) => {
  const to = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const item = to && event.target.closest("li")?.[to];
  if (!item) return;
  event.preventDefault();
  item.querySelector(".scan").focus();
});

at("all").addEventListener("click", () => {
  const answers = entries.map((entry) => entry.job.answer).filter(Boolean);
  const whole = { ...answers[0], scans: answers.flatMap((answer) => answer.scans) };
  const anchor = make("a", { href: asFile(whole), download: "answers.json" });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), BUSY); // some browsers begin to save a little later
});

// ---- the beginning

async function begin() {
  const before = JSON.parse(sessionStorage.getItem("jobs") ?? "[]"); // the page was loaded again; nothing is added yet
  const { name, phases, axis } = await calls.model();
  at("model").textContent = axis ? `${name}, for scans of ${axis.start}–${axis.stop}° 2θ` : name;
  const [summary, all] = at("phases").children;
  summary.textContent = phases.length === 1 ? "1 phase can be named" : `${phases.length} phases can be named`;
  all.textContent = phases.map((one) => `${one.name} (${one.formula})`).join(", ");
  at("phases").hidden = false;
  for (const form of [at("new"), at("again")]) {
    options.fill(form, phases);
    options.field(form, "network_only").closest("label").hidden = axis === null;
  }
  for (const [id, asked] of before) await calls.look(id).then((job) => add(job, asked), () => {});
}

watch();
begin().catch((error) => {
  at("model").textContent = error.message;
});
