// Home Assistant's long-term statistics as its recorder keeps and compiles them, from its developers'
// documentation and its published behaviour (components/sensor/recorder.py and recorder/statistics.py):
// every five minutes a short-term row of each sensor that has a state class, every hour one row made
// of them. Times are milliseconds UTC.

export const period_ms = 300_000;
export const hour_ms = 3_600_000;

const reset_share = 0.9; // A fall below this share of the value before is a new cycle of the meter.

// Units by class, each as a multiple of the first.
const unit_classes = {
  energy: { Wh: 1, kWh: 1e3, MWh: 1e6, GWh: 1e9 },
  power: { W: 1, mW: 1e-3, kW: 1e3, MW: 1e6 },
  voltage: { V: 1, mV: 1e-3, kV: 1e3 },
  electric_current: { A: 1, mA: 1e-3 },
};

export const unit_class_of = (unit) => Object.keys(unit_classes).find((name) => unit in unit_classes[name]) ?? null;

export function converted(value, from, to) {
  const units = unit_classes[unit_class_of(from)];
  return from === to || !units || !(to in units) ? value : (value * units[from]) / units[to];
}

const is_sum = (state_class) => state_class === 'total_increasing' || state_class === 'total';
const is_number = (state) => state.trim() !== '' && Number.isFinite(Number(state));

// In the order of their start.
const sorted = (rows) => [...rows.values()].sort((a, b) => a.start - b.start);

export class Statistics {
  metadata = new Map(); // By statistic id: {source, name, unit, unit_class, mean_type, has_sum}.
  short = new Map();    // By statistic id: rows by start, of five minutes.
  long = new Map();     // By statistic id: rows by start, of an hour.
  dips = 0;             // Falls of a total_increasing sensor that were no new cycle: a warning each.
  resets = 0;           // New cycles of meters, beyond each sensor's first row.
  complaints = [];      // What a log would hold.

  rows(table, id) {
    if (!table.has(id)) table.set(id, new Map());
    return table.get(id);
  }

  // One period of one sensor: {id, state_class, unit} and its history, which is the state at `start`
  // and all that came until `end`, as [{time, state, unit}].
  compile(sensor, history, start, end) {
    const numeric = history.filter((one) => is_number(one.state));
    if (numeric.length === 0) return;
    const known = this.metadata.get(sensor.id);
    const unit = known?.unit ?? sensor.unit;
    if (known && unit_class_of(known.unit) !== unit_class_of(sensor.unit)) {
      this.complaints.push(`${sensor.id}: its unit ${sensor.unit} does not go with ${known.unit}`);
      return;
    }
    const values = numeric.map((one) => ({ time: Math.max(one.time, start), value: converted(Number(one.state), sensor.unit, unit) }));
    this.metadata.set(sensor.id, {
      source: 'recorder', name: null, unit, unit_class: unit_class_of(unit), mean_type: is_sum(sensor.state_class) ? 0 : 1,
      has_sum: is_sum(sensor.state_class),
    });
    const row = is_sum(sensor.state_class) ? this.#sum(sensor, values) : mean(values, end);
    if (row) this.rows(this.short, sensor.id).set(start, { start, ...row });
  }

  // Continues from the last short-term row: `state` and `sum` move together, until the meter begins anew.
  #sum(sensor, values) {
    const last = sorted(this.rows(this.short, sensor.id)).at(-1);
    let state = last?.state ?? null; // The newest value.
    let zero = state;                // Where this cycle counts from.
    let sum = last?.sum ?? 0;
    for (const { value } of values) {
      if (zero === null) {
        zero = value; // The first value of all is the zero point.
      } else if (sensor.state_class === 'total_increasing' && value < state) {
        if (value < 0) {
          this.complaints.push(`${sensor.id}: ${value} is negative, yet it is total_increasing`);
          continue;
        }
        if (value < reset_share * state) {
          ++this.resets;
          sum += state - zero;
          zero = 0;
        } else {
          ++this.dips;
        }
      }
      state = value;
    }
    return state === null ? null : { state, sum: sum + state - zero };
  }

  // At the end of an hour: the last sum of its short-term rows, the mean of their means.
  compile_hour(start) {
    for (const [id, table] of this.short) {
      const rows = sorted(table).filter((row) => row.start >= start && row.start < start + hour_ms);
      if (rows.length === 0) continue;
      const hours = this.rows(this.long, id);
      if (hours.has(start)) {
        this.complaints.push(`${id}: somebody had written the hour ${iso(start)} before it was over`);
        continue;
      }
      const { state, sum } = rows.at(-1);
      hours.set(start, this.metadata.get(id).has_sum
        ? { start, state, sum }
        : { start, mean: rows.reduce((all, row) => all + row.mean, 0) / rows.length, min: Math.min(...rows.map((row) => row.min)), max: Math.max(...rows.map((row) => row.max)) });
    }
  }

  // recorder/import_statistics: hourly rows replace those that begin at the same time.
  import(metadata, rows) {
    const { statistic_id: id, source, name, unit_of_measurement: unit, unit_class, mean_type, has_sum } = metadata;
    this.metadata.set(id, { source, name, unit, unit_class, mean_type, has_sum });
    for (const row of rows) this.rows(this.long, id).set(row.start, { ...row });
  }

  // recorder/adjust_sum_statistics: all sums from a time on, in rows of both kinds.
  adjust(id, from, amount) {
    for (const table of [this.short, this.long]) {
      for (const row of this.rows(table, id).values()) if (row.start >= from) row.sum += amount;
    }
  }

  // Rows with begin <= start < end, oldest first.
  during(table, id, begin, end = Infinity) {
    return sorted(this.rows(table, id)).filter((row) => row.start >= begin && row.start < end);
  }

  // Wh or kWh of each hour as the Energy dashboard draws it: differences of sums, by start. The
  // first row of all counts from nothing.
  energy_by_hour(id) {
    const rows = this.during(this.long, id, -Infinity);
    return new Map(rows.map((row, i) => [row.start, row.sum - (rows[i - 1]?.sum ?? 0)]));
  }
}

// Each value counts for as long as it held.
function mean(values, end) {
  let weighted = 0;
  values.forEach(({ time, value }, i) => { weighted += value * ((values[i + 1]?.time ?? end) - time); });
  const all = values.map(({ value }) => value);
  return { mean: weighted / (end - values[0].time), min: Math.min(...all), max: Math.max(...all) };
}

export const iso = (time) => new Date(time).toISOString().replace('.000Z', '+00:00');
