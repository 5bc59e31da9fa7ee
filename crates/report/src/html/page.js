'use strict';
(function () {
  const root = document.documentElement;
  root.classList.add('js');

  // The fragment holds what tables show: #sort=p_value&order=descending&filter=ann, with "users." before what is
  // about the users. A plain fragment is the name of a section.
  const state = new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');
  const key = (table, name) => (table === 'alerts' ? name : table + '.' + name);

  function remember(table, name, value) {
    if (value) state.set(key(table, name), value); else state.delete(key(table, name));
    const hash = state.toString();
    // Pages that are files may refuse this; the tables work all the same.
    try { history.replaceState(null, '', hash ? '#' + hash : location.pathname); } catch { /* not remembered */ }
  }

  function collate(a, b) {
    if (a === b) return 0;
    // What is missing comes last in either order.
    if (a === null || b === null) return 0;
    const [x, y] = [Number(a), Number(b)];
    return a !== '' && b !== '' && !Number.isNaN(x) && !Number.isNaN(y) ? x - y : (a < b ? -1 : 1);
  }

  function sortBy(table, head, order) {
    const heads = [...table.tHead.rows[0].cells];
    const at = heads.indexOf(head);
    const value = (row) => row.cells[at].getAttribute('data-value');
    const sign = order === 'descending' ? -1 : 1;
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * collate(x, y);
    });
    body.append(...rows);
    for (const other of heads) if (other.hasAttribute('aria-sort')) other.setAttribute('aria-sort', 'none');
    head.setAttribute('aria-sort', order);
  }

  function filterBy(name, table, text) {
    const wanted = text.trim().toLowerCase();
    const rows = [...table.tBodies[0].rows];
    let shown = 0;
    for (const row of rows) {
      row.hidden = wanted !== '' && !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    const numbers = new Intl.NumberFormat('en-US');
    document.getElementById(name + '-shown').value = numbers.format(shown) + ' of ' + numbers.format(rows.length);
  }

  for (const table of document.querySelectorAll('table[data-table]')) {
    const name = table.dataset.table;
    const heads = [...table.tHead.rows[0].cells].filter((head) => head.dataset.key);
    for (const head of heads) {
      head.querySelector('button').addEventListener('click', () => {
        const order = head.getAttribute('aria-sort') === 'ascending' ? 'descending' : 'ascending';
        sortBy(table, head, order);
        remember(name, 'sort', head.dataset.key);
        remember(name, 'order', order);
      });
    }
    const wanted = heads.find((head) => head.dataset.key === state.get(key(name, 'sort')));
    if (wanted) sortBy(table, wanted, state.get(key(name, 'order')) === 'descending' ? 'descending' : 'ascending');
    const filter = document.getElementById(name + '-filter');
    filter.value = state.get(key(name, 'filter')) || '';
    filter.addEventListener('input', () => {
      filterBy(name, table, filter.value);
      remember(name, 'filter', filter.value);
    });
    if (filter.value) filterBy(name, table, filter.value);
  }

  // A line in the picture, moved by keyboard or mouse, and what is there in words.
  const range = document.getElementById('inspect');
  const chart = document.querySelector('#chart svg');
  if (range && chart) {
    const { columns } = JSON.parse(document.getElementById('data').textContent);
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    line.setAttribute('class', 'inspector');
    line.setAttribute('y1', '30');
    line.setAttribute('y2', String(chart.viewBox.baseVal.height - 30));
    const show = () => {
      const column = columns[Number(range.value)];
      line.setAttribute('x1', String(column.x));
      line.setAttribute('x2', String(column.x));
      if (!line.parentNode) chart.append(line);
      document.getElementById('inspected').value = column.says;
      range.setAttribute('aria-valuetext', column.says);
    };
    range.addEventListener('input', show);
    chart.addEventListener('pointermove', (event) => {
      const box = chart.getBoundingClientRect();
      const x = (event.clientX - box.left) * chart.viewBox.baseVal.width / box.width;
      let nearest = 0;
      columns.forEach((column, at) => {
        if (Math.abs(column.x - x) < Math.abs(columns[nearest].x - x)) nearest = at;
      });
      if (Number(range.value) !== nearest || !line.parentNode) { range.value = String(nearest); show(); }
    });
  }

  // Paper has nothing to click.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('details:not([open])')];
    for (const details of opened) details.open = true;
  });
  addEventListener('afterprint', () => { for (const details of opened) details.open = false; });
})();
