"use strict";
// Sorts and filters tables whose rows are there without it.
for (const tools of document.querySelectorAll(".tools")) {
  const tables = [...document.querySelectorAll("table.results")];
  const word = tools.querySelector("input");
  const engine = tools.querySelector("select");
  const count = tools.querySelector("output");
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const filter = () => {
    const words = word.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = texts.get(row);
      const fits = words.every((it) => text.includes(it)) && (!engine.value || row.dataset.engine === engine.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} results`;
  };
  word.addEventListener("input", filter);
  engine.addEventListener("input", filter);
  filter();
  tools.hidden = false;
}
for (const table of document.querySelectorAll("table.results")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.dataset.sort) return;
    const isNumber = head.dataset.sort === "number";
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descends = head.getAttribute("aria-sort") === "ascending";
      const keyed = [...table.tBodies[0].rows].map((row) => {
        const cell = row.cells[column];
        const text = cell.dataset.value ?? cell.textContent;
        return [isNumber ? (text === "" ? NaN : Number(text)) : text.toLowerCase(), row];
      });
      // What has no value comes last, whichever way.
      const order = isNumber
        ? (a, b) => Number.isNaN(a) - Number.isNaN(b) || (Number.isNaN(a) ? 0 : descends ? b - a : a - b)
        : (a, b) => (a === b ? 0 : (a < b) === descends ? 1 : -1);
      keyed.sort((a, b) => order(a[0], b[0]));
      table.tBodies[0].append(...keyed.map((it) => it[1]));
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descends ? "descending" : "ascending");
    });
  });
}
