"use strict";
// Sorts and filters tables whose rows are there without it.
{
  // More rows than these take a browser a while to lay out anew; a button shows them all.
  const MOST = 200;
  const tools = document.querySelector(".tools");
  const [word, engine, count, all] = ["input", "select", "output", "button"].map((it) => tools.querySelector(it));
  const tables = [...document.querySelectorAll("table.results")];
  const texts = new Map();
  for (const table of tables) {
    for (const row of table.tBodies[0].rows) texts.set(row, row.textContent.toLowerCase());
  }
  let most = MOST;
  const show = () => {
    const words = word.value.toLowerCase().split(/\s+/).filter(Boolean);
    let [fitting, shown] = [0, 0];
    for (const table of tables) {
      let here = 0;
      for (const row of table.tBodies[0].rows) {
        const text = texts.get(row);
        const fits = words.every((it) => text.includes(it)) && (!engine.value || row.dataset.engine === engine.value);
        fitting += fits;
        row.hidden = !fits || here >= most;
        here += fits && !row.hidden;
      }
      shown += here;
    }
    const rest = shown < fitting ? `, the first ${shown} are shown` : "";
    count.textContent = `${fitting} of ${texts.size} results${rest}`;
    all.hidden = shown === fitting;
  };
  word.addEventListener("input", show);
  engine.addEventListener("input", show);
  all.addEventListener("click", () => {
    most = Infinity;
    show();
  });
  for (const table of tables) {
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
        show();
      });
    });
  }
  show();
  tools.hidden = false;
}
