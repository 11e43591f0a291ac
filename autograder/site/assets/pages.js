// Draws the formulas, which stand in the page as TeX.
"use strict";

for (const place of document.querySelectorAll(".formula")) {
  katex.render(place.textContent, place, {
    displayMode: place.classList.contains("displayed"),
    throwOnError: false,
    strict: "ignore",
  });
}
