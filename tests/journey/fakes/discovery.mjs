// Home Assistant's MQTT discovery of devices ("device bundles"), read more strictly than Home
// Assistant does: what it would ignore silently is a complaint here. From
// https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery, .../sensor.mqtt/,
// .../binary_sensor.mqtt/ and .../event.mqtt/.

const abbreviations = {
  avty: 'availability', avty_mode: 'availability_mode', avty_t: 'availability_topic', cmps: 'components', def_ent_id: 'default_entity_id',
  dev: 'device', dev_cla: 'device_class', en: 'enabled_by_default', ent_cat: 'entity_category', exp_aft: 'expire_after',
  frc_upd: 'force_update', ic: 'icon', json_attr_t: 'json_attributes_topic', o: 'origin', p: 'platform', pl_avail: 'payload_available',
  pl_not_avail: 'payload_not_available', stat_cla: 'state_class', stat_t: 'state_topic', sug_dsp_prc: 'suggested_display_precision',
  t: 'topic', uniq_id: 'unique_id', unit_of_meas: 'unit_of_measurement', val_tpl: 'value_template',
};
const device_abbreviations = {
  cns: 'connections', cu: 'configuration_url', hw: 'hw_version', ids: 'identifiers', mdl: 'model', mdl_id: 'model_id', mf: 'manufacturer',
  sa: 'suggested_area', sn: 'serial_number', sw: 'sw_version',
};
const origin_abbreviations = { sw: 'sw_version', url: 'support_url' };

const device_keys = ['configuration_url', 'connections', 'hw_version', 'identifiers', 'manufacturer', 'model', 'model_id', 'name',
  'serial_number', 'suggested_area', 'sw_version', 'via_device'];
const origin_keys = ['name', 'sw_version', 'support_url'];
// What stands in the bundle holds for every component that does not say it itself.
const shared_keys = ['availability', 'availability_mode', 'availability_template', 'availability_topic', 'command_topic',
  'payload_available', 'payload_not_available', 'state_topic', 'qos', 'encoding'];
const sensor_keys = [...shared_keys, 'default_entity_id', 'device_class', 'enabled_by_default', 'entity_category', 'entity_picture',
  'expire_after', 'force_update', 'icon', 'json_attributes_template', 'json_attributes_topic', 'last_reset_value_template', 'name',
  'options', 'platform', 'state_class', 'suggested_display_precision', 'unique_id', 'unit_of_measurement', 'value_template'];

const binary_sensor_keys = [...sensor_keys.filter((key) => ![
  'last_reset_value_template', 'options', 'state_class', 'suggested_display_precision', 'unit_of_measurement'].includes(key)),
  'off_delay', 'payload_off', 'payload_on'];
const binary_device_classes = ['battery', 'battery_charging', 'carbon_monoxide', 'cold', 'connectivity', 'door', 'garage_door', 'gas',
  'heat', 'light', 'lock', 'moisture', 'motion', 'moving', 'occupancy', 'opening', 'plug', 'power', 'presence', 'problem', 'running',
  'safety', 'smoke', 'sound', 'tamper', 'update', 'vibration', 'window'];

const event_keys = [...shared_keys, 'default_entity_id', 'device_class', 'enabled_by_default', 'entity_category', 'entity_picture',
  'event_types', 'icon', 'json_attributes_template', 'json_attributes_topic', 'name', 'platform', 'unique_id', 'value_template'];
const keys_of = { sensor: sensor_keys, binary_sensor: binary_sensor_keys, event: event_keys };

// Units and state classes of a device class; null is no unit.
const device_classes = {
  apparent_power: { units: ['mVA', 'VA', 'kVA'], states: ['measurement'] },
  current: { units: ['mA', 'A'], states: ['measurement'] },
  duration: { units: ['d', 'h', 'min', 's', 'ms', 'µs'], states: ['measurement', 'total', 'total_increasing'] },
  energy: { units: ['J', 'kJ', 'MJ', 'GJ', 'mWh', 'Wh', 'kWh', 'MWh', 'GWh', 'TWh'], states: ['total', 'total_increasing'] },
  frequency: { units: ['mHz', 'Hz', 'kHz', 'MHz', 'GHz'], states: ['measurement'] },
  power: { units: ['mW', 'W', 'kW', 'MW', 'GW', 'TW'], states: ['measurement'] },
  power_factor: { units: [null, '%'], states: ['measurement'] },
  reactive_power: { units: ['mvar', 'var', 'kvar'], states: ['measurement'] },
  temperature: { units: ['°C', '°F', 'K'], states: ['measurement'] },
  timestamp: { units: [null], states: [] },
  voltage: { units: ['µV', 'mV', 'V', 'kV', 'MV'], states: ['measurement'] },
};

