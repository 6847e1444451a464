// A dashboard made of paper around the Home Assistant card, to look at it without Home Assistant:
// `npm run card` first, then serve(), open the page and call `show(scene)` in it. Colours are those
// of Home Assistant's own theme; the houses are those of mock.mjs.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { panel, power, worlds } from './mock.mjs';

const entity = (home, one, what) => `sensor.lenz_${home.id}_${one.id}_${what}`;

// The states of a house of mock.mjs as Home Assistant would have them.
export function states_of(world, time = Date.now()) {
  const home = worlds[world];
  const { circuits: _, zone: __, country: ___, ...about } = home;
  const states = {};
  const circuits = panel(home).circuits.map(({ metered, ...circuit }) => ({
    ...circuit,
    power: metered ? entity(home, circuit, 'power') : null,
    energy: metered ? entity(home, circuit, 'energy') : null,
  }));
  for (const one of home.circuits.filter((circuit) => circuit.metered)) {
    const watts = power(home, one, time);
    states[entity(home, one, 'power')] = {
      state: watts === null ? 'unavailable' : watts.toFixed(1),
      attributes: { unit_of_measurement: 'W', device_class: 'power', friendly_name: one.name },
    };
  }
  states[`sensor.lenz_${home.id}_panel`] = { state: `${circuits.length}`, attributes: { friendly_name: 'Panel', home: about, circuits } };
  return states;
}

const dashboard = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Dashboard</title>
<style>
  html { color-scheme: light; --primary-text-color: #212121; --secondary-text-color: #727272; --divider-color: rgba(0, 0, 0, 0.12);
    --card-background-color: #fff; --primary-background-color: #fafafa; }
  html.dark { color-scheme: dark; --primary-text-color: #e1e1e1; --secondary-text-color: #9b9b9b; --divider-color: rgba(225, 225, 225, 0.12);
    --card-background-color: #1c1c1c; --primary-background-color: #111; }
  body { margin: 0; background: var(--primary-background-color); color: var(--primary-text-color); font: 14px Roboto, Noto, sans-serif; }
  h1 { font-size: 20px; font-weight: 400; margin: 0; padding: 16px; }
  main { padding: 8px; box-sizing: border-box; margin: 0 auto; }
</style>
</head>
<body><header><h1>Dashboard</h1></header><main></main>
<script type="module">
  customElements.define('ha-card', class extends HTMLElement {
    constructor() {
      super();
      this.attachShadow({ mode: 'open' }).innerHTML = '<style>:host { display: block; background: var(--ha-card-background, var(--card-background-color, white));' +
        'border: 1px solid var(--ha-card-border-color, var(--divider-color, #e0e0e0)); border-radius: var(--ha-card-border-radius, 12px);' +
        'color: var(--primary-text-color); box-sizing: border-box; position: relative; }</style><slot></slot>';
    }
  });
  await import('./lenz-panel-card.js');
  window.asked = [];
  window.addEventListener('hass-more-info', (event) => window.asked.push(event.detail.entityId));
  window.show = ({ config, states, dark = false, width = 0 }) => {
    document.documentElement.classList.toggle('dark', dark);
    const main = document.querySelector('main');
    main.style.maxWidth = width ? width + 'px' : '';
    const card = document.createElement('lenz-panel-card');
    card.setConfig({ type: 'custom:lenz-panel-card', ...config });
    main.replaceChildren(card);
    window.tell = (states) => { card.hass = { states, themes: { darkMode: dark } }; };
    window.tell(states);
  };
  window.ready = true;
</script>
</body>
</html>`;

// Returns the server once it listens on a free port of loopback.
export const serve = (card = join(import.meta.dirname, 'dist/lenz-panel-card.js')) =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      const is_card = request.url === '/lenz-panel-card.js';
      response.writeHead(200, { 'Content-Type': is_card ? 'text/javascript' : 'text/html' });
      response.end(is_card ? readFileSync(card) : dashboard);
    });
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
