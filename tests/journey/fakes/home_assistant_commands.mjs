// Commands of Home Assistant's WebSocket API, as components/recorder, components/energy and
// components/config have them: what each accepts, who may ask, what it answers.

import { converted, hour_ms, period_ms, unit_class_of } from './statistics.mjs';

function refuse(code, message) {
  throw Object.assign(new Error(message), { code });
}
const is_text = (value) => typeof value === 'string';
const is_number = (value) => typeof value === 'number' && Number.isFinite(value);
const is_truth = (value) => typeof value === 'boolean';
const is_object = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const or_null = (rule) => (value) => value === null || rule(value);
const list_of = (rule) => (value) => Array.isArray(value) && value.every(rule);

// `shape`: key -> rule; a key with a question mark may be left out, others are not allowed.
function check(object, shape, where = 'data') {
  if (!is_object(object)) refuse('invalid_format', `expected a dictionary for ${where}`);
  const rules = Object.entries(shape).map(([key, rule]) => ({ key: key.replace('?', ''), rule, optional: key.endsWith('?') }));
  for (const { key, rule, optional } of rules) {
    if (key in object ? !rule(object[key]) : !optional) refuse('invalid_format', `${key in object ? 'not a valid value' : 'required key not provided'} @ ${where}['${key}']`);
  }
  for (const key of Object.keys(object)) if (!rules.some((one) => one.key === key)) refuse('invalid_format', `extra keys not allowed @ ${where}['${key}']`);
}

