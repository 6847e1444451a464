// <lenz-panel-card>: the panel as a card of a Home Assistant dashboard. Home Assistant calls
// setConfig() once and sets `hass` whenever any state in the house changes.

import { mount, unmount } from 'svelte';
import { writable } from 'svelte/store';
import type { Circuit, Home } from '../home';
import page_style from '../style.css?inline';
import Card from './Card.svelte';
import card_style from './card.css?inline';
import { find_panel, no_layout, panel_sensors, read_config, read_layout, watts_of, type Config, type EntityState, type Layout, type States } from './panel';

interface Hass {
  states: States;
  themes?: { darkMode?: boolean };
}

// What the card shows.
export interface View {
  title: string;
  home: Home | null;
  watts: Record<string, number | null>; // By circuit id; null: no reading.
  trouble: string | null; // One sentence that says what is wrong and what to do.
}

const row_px = 50; // What Home Assistant counts a card's size in.
const breaker_rows_of_a_head = 2;

export class LenzPanelCard extends HTMLElement {
  #config: Config | null = null;
  #hass: Hass | null = null;
  #sensor: string | null = null; // Found once: thousands of states are not searched at each change.
  #layout: Layout | null = null;
  #layout_from: EntityState | undefined;
  #drawn: (EntityState | undefined)[] = []; // The states that the view was made of.
  #card: Record<string, unknown> | null = null;
  readonly #view = writable<View>({ title: '', home: null, watts: {}, trouble: null });

  constructor() {
    super();
    const style = document.createElement('style');
    style.textContent = page_style + card_style;
    this.attachShadow({ mode: 'open' }).append(style);
  }

  connectedCallback(): void {
    this.#card ??= mount(Card, {
      target: this.shadowRoot as ShadowRoot,
      props: { view: this.#view, open: (circuit: Circuit) => this.#open(circuit) },
    });
  }

  disconnectedCallback(): void {
    if (this.#card) void unmount(this.#card);
    this.#card = null;
  }

  // Throws an Error with one sentence, which Home Assistant shows in the card's place.
  setConfig(config: unknown): void {
    this.#config = read_config(config);
    this.#sensor = null;
    this.#layout = null;
    this.#layout_from = undefined;
    this.#drawn = [];
    this.#draw();
  }

  set hass(hass: Hass) {
    this.#hass = hass;
    this.classList.toggle('dark', hass.themes?.darkMode === true);
    this.#draw();
  }

  // In units of 50 px.
  getCardSize(): number {
    const circuits = this.#layout?.home.panel.circuits.length ?? 0;
    return breaker_rows_of_a_head + Math.ceil((circuits / 2) * (46 / row_px));
  }

  getGridOptions(): Record<string, number | string> {
    return { columns: 'full', min_columns: 6, rows: 'auto' };
  }

  static getStubConfig(hass: Hass): Record<string, string> {
    const [first] = panel_sensors(hass.states);
    return first === undefined ? {} : { panel: first };
  }

  #draw(): void {
    if (!this.#config || !this.#hass) return;
    const { states } = this.#hass;
    const found = this.#sensor !== null && states[this.#sensor] ? { sensor: this.#sensor } : find_panel(states, this.#config);
    this.#sensor = 'sensor' in found ? found.sensor : null;
    const sensor = 'sensor' in found ? states[found.sensor] : undefined;
    // A sensor that is unavailable has no attributes, yet the wall is as it was.
    if (sensor !== this.#layout_from) {
      this.#layout = read_layout(sensor, this.#config) ?? this.#layout;
      this.#layout_from = sensor;
    }
    const trouble = 'trouble' in found ? found.trouble : this.#layout ? null : no_layout(found.sensor);
    const layout = 'trouble' in found ? null : this.#layout;
    const entities = Object.entries(layout?.power ?? {});
    const drawn = [sensor, ...entities.map(([, entity]) => states[entity])];
    if (sensor && drawn.length === this.#drawn.length && drawn.every((state, i) => state === this.#drawn[i])) return;
    this.#drawn = drawn;
    this.#view.set({
      title: this.#config.title ?? (layout?.home.name.trim() || 'Panel'),
      home: layout?.home ?? null,
      watts: Object.fromEntries(entities.map(([circuit, entity]) => [circuit, watts_of(states[entity])])),
      trouble,
    });
  }

  #open(circuit: Circuit): void {
    const entityId = this.#layout?.power[circuit.id];
    this.dispatchEvent(new CustomEvent('hass-more-info', { detail: { entityId }, bubbles: true, composed: true }));
  }
}

declare global {
  interface Window {
    customCards?: Record<string, unknown>[];
  }
}

const name = 'lenz-panel-card';
if (!customElements.get(name)) {
  customElements.define(name, LenzPanelCard);
  (window.customCards ??= []).push({
    type: name,
    name: 'Lenz panel',
    description: 'The breakers of your home where they stand on the wall, with the power of each.',
    preview: true,
  });
}
