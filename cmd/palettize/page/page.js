'use strict';
(() => {
  const layers = JSON.parse(document.getElementById('data').textContent);
  const make = (tag, fields, ...children) => {
    const element = Object.assign(document.createElement(tag), fields);
    element.append(...children);
    return element;
  };

  // The table: a click on a heading sorts, once more the other way.
  const table = document.querySelector('#layers table');
  const body = table.tBodies[0], rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const number = (text) => { const n = parseFloat(text.replaceAll(',', '')); return isNaN(n) ? -Infinity : n; };
  const byNumber = (a, b) => number(a) - number(b);
  const byText = new Intl.Collator('en', {numeric: true}).compare;
  const sort = (column, order) => {
    const compare = heads[column].classList.contains('n') ? byNumber : byText;
    const sign = order === 'ascending' ? 1 : -1;
    const key = (row) => row.cells[column].textContent;
    body.append(...rows.toSorted((a, b) => sign * compare(key(a), key(b))));
    heads.forEach((head) => head.removeAttribute('aria-sort'));
    heads[column].setAttribute('aria-sort', order);
  };
  heads.forEach((head, column) => {
    const first = head.classList.contains('n') ? 'descending' : 'ascending';
    const second = first === 'ascending' ? 'descending' : 'ascending';
    const button = make('button', {type: 'button', textContent: head.textContent});
    button.onclick = () => sort(column, head.getAttribute('aria-sort') === first ? second : first);
    head.replaceChildren(button);
  });
  heads.find((head) => head.textContent === 'error').setAttribute('aria-sort', 'descending');

  // A bar under the numbers of which the largest matter.
  for (const name of ['error', 'bytes', 'speed-up']) {
    const column = heads.findIndex((head) => head.textContent === name);
    if (column < 0) continue;
    const values = rows.map((row) => number(row.cells[column].textContent));
    const most = values.reduce((a, b) => Math.max(a, b), 0);
    rows.forEach((row, i) => {
      row.cells[column].classList.add('bar');
      row.cells[column].style.setProperty('--part', most > 0 ? values[i] / most : 0);
    });
  }

  const find = make('input', {type: 'search', placeholder: 'Filter layers by name'});
  find.setAttribute('aria-label', find.placeholder);
  find.oninput = () => {
    const wanted = find.value.toLowerCase();
    rows.forEach((row, i) => { row.hidden = !layers[i].name.toLowerCase().includes(wanted); });
  };
  document.querySelector('#layers .scroll').before(find);

  // The plots: dots are subpaths in the order of the layers.
  const svgPath = (before, name) => {
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('class', name);
    before.after(path);
    return path;
  };
  const parts = (path) => path.getAttribute('d').split('M').slice(1);
  const plots = [...document.querySelectorAll('svg')].filter((svg) => svg.querySelector('.dots')).map((svg) => {
    const dots = svg.querySelector('.dots'), curves = svg.querySelector('.curves');
    return {
      svg, dots, at: parts(dots).map((part) => part.split('L')[0].split(',').map(Number)),
      curves: curves ? parts(curves) : [],
      line: svgPath(dots, 'chosen-line'), mark: svgPath(dots, 'chosen'),
    };
  });

  // The histogram: bins are parts of the fullest, in 255ths.
  const before = document.querySelector('svg .before'), after = document.querySelector('svg .after');
  const draw = (path, text) => {
    const [left, bottom, right, top] = path.closest('svg').dataset.area.split(' ').map(Number);
    const bins = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const x = (i) => (left + (right - left) * i / bins.length).toFixed(2);
    const y = (n) => (bottom + (top - bottom) * n / 255).toFixed(2);
    let d = `M${x(0)},${y(0)}`;
    bins.forEach((n, i) => { d += `L${x(i)},${y(n)}L${x(i + 1)},${y(n)}`; });
    path.setAttribute('d', `${d}L${x(bins.length)},${y(0)}`);
  };

  // The choice of a layer, which all plots and the table show.
  const select = make('select', {id: 'layer'}, ...layers.map((layer, i) => new Option(layer.name, i)));
  const about = make('output', {});
  about.setAttribute('for', 'layer');
  const choose = (i, scroll) => {
    select.value = i;
    about.textContent = layers[i].about + (layers[i].rms ? `, root mean square ${layers[i].rms.toPrecision(3)}` : '');
    rows.forEach((row, j) => row.toggleAttribute('aria-current', i === j));
    if (scroll) {
      const frame = body.closest('.scroll'), row = rows[i];
      frame.scrollTop = row.offsetTop - frame.clientHeight / 2;
    }
    for (const plot of plots) {
      const [x, y] = plot.at[i];
      plot.mark.setAttribute('d', `M${x},${y}L${x},${y}`);
      plot.line.setAttribute('d', plot.curves[i] ? 'M' + plot.curves[i] : '');
    }
    if (before && layers[i].before) {
      draw(before, layers[i].before);
      draw(after, layers[i].after);
    }
  };
  select.onchange = () => choose(Number(select.value), true);
  rows.forEach((row, i) => { row.onclick = () => choose(i, false); });
  document.getElementById('plots-title').after(
    make('div', {className: 'choice'}, make('label', {htmlFor: 'layer', textContent: 'Layer'}), select, about));

  // What is under the pointer, and a click chooses it.
  const tip = make('div', {className: 'tip', hidden: true});
  document.body.append(tip);
  for (const plot of plots) {
    const nearest = (event) => {
      const inner = plot.dots.getScreenCTM().inverse();
      const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(inner);
      let best = -1, least = 20 * 20; // farther away is nothing
      plot.at.forEach(([x, y], i) => {
        const d = (x - p.x) ** 2 + (y - p.y) ** 2;
        if (d < least) [best, least] = [i, d];
      });
      return best;
    };
    plot.svg.onpointermove = (event) => {
      const i = nearest(event);
      tip.hidden = i < 0;
      plot.svg.style.cursor = i < 0 ? '' : 'pointer';
      if (i < 0) return;
      tip.textContent = `${layers[i].name}: ${layers[i].about}`;
      const left = Math.min(event.clientX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8);
      tip.style.left = `${Math.max(8, left)}px`;
      tip.style.top = `${event.clientY + 16}px`;
    };
    plot.svg.onpointerleave = () => { tip.hidden = true; };
    plot.svg.onclick = (event) => { const i = nearest(event); if (i >= 0) choose(i, true); };
  }
  choose(0, false);
})();