const is_object = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const is_text = (value) => typeof value === 'string' && value !== '';
const is_topic = (value) => is_text(value) && !/[#+\0]/.test(value) && Buffer.byteLength(value) <= 65535;
const whole = (value, least) => Number.isInteger(value) && value >= least;
const long_form = (object, names) => Object.fromEntries(Object.entries(object).map(([key, value]) => [names[key] ?? key, value]));

// Templates: a key of the JSON, or how many an array has. Returns null for any other.
const path_of = (template) => /^\{\{\s*value_json((?:\.\w+)+)\s*(\|\s*length\s*)?\}\}$/.exec(template.trim());

// What Home Assistant would have after rendering: '' where the key is missing, 'None' for null.
export function render(template, payload) {
  if (template === undefined) return payload;
  let value;
  try {
    value = JSON.parse(payload);
  } catch {
    return '';
  }
  const [, path, counted] = path_of(template);
  for (const key of path.slice(1).split('.')) value = value?.[key];
  if (value === undefined) return '';
  if (counted) return `${value.length}`;
  return value === null ? 'None' : typeof value === 'object' ? JSON.stringify(value) : `${value}`;
}

const sensor_rules = [
  ['state_topic', is_topic, 'a topic without wildcards', true],
  ['unique_id', is_text, 'a text', true],
  ['name', (value) => value === null || is_text(value), 'a text or null'],
  ['default_entity_id', (value, platform) => value.startsWith(`${platform}.`) && /^\w+\.[a-z0-9]+(_[a-z0-9]+)*$/.test(value),
    'its platform, a dot, and letters, digits and single underscores'],
  ['device_class', (value, platform) => (
    platform === 'sensor' ? value in device_classes : platform === 'event' ? ['button', 'doorbell', 'motion'].includes(value) : binary_device_classes.includes(value)),
    'a device class of its platform'],
  ['state_class', (value) => ['measurement', 'total', 'total_increasing'].includes(value), 'a state class'],
  ['suggested_display_precision', (value) => whole(value, 0), 'a whole number from 0'],
  ['expire_after', (value) => whole(value, 0), 'whole seconds'],
  ['entity_category', (value) => ['diagnostic', 'config'].includes(value), 'diagnostic or config'],
  ['availability_mode', (value) => ['all', 'any', 'latest'].includes(value), 'all, any or latest'],
  ['json_attributes_topic', is_topic, 'a topic without wildcards'],
  ['value_template', (value) => is_text(value) && path_of(value) !== null, 'a template of one key, and not of a name'],
];

function read_sensor(said, problem) {
  const sensor = long_form(said, abbreviations);
  const { platform } = sensor;
  for (const key of Object.keys(sensor)) if (!keys_of[platform].includes(key)) problem(`has ${key}, which no ${platform} has`);
  for (const [key, is_right, wanted, is_required] of sensor_rules) {
    if (key in sensor ? !is_right(sensor[key], platform) : is_required) problem(`needs ${wanted} as ${key}`);
  }
  if (platform === 'event' && !(Array.isArray(sensor.event_types) && sensor.event_types.length > 0 && sensor.event_types.every(is_text))) {
    problem('needs a list of texts as event_types');
  }
  const { device_class, state_class, unit_of_measurement = null } = sensor;
  const rule = platform === 'sensor' ? device_classes[device_class] : undefined;
  if (rule && !rule.units.includes(unit_of_measurement)) problem(`measures ${device_class} in ${unit_of_measurement}`);
  if (rule && state_class !== undefined && !rule.states.includes(state_class)) problem(`has state class ${state_class}, which ${device_class} must not have`);
  if ('availability' in sensor && 'availability_topic' in sensor) problem('has availability and availability_topic');
  const topics = sensor.availability ?? (sensor.availability_topic === undefined ? [] : [{ topic: sensor.availability_topic }]);
  sensor.availability = [topics].flat().map((one) => long_form(one, abbreviations));
  for (const { topic } of sensor.availability) if (!is_topic(topic)) problem('has an availability without a topic');
  return sensor;
}

function read_device(said, problem) {
  if (!is_object(said)) return void problem('the bundle needs a device');
  const device = long_form(said, device_abbreviations);
  device.identifiers = [device.identifiers ?? []].flat();
  if (device.identifiers.length === 0 && !device.connections?.length) problem('the device needs identifiers or connections');
  for (const key of Object.keys(device)) if (!device_keys.includes(key)) problem(`the device has ${key}, which no device has`);
  for (const key of device_keys.filter((one) => one in device && !['connections', 'identifiers'].includes(one))) {
    if (!is_text(device[key])) problem(`the device needs a text as ${key}`);
  }
  if (device.configuration_url !== undefined && !/^(https?|homeassistant):\/\//.test(device.configuration_url)) problem('configuration_url is no address');
  return device;
}

// Reads one bundle. `components`: by key, with what the bundle shares; null where only the platform
// is left, which removes it. `problems`: sentences; empty when all is right.
export function read_bundle(payload) {
  const problems = [];
  let said;
  try {
    said = JSON.parse(payload);
  } catch {
    said = null;
  }
  if (!is_object(said)) return { problems: ['the bundle is not JSON'], device: null, components: new Map() };
  const bundle = long_form(said, abbreviations);
  for (const key of Object.keys(bundle)) {
    if (!['device', 'origin', 'components', 'migrate_discovery', ...shared_keys].includes(key)) problems.push(`the bundle has ${key}, which no bundle has`);
  }
  const device = read_device(bundle.device, (what) => problems.push(what));
  const origin = is_object(bundle.origin) ? long_form(bundle.origin, origin_abbreviations) : {};
  if (!is_text(origin.name)) problems.push('the bundle needs an origin with a name');
  for (const key of Object.keys(origin)) if (!origin_keys.includes(key)) problems.push(`the origin has ${key}, which no origin has`);
  if (!is_object(bundle.components)) problems.push('the bundle needs components');
  const shared = Object.fromEntries(shared_keys.filter((key) => key in bundle).map((key) => [key, bundle[key]]));
  const components = new Map();
  for (const [key, one] of Object.entries(is_object(bundle.components) ? bundle.components : {})) {
    const problem = (what) => problems.push(`component ${key} ${what}`);
    if (!is_object(one) || !Object.hasOwn(keys_of, one.p ?? one.platform)) {
      problem('is no sensor and no event');
    } else if (Object.keys(one).length === 1) {
      components.set(key, null);
    } else {
      components.set(key, read_sensor({ ...shared, ...one }, problem));
    }
  }
  return { problems, device, components };
}
