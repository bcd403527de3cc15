// API: the description for machines, to be read by people.

const described = await (await fetch("/openapi.json")).json();
const plain = (text) => (text ?? "").replaceAll("`", "");
const part = (schema) => (schema?.$ref ? described.components.schemas[schema.$ref.split("/").pop()] : schema);

function make(tag, text, ...children) {
  const node = Object.assign(document.createElement(tag), { textContent: text });
  node.append(...children);
  return node;
}

function kind(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.contentMediaType || schema.format === "binary") return "file";
  if (schema.enum) return schema.enum.join(", ");
  return schema.type === "array" ? `list of ${kind(schema.items)}` : schema.type ?? "";
}

function fields(schema) {
  const rows = Object.entries(part(schema)?.properties ?? {}).flatMap(([name, one]) => [
    make("dt", "", make("code", name)),
    make("dd", [kind(one), plain(one.description)].filter(Boolean).join(": ")),
  ]);
  return make("dl", "", ...rows);
}

function section(path, method, call) {
  const form = Object.values(call.requestBody?.content ?? {})[0]?.schema;
  const told = Object.entries(call.responses).map(([status, one]) => {
    const schema = one.content?.["application/json"]?.schema;
    const name = schema && Object.keys(schema).length ? ` (${kind(schema)})` : "";
    return [make("dt", status), make("dd", one.description + name)];
  });
  const parts = [make("h2", "", make("code", `${method.toUpperCase()} ${path}`)), make("p", plain(call.description))];
  if (form) parts.push(make("p", "Fields of the form:"), fields(form));
  return make("section", "", ...parts, make("p", "Answers:"), make("dl", "", ...told.flat()));
}

for (const [path, methods] of Object.entries(described.paths)) {
  for (const [method, call] of Object.entries(methods)) document.getElementById("calls").append(section(path, method, call));
}
for (const name of ["JobView", "ModelView", "Health"]) {
  document.getElementById("calls").append(make("h2", name), fields(described.components.schemas[name]));
}
for (const here of document.querySelectorAll(".here")) here.textContent = location.origin;
