// Words: a job in the list, in few of them.

const ENDED = new Set(["done", "failed"]);

export const ended = (job) => ENDED.has(job.state);

// The answers of a file; several where it holds several scans.
export const scansOf = (job) => job.answer?.scans ?? [];

export function verdict(job) {
  if (job.missing) return "wavelength?";
  if (job.state !== "done") return { failed: "error", queued: "waiting", running: "working" }[job.state] ?? job.state;
  const scans = scansOf(job);
  return scans.length === 1 ? scans[0].verdict : `${scans.length} scans`;
}

// A name that the style sheet has a colour for.
export function mark(job) {
  if (job.missing) return "asked";
  if (job.state === "failed") return "error";
  const [verdict, ...others] = new Set(scansOf(job).map((scan) => scan.verdict ?? "error"));
  return verdict && !others.length ? verdict.split(" ")[0] : "busy";
}

// What is wrong, without the name of the file, which stands beside it.
export const problem = ({ error, file }) => (error.startsWith(`${file}: `) ? error.slice(file.length + 2) : error);

export function line(job) {
  if (job.missing) return "the file does not state its wavelength";
  if (job.state === "failed") return problem(job);
  if (job.state === "queued") return "";
  if (job.state === "running") return `${Math.round(job.seconds)} s`;
  if (job.state === "sending") return job.waits ? "the server is busy; the scan is sent when there is room" : "";
  const scans = scansOf(job);
  if (scans.length === 1) return found(scans[0]);
  const names = scans.map(({ error, phases }) => (error ? "not identified" : phases.map(({ name }) => name).join(", ") || "none"));
  return [...new Set(names)].map((name) => `${names.filter((one) => one === name).length} × ${name}`).join("; ");
}

function found({ phases, unexplained, fraction_of: whole }) {
  const shares = phases.length > 1 && whole ? ` (of the ${whole})` : "";
  const named = phases.map(phase).join(", ") + shares || "no phase of the library";
  return unexplained >= 0.1 ? `${named}; ${Math.round(100 * unexplained)}% unexplained` : named;
}

function phase({ name, rivals, weight_percent: weight, weight_percent_error: error }, _, all) {
  const named = [name, ...rivals].join(" or ");
  if (weight === null || (all.length === 1 && !error)) return named;
  return `${named} ${weight.toFixed(1)}${error ? ` ± ${error.toFixed(1)}` : ""} wt%`.replaceAll(" ", "\u00a0");
}

export function progress(jobs) {
  const done = jobs.filter(ended).length;
  const bad = jobs.filter((job) => job.state === "failed").length;
  if (!jobs.length) return "None yet.";
  return `${done} of ${jobs.length} answered${bad ? `, ${bad} of them not identified` : ""}.`;
}
