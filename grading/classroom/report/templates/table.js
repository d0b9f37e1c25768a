"use strict";
// Sorts and filters the table of students. Rows are moved and hidden, never made anew. Rows beyond the first ones are
// left out on screen until asked for, since a browser takes a second to lay out thousands of them anew.
(() => {
  const table = document.getElementById("students");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => ({
    row,
    text: row.dataset.find.toLowerCase(),
    state: row.dataset.state,
    section: row.dataset.section,
    keys: [...row.cells].map((cell) => cell.dataset.key ?? cell.textContent.trim()),
  }));
  const said = document.getElementById("shown");
  const fields = ["find", "state", "section"].map((name) => document.getElementById(name));
  const more = document.getElementById("more");
  let limit = 200;
  const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

  function show() {
    const [find, state, section] = fields.map((field) => (field ? field.value : ""));
    const words = find.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const each of rows) {
      const hit =
        words.every((word) => each.text.includes(word)) &&
        (!state || each.state === state) && (!section || each.section === section);
      each.row.hidden = !hit;
      each.row.classList.toggle("beyond", hit && found >= limit);
      found += hit;
    }
    more.hidden = found <= limit;
    more.textContent = `Show all ${found}`;
    said.textContent = `${found} of ${rows.length} found` + (found > limit ? `, the first ${limit} shown` : "");
  }

  function sort(heading) {
    const place = heading.cellIndex;
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const number = heading.dataset.sort === "number";
    rows.sort((a, b) => {
      const [x, y] = [a.keys[place], b.keys[place]];
      // What is not known comes last, whichever way.
      if (!x !== !y) return x ? -1 : 1;
      return (number ? x - y : compare(x, y)) * (down ? -1 : 1);
    });
    const all = document.createDocumentFragment();
    for (const each of rows) all.append(each.row);
    show();
    body.append(all);
  }

  for (const field of fields) if (field) field.addEventListener("input", show);
  for (const button of table.tHead.querySelectorAll("button"))
    button.addEventListener("click", () => sort(button.closest("th")));
  more.addEventListener("click", () => {
    limit = Infinity;
    show();
    table.tBodies[0].querySelector("tr:not([hidden]) a").focus();
  });
  show();
})();