// An ISO time. Without a zone Home Assistant would take its own, so here it must have one.
function time_of(text, code) {
  if (!is_text(text) || !/(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(Date.parse(text))) refuse(code, `Invalid time ${text}`);
  return Date.parse(text);
}

const command = (admin, shape, run) => ({
  admin,
  run(ha, message) {
    check(message, { id: Number.isInteger, type: is_text, ...shape });
    return run(ha, message);
  },
});

const tables = { '5minute': ['short', period_ms], hour: ['long', hour_ms] };
const row_keys = ['mean', 'min', 'max', 'state', 'sum', 'change', 'last_reset'];

function statistics_during_period({ statistics }, { start_time, end_time, statistic_ids, period, units = {}, types = row_keys }) {
  const begin = time_of(start_time, 'invalid_start_time');
  const end = end_time === undefined ? Infinity : time_of(end_time, 'invalid_end_time');
  if (!tables[period]) refuse('not_played', `this fake has no period ${period}`);
  const [table, length] = tables[period];
  const result = {};
  for (const id of statistic_ids) {
    const rows = statistics.during(statistics[table], id, begin, end);
    if (rows.length === 0) continue; // An id without rows is not in the answer.
    const { unit, unit_class } = statistics.metadata.get(id);
    const shown = (value) => (is_number(value) ? converted(value, unit, units[unit_class] ?? unit) : null);
    const before = statistics.during(statistics[table], id, -Infinity, begin).at(-1)?.sum ?? 0;
    result[id] = rows.map((row, i) => ({
      start: row.start,
      end: row.start + length,
      ...Object.fromEntries(types.filter((key) => key in row || key === 'change').map((key) =>
        [key, shown(key === 'change' ? row.sum - (rows[i - 1]?.sum ?? before) : row[key])])),
    }));
  }
  return result;
}

const metadata_shape = {
  'has_mean?': is_truth, // Until 2026.11.
  mean_type: (value) => [0, 1, 2].includes(value),
  has_sum: is_truth, name: or_null(is_text), source: is_text, statistic_id: is_text, unit_class: or_null(is_text), unit_of_measurement: or_null(is_text),
};
const stats_shape = { start: is_text, 'mean?': is_number, 'min?': is_number, 'max?': is_number, 'last_reset?': or_null(is_text), 'state?': is_number, 'sum?': is_number };

function import_statistics({ statistics }, { metadata, stats }) {
  check(metadata, metadata_shape, "data['metadata']");
  const { statistic_id, source, unit_class, unit_of_measurement } = metadata;
  const [domain, ...rest] = statistic_id.split(/[.:]/);
  if (!/^[a-z0-9_]+[.:][a-z0-9_]+$/.test(statistic_id) || rest.length !== 1) refuse('home_assistant_error', 'Invalid statistic_id');
  if (source !== (statistic_id.includes(':') ? domain : 'recorder')) refuse('home_assistant_error', 'Invalid source');
  if (unit_class !== unit_class_of(unit_of_measurement)) refuse('home_assistant_error', `Unsupported unit_class for unit ${unit_of_measurement}`);
  const rows = stats.map((row, i) => {
    check(row, stats_shape, `data['stats'][${i}]`);
    const start = time_of(row.start, 'invalid_format');
    if (start % hour_ms !== 0) refuse('home_assistant_error', 'Invalid timestamp: timestamps must be from the top of the hour (minutes and seconds = 0)');
    return { ...row, start };
  });
  statistics.import(metadata, rows);
}

function get_statistics_metadata(ha, { statistic_ids }) {
  const known = [...ha.statistics.metadata];
  // A sensor with a state class is known before its first row.
  for (const { entity_id } of ha.registry.values()) {
    const { state_class, unit_of_measurement: unit = null } = ha.config(entity_id) ?? {};
    if (!state_class || ha.statistics.metadata.has(entity_id)) continue;
    const has_sum = state_class !== 'measurement';
    known.push([entity_id, { source: 'recorder', name: null, unit, unit_class: unit_class_of(unit), mean_type: has_sum ? 0 : 1, has_sum }]);
  }
  return known.filter(([id]) => !statistic_ids || statistic_ids.includes(id)).map(([statistic_id, { source, name, unit, unit_class, mean_type, has_sum }]) => ({
    statistic_id, display_unit_of_measurement: unit, has_mean: mean_type === 1, mean_type, has_sum, name, source, statistics_unit_of_measurement: unit, unit_class,
  }));
}

function adjust_sum_statistics({ statistics }, { statistic_id, start_time, adjustment, adjustment_unit_of_measurement }) {
  const known = statistics.metadata.get(statistic_id);
  const from = time_of(start_time, 'invalid_start_time');
  if (!known) refuse('unknown_statistic_id', 'Unknown statistic ID');
  if (unit_class_of(adjustment_unit_of_measurement) !== known.unit_class) refuse('invalid_units', `Can't convert ${known.unit} to ${adjustment_unit_of_measurement}`);
  statistics.adjust(statistic_id, from, converted(adjustment, adjustment_unit_of_measurement, known.unit));
}

const price = { 'entity_energy_price?': or_null(is_text), 'number_energy_price?': or_null(is_number) };
const flow_from = { stat_energy_from: is_text, 'stat_cost?': or_null(is_text), ...price };
const flow_to = { stat_energy_to: is_text, 'stat_compensation?': or_null(is_text), ...price };
const grids = {
  flows: { type: is_text, flow_from: Array.isArray, flow_to: Array.isArray, cost_adjustment_day: is_number },
  unified: {
    type: is_text, 'stat_energy_from?': or_null(is_text), 'stat_energy_to?': or_null(is_text), 'stat_cost?': or_null(is_text), ...price,
    'stat_compensation?': or_null(is_text), 'entity_energy_price_export?': or_null(is_text), 'number_energy_price_export?': or_null(is_number),
    'stat_rate?': is_text, 'power_config?': is_object, cost_adjustment_day: is_number,
  },
};
const sources = {
  wind: { type: is_text, stat_energy_from: is_text, 'stat_rate?': is_text, 'config_entry_wind_forecast?': or_null(list_of(is_text)) },
  solar: { type: is_text, stat_energy_from: is_text, 'stat_rate?': is_text, 'config_entry_solar_forecast?': or_null(list_of(is_text)) },
  battery: { type: is_text, stat_energy_from: is_text, stat_energy_to: is_text, 'stat_rate?': is_text, 'power_config?': is_object },
  gas: { type: is_text, stat_energy_from: is_text, 'stat_rate?': is_text, 'stat_cost?': or_null(is_text), ...price },
  water: { type: is_text, stat_energy_from: is_text, 'stat_rate?': is_text, 'stat_cost?': or_null(is_text), ...price },
};
const consumption = { stat_consumption: is_text, 'stat_rate?': is_text, 'name?': is_text, 'included_in_stat?': is_text };

function check_source(source, form, where) {
  check(source, { type: (type) => type === 'grid' || type in sources, ...(source?.type === 'grid' ? grids[form] : sources[source?.type] ?? {}) }, where);
  if (source.type !== 'grid') return;
  for (const one of source.flow_from ?? []) check(one, flow_from, where);
  for (const one of source.flow_to ?? []) check(one, flow_to, where);
  if (form === 'unified' && !['stat_energy_from', 'stat_energy_to', 'stat_rate', 'power_config'].some((key) => source[key] != null)) {
    refuse('invalid_format', `Grid must have at least one of: import meter, export meter, or power sensor @ ${where}`);
  }
  for (const one of [source, ...(source.flow_from ?? [])]) {
    if (is_text(one.entity_energy_price) && is_number(one.number_energy_price)) refuse('invalid_format', `Define either an entity or a fixed number for the price @ ${where}`);
  }
}

function must_be_unique(values, where) {
  const twice = values.filter((value) => is_text(value)).find((value, i, all) => all.indexOf(value) !== i);
  if (twice !== undefined) refuse('invalid_format', `Cannot specify ${twice} more than once @ ${where}`);
}

function save_prefs(ha, { energy_sources, device_consumption, device_consumption_water }) {
  energy_sources?.forEach((source, i) => check_source(source, ha.energy_form, `data['energy_sources'][${i}]`));
  device_consumption?.forEach((one, i) => check(one, consumption, `data['device_consumption'][${i}]`));
  const meters = (energy_sources ?? []).filter(({ type }) => type === 'grid');
  for (const key of ['stat_energy_from', 'stat_energy_to', 'stat_rate']) must_be_unique(meters.map((grid) => grid[key]), "data['energy_sources']");
  const given = Object.fromEntries(Object.entries({ energy_sources, device_consumption, device_consumption_water }).filter(([, value]) => value !== undefined));
  ha.prefs = { energy_sources: [], device_consumption: [], device_consumption_water: [], ...ha.prefs, ...given };
  return ha.prefs;
}

export const commands = {
  'config/entity_registry/list': command(false, {}, ({ registry }) =>
    [...registry.values()].map(({ entity_id, unique_id, name, device }) => ({
      entity_id, unique_id, platform: 'mqtt', name: null, original_name: name, device_id: device, config_entry_id: 'mqtt', disabled_by: null, hidden_by: null,
    }))),
  'recorder/statistics_during_period': command(false, {
    start_time: is_text, 'end_time?': is_text, statistic_ids: (ids) => list_of(is_text)(ids) && ids.length > 0,
    period: (value) => ['5minute', 'hour', 'day', 'week', 'month'].includes(value), 'units?': is_object, 'types?': list_of((value) => row_keys.includes(value)),
  }, statistics_during_period),
  'recorder/import_statistics': command(true, { metadata: is_object, stats: Array.isArray }, import_statistics),
  'recorder/get_statistics_metadata': command(false, { 'statistic_ids?': list_of(is_text) }, get_statistics_metadata),
  'recorder/adjust_sum_statistics': command(true, { statistic_id: is_text, start_time: is_text, adjustment: is_number, adjustment_unit_of_measurement: or_null(is_text) }, adjust_sum_statistics),
  'energy/get_prefs': command(false, {}, ({ prefs }) => prefs ?? refuse('not_found', 'No prefs')),
  'energy/save_prefs': command(true, { 'energy_sources?': Array.isArray, 'device_consumption?': Array.isArray, 'device_consumption_water?': Array.isArray }, save_prefs),
};
