// Calls: the API as functions. What goes wrong is an Error whose message is one sentence.

async function call(path, request) {
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Error("the server cannot be reached: is it still running?");
  }
  if (response.status === 204) return null;
  const told = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (response.ok) return told;
  throw Object.assign(new Error(told.error), { status: response.status });
}

function form(options) {
  const data = new FormData();
  for (const [name, value] of Object.entries(options)) data.append(name, value);
  return data;
}

export const model = () => call("/api/model");

export const look = (id) => call(`/api/jobs/${id}`);

export const forget = (id) => call(`/api/jobs/${id}`, { method: "DELETE" });

export const again = (id, options) => call(`/api/jobs/${id}/again`, { method: "POST", body: form(options) });

export async function send(file, options) {
  const data = form(options);
  try {
    // Read now: a folder, or a file that has changed since, would otherwise look like a server that is gone.
    data.append("files", new Blob([await file.arrayBuffer()]), file.name);
  } catch {
    throw new Error(`${file.name}: cannot be read: drop files, not folders, that are still there`);
  }
  return (await call("/api/identify", { method: "POST", body: data })).jobs[0];
}
