// Search: looks through the pages' sections, which search_index.js holds, so that it works from a disk too.

(() => {
  const MOST = 12; // results
  const AROUND = 60; // letters of the text that are shown on either side
  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  const make = (tag, attributes, text) => {
    const element = Object.assign(document.createElement(tag), attributes);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Sections that hold all words, those first that have them in their title.
  function find(query) {
    const wanted = words(query);
    if (!wanted.length) return [];
    const has = (text) => wanted.every((word) => text.toLowerCase().includes(word));
    const found = SECTIONS.filter(({ title, text }) => has(`${title} ${text}`));
    return found.sort((one, other) => has(other.title) - has(one.title)).slice(0, MOST);
  }

  function excerpt(text, query) {
    const at = Math.max(0, text.toLowerCase().indexOf(words(query)[0]) - AROUND);
    return `${at ? "…" : ""}${text.slice(at, at + 2 * AROUND)}…`;
  }

  const input = make("input", { type: "search", placeholder: "Search", autocomplete: "off" });
  input.setAttribute("aria-label", "Search these pages");
  const results = make("ul", { id: "found" });
  results.setAttribute("aria-live", "polite");

  input.addEventListener("input", () => {
    const found = find(input.value);
    results.replaceChildren(
      ...found.map(({ title, url, text }) => {
        const item = make("li", {});
        item.append(make("a", { href: `${base_url}/${url}` }, title), make("p", {}, excerpt(text, input.value)));
        return item;
      }),
      ...(input.value.trim() && !found.length ? [make("li", {}, "nothing")] : []),
    );
  });

  document.querySelector(".wy-side-nav-search").append(input, results);
})();
