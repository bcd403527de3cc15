// Options: the fields that say how a scan is to be looked at, in every form that has them.

const template = document.querySelector("#options");

// form.elements would be the field of that name.
export const field = (form, name) => form.querySelector(`[name="${name}"]`);

export function fill(form, phases) {
  form.querySelector("fieldset.options").append(template.content.cloneNode(true));
  for (const { name } of phases) field(form, "standard").append(new Option(name, name));
}

// What the server is to be told: fields that are not empty.
export function read(form) {
  const { standard_weight: weight, ...all } = Object.fromEntries(new FormData(form));
  if (all.standard) all.standard = `${all.standard}=${weight.trim().replace(",", ".")}`;
  return Object.fromEntries(Object.entries(all).filter(([, value]) => typeof value === "string" && value.trim()));
}

// The form as it was when these options were read from it.
export function write(form, options) {
  const [standard, weight] = (options.standard ?? "").split(/=(?=[^=]*$)/);
  const none = { wavelength: "", wavelength_if_missing: "", elements: "", particle_size: "", temperature: "" };
  const all = { ...none, ...options, standard, standard_weight: weight ?? "" };
  delete all.network_only;
  for (const [name, value] of Object.entries(all)) field(form, name).value = value;
  field(form, "network_only").checked = "network_only" in options;
}
