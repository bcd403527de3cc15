// Start: set up the whole page. Each plot is unpacked when it comes near the window, so that a page with a thousand scans opens at once.

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    const numbers = target.querySelector("script");
    unpack(numbers.textContent).then((data) => steer(target, data, numbers.id));
  }
}, { rootMargin: "50%" });
if ("DecompressionStream" in window) for (const figure of document.querySelectorAll("figure.plot")) near.observe(figure);

// Folded parts cannot be opened on paper.
const folded = () => document.querySelectorAll("details.printed:not([open])");
addEventListener("beforeprint", () => folded().forEach((one) => ((one.open = true), one.classList.add("opened"))));
addEventListener("afterprint", () => {
  for (const one of document.querySelectorAll("details.opened")) one.open = false;
});
