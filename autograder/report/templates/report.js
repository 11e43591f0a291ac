// Sorts and narrows down the class. Without it the page shows everything, in the order of the ids.
"use strict";

const table = document.querySelector("[data-map]");
if (table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const find = document.querySelector("[data-find]");
  const show = document.querySelector("[data-show]");
  const count = document.querySelector("[data-count]");

  const narrow = () => {
    const wanted = find.value.trim().toLowerCase();
    let left = 0;
    for (const row of rows) {
      const named = row.cells[0].textContent.toLowerCase().includes(wanted);
      row.hidden = !(named && (!show.value || row.dataset.tags.split(" ").includes(show.value)));
      left += !row.hidden;
    }
    count.textContent = left === rows.length ? `${left} rows` : `${left} of ${rows.length} rows`;
  };

  const value = (row, column, kind) => {
    const text = row.cells[column].textContent.trim();
    return kind === "text" ? text : Number.isNaN(parseFloat(text)) ? -1 : parseFloat(text);
  };

  const sort = (head) => {
    const column = heads.indexOf(head);
    const kind = head.dataset.sort;
    // Words from A to Z first, numbers from the largest.
    const first = kind === "text" ? "ascending" : "descending";
    const other = kind === "text" ? "descending" : "ascending";
    const order = head.getAttribute("aria-sort") === first ? other : first;
    for (const each of heads) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => [value(row, column, kind), row]);
    keyed.sort(([a], [b]) => sign * (kind === "text" ? a.localeCompare(b) : a - b));
    body.append(...keyed.map(([, row]) => row));
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = "⇅";
    button.setAttribute("aria-label", `sort by ${head.textContent.trim()}`);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }
  find.addEventListener("input", narrow);
  show.addEventListener("change", narrow);
  document.querySelector("[data-tools]").hidden = false;
  narrow();
}
