// Filters galleries by outcome, classes and confidence; a cell of a confusion matrix shows its pictures.
(() => {
  const outcomes = { right: "right", wrong: "wrong", other: "truth unknown", failed: "could not be classified" };
  const number = (count) => count.toLocaleString("en");
  const byName = new Intl.Collator(undefined, { numeric: true }).compare;
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  // What turns round the direction of the text behind it is shown by its number.
  const steering = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
  const printable = (name) => name.replace(steering, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const shortened = (name) => {
    const letters = [...printable(name)];
    return letters.length > 48 ? `${letters.slice(0, 30).join("")}…${letters.slice(-17).join("")}` : letters.join("");
  };

  const outcomeChoice = (cards, changed) => {
    const kinds = Object.keys(outcomes).filter((kind) => cards.some((card) => card.dataset.kind === kind));
    // Where the truth is known of no picture at all, there is nothing to say about it.
    const compared = kinds.includes("right") || kinds.includes("wrong");
    const nameOf = (kind) => (kind === "other" && !compared ? "classified" : outcomes[kind] ?? kind);
    let chosen = "all";
    const choose = (kind) => {
      chosen = kind;
      for (const button of element.children) button.setAttribute("aria-pressed", String(button.value === kind));
    };
    const element = make("div", { className: "filter" }, ...["all", ...kinds].map((kind) => {
      const count = kind === "all" ? cards.length : cards.filter((card) => card.dataset.kind === kind).length;
      const onclick = () => { choose(kind); changed(); };
      return make("button", { type: "button", value: kind, onclick }, `${nameOf(kind)} ${number(count)}`);
    }));
    element.hidden = kinds.length < 2;
    choose("all");
    return { element, clear: () => choose("all"), fits: (card) => chosen === "all" || card.dataset.kind === chosen };
  };

  // Only classes that occur in the gallery can be chosen; a cell of the matrix may add the one it needs.
  const classChoice = (key, title, cards, changed) => {
    const counts = new Map();
    for (const { dataset } of cards) if (key in dataset) counts.set(dataset[key], (counts.get(dataset[key]) ?? 0) + 1);
    const select = make("select", { onchange: changed });
    const names = [];
    const add = (name, text) => { names.push(name); select.append(make("option", {}, text)); };
    add(null, "any");
    for (const name of [...counts.keys()].sort(byName)) add(name, `${shortened(name)} (${number(counts.get(name))})`);
    const chosen = () => names[select.selectedIndex];
    const choose = (name) => {
      if (!names.includes(name)) add(name, `${shortened(name)} (0)`);
      select.selectedIndex = names.indexOf(name);
    };
    return {
      element: make("label", { hidden: counts.size === 0 }, `${title} `, select),
      chosen, choose,
      clear: () => choose(null),
      fits: (card) => chosen() === null || card.dataset[key] === chosen(),
    };
  };

  const confidenceChoice = (cards, changed) => {
    const input = (title, value) => {
      const limit = make("input", { type: "number", min: 0, max: 100, step: 1, value, oninput: changed });
      limit.setAttribute("aria-label", title);
      return limit;
    };
    const least = input("confidence from, %", 0), most = input("confidence to, %", 100);
    const share = (limit, free) => (limit.value === "" ? free : limit.value / 100);
    return {
      element: make("div", { hidden: !cards.some((card) => "confidence" in card.dataset) },
                    "confidence from ", least, " to ", most, " %"),
      clear: () => { least.value = 0; most.value = 100; },
      fits: ({ dataset: { confidence } }) => {
        const from = share(least, 0), to = share(most, 1);
        if (from <= 0 && to >= 1) return true; // those without an answer too
        return confidence !== undefined && confidence >= from && confidence <= to;
      },
    };
  };

  const filters = [];
  let cell = null; // the last one of a matrix that was chosen
  const addFilter = (gallery, drawn, countOf) => {
    const cards = [...gallery.children];
    const show = () => {
      for (const card of cards) card.hidden = !choices.every((choice) => choice.fits(card));
      const shown = cards.filter((card) => !card.hidden).length;
      const of = `${number(cards.length)} ${cards.length === 1 ? "picture" : "pictures"}`;
      line.textContent = shown ? `${number(shown)} of ${of} shown.` : `None of ${of} fits this choice.`;
      const count = countOf(truth.chosen(), predicted.chosen());
      if (count) line.append(` ${inMatrix(truth.chosen(), predicted.chosen(), count)}`);
      all.hidden = shown === cards.length;
      back.hidden = !cell || cell.truth !== truth.chosen() || cell.predicted !== predicted.chosen();
    };
    const holds = (t, p) => cards.filter(({ dataset }) => dataset.truth === t && dataset.predicted === p).length;
    const inMatrix = (t, p, count) => {
      const held = holds(t, p);
      const here = held === count ? "every one in this gallery" : `${held || "none"} of them in this gallery, which is ${drawn}`;
      return `True ${printable(t)}, predicted ${printable(p)}: ${number(count)} in all, ${here}.`;
    };
    const outcome = outcomeChoice(cards, show), confidence = confidenceChoice(cards, show);
    const predicted = classChoice("predicted", "predicted", cards, show);
    const truth = classChoice("truth", "true class", cards, show);
    const choices = [outcome, predicted, truth, confidence];
    if (choices.every(({ element }) => element.hidden)) return;
    const line = make("p", { tabIndex: -1 });
    line.setAttribute("role", "status");
    const all = make("button", { type: "button", onclick: () => { filters.forEach((each) => each.clear()); line.focus(); } }, "show all");
    const back = make("button", { type: "button", onclick: () => cell.element.focus() }, "back to the matrix");
    const controls = make("div", { className: "filters" },
      outcome.element,
      make("div", { className: "choices" }, ...choices.slice(1).map((choice) => choice.element)),
      make("div", { className: "shown" }, line, all, back));
    controls.setAttribute("role", "group");
    controls.setAttribute("aria-label", "Show pictures");
    gallery.before(controls);
    show();
    const clear = () => { choices.forEach((choice) => choice.clear()); show(); };
    filters.push({
      clear, holds,
      choose: (t, p) => { choices.forEach((choice) => choice.clear()); truth.choose(t); predicted.choose(p); show(); },
      enter: () => { line.focus({ preventScroll: true }); gallery.closest("section").scrollIntoView(); },
    });
  };

  const open = (chosen) => {
    cell = chosen;
    for (const filter of filters) filter.choose(cell.truth, cell.predicted);
    (filters.find((filter) => filter.holds(cell.truth, cell.predicted)) ?? filters[0]).enter();
  };

  // Left and right go through all cells, up and down to the nearest one of the next row that has any.
  const neighbour = (cells, at, key) => {
    const place = cells.indexOf(at);
    if (key === "ArrowLeft" || key === "ArrowRight") return cells[place + (key === "ArrowLeft" ? -1 : 1)];
    if (key === "Home" || key === "End") return cells.at(key === "Home" ? 0 : -1);
    if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
    const beyond = cells.filter(({ row }) => (key === "ArrowDown" ? row > at.row : row < at.row));
    const next = beyond.at(key === "ArrowDown" ? 0 : -1)?.row;
    const away = ({ column }) => Math.abs(column - at.column);
    return beyond.filter(({ row }) => row === next).sort((a, b) => away(a) - away(b))[0];
  };
  const addCells = (figure) => {
    const classes = JSON.parse(figure.dataset.classes);
    const chart = figure.querySelector("svg.chart");
    const cells = [...chart.querySelectorAll("[data-cell]")].map((element) => {
      const [row, column, count] = element.dataset.cell.split(" ").map(Number);
      return { element, row, column, count, truth: classes[row], predicted: classes[column] };
    });
    chart.setAttribute("role", "group");
    for (const text of chart.querySelectorAll("text")) text.setAttribute("aria-hidden", "true"); // the cells say it
    for (const { element, truth, predicted, count } of cells) {
      const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
      title.textContent = `true ${printable(truth)}, predicted ${printable(predicted)}: ${number(count)}`;
      element.append(title);
      element.setAttribute("role", "button");
      element.setAttribute("tabindex", "-1");
    }
    let stop = cells[0]?.element; // one stop of the tab key, not thousands
    stop?.setAttribute("tabindex", "0");
    const cellAt = (target) => cells.find(({ element }) => element === target.closest("[data-cell]"));
    chart.addEventListener("click", ({ target }) => { if (cellAt(target)) open(cellAt(target)); });
    chart.addEventListener("focusin", ({ target }) => {
      stop.setAttribute("tabindex", "-1");
      stop = target;
      stop.setAttribute("tabindex", "0");
    });
    chart.addEventListener("keydown", (event) => {
      const at = cellAt(event.target), next = at && neighbour(cells, at, event.key);
      if (at && (event.key === "Enter" || event.key === " ")) open(at);
      else if (next) next.element.focus();
      else return;
      event.preventDefault();
    });
    figure.querySelector("figcaption").append(" A click on a cell shows its pictures; the arrow keys go from cell to cell.");
    return (truth, predicted) => cells.find((each) => each.truth === truth && each.predicted === predicted)?.count;
  };

  const galleries = document.querySelectorAll(".gallery");
  const matrix = galleries.length ? document.querySelector("figure[data-classes]") : null;
  const countOf = matrix ? addCells(matrix) : () => undefined;
  // Only the first is drawn at random; the surest mistakes below it are not.
  galleries.forEach((gallery, place) => addFilter(gallery, place ? "a selection" : "a sample", countOf));
})();
