// What the mock's homes pay: bills, other tariffs, room, advice and a report, in every state that a
// page must draw. The figures are made up; they add up as the hub's do.

const months = (n) => Array.from({ length: n }, (_, i) => new Date(Date.UTC(2026, 10 - i, 15)).toISOString().slice(0, 7));
const template = (id, name, country, price) => ({ id, name, country,
  text: `# Put in the prices of your own contract.
name = "${name}"
country = "${country || 'DE'}"
currency = "EUR"
source = "Example figures"
source_date = 2026-11-01

[[version]]
from = 2026-01-01

[[version.standing]]
name = "Basic price"
price = 120.00
per = "year"

[[version.energy]]
name = "Energy"
price = ${price}

[[version.tax]]
name = "VAT"
percent = 19
` });
const templates = [template('flat', 'One price', 'DE', 0.3127), template('day_night', 'Day and night', '', 0.2891), template('dynamic', 'Day-ahead prices', '', 0.15)];

const kept = {}; // What somebody put, by world.
const text_of = (world) => kept[world] ?? (['first', 'stale'].includes(world) ? '' : templates[0].text);

export function tariff(world, home) {
  const text = text_of(world);
  return { text, trouble: '', name: text ? (world === 'many' ? 'A tariff with the longest name that a marketing department has ever thought of, Green & Smart' : 'One price') : '', currency: home.currency,
    price_now: text ? '0.3721' : null, prices_until: world === 'eu' ? Date.now() + 8 * 3_600_000 : null, templates };
}
export function put_tariff(world, { text }) {
  const wrong = text.split('\n').findIndex((line) => /wrong/.test(line));
  if (wrong >= 0) return [400, { error: `tariff.toml, line ${wrong + 1}: "wrong" is no key of a tariff. Take it out.` }];
  kept[world] = text;
  return [204];
}

const cents = (amount) => amount.toFixed(2);
function split(total, kwh, names) {
  const weights = names.map((_, i) => 1 / (i + 1.4));
  const sum = weights.reduce((a, b) => a + b, 0);
  let left = Math.round(100 * total);
  return names.map(({ id, name, circuit }, i) => {
    const mine = i === names.length - 1 ? left : Math.round((100 * total * weights[i]) / sum);
    left -= mine;
    return { id, name, circuit, energy_wh: (1000 * kwh * weights[i]) / sum, amount: cents(mine / 100), share: mine / 100 / total };
  });
}

export function bill(world, home, period) {
  const note = 'Information, not a charge: Lenz is no approved meter, and only the supplier\u2019s own bill counts.';
  if (world === 'first') return { note, trouble: 'No tariff is set: set one under Tariff.', periods: [] };
  const periods = world === 'many' ? months(1) : months(9);
  if (!text_of(world)) return { note, trouble: 'No tariff is set: set one under Tariff.', periods };
  const is_running = !period || period === periods[0];
  const begin = `${period || periods[0]}-01`;
  const end = `${period && period !== periods[0] ? periods[periods.indexOf(period) - 1] : '2026-12'}-01`;
  const [kwh, credit] = is_running ? [118.4, 0] : [304.7, 12.84];
  const energy = Math.round(31.27 * kwh) / 100;
  const lines = [
    { words: 'Standing charge', quantity: is_running ? '14' : '30', unit: 'day', price: '0.39', amount: cents(is_running ? 5.46 : 11.7) },
    { words: world === 'many' ? '<i>Energy</i>, all hours of the day and of the night, summer and winter' : 'Energy', quantity: kwh.toFixed(1), unit: 'kWh', price: '0.3127', amount: cents(energy) },
    ...(credit ? [{ words: 'Given to the grid', quantity: '160.5', unit: 'kWh', price: '-0.08', amount: cents(-credit) }] : []),
  ];
  const net = lines.reduce((sum, line) => sum + Number(line.amount), 0);
  const vat = Math.round(19 * net) / 100;
  lines.push({ words: 'VAT', quantity: '19', unit: '%', price: cents(net), amount: cents(vat) });
  const total = Math.round(100 * (net + vat)) / 100;
  for (const line of lines) Object.assign(line, { begin, end });
  if (!is_running && world === 'eu') {
    const middle = begin.replace(/01$/, '16');
    lines.splice(2, 0, { ...lines[1], words: 'Energy', quantity: '0', amount: '0.00', begin: middle });
    lines[1].end = middle;
  }
  const [standing, feed_in] = [is_running ? 6.5 : 13.92, credit ? -15.28 : 0];
  const shared = total - standing - feed_in;
  const circuits = home.circuits.filter((one) => one.metered && !['grid', 'solar'].includes(one.kind)).map(({ id, name }) => ({ id, name }));
  const rest = { id: null, name: 'Not told apart' };
  const appliances = world === 'many' ? [] : [[3, 'Fridge'], [7, 'Heat pump'], [9, 'Tumble dryer'], [12, 'Television']].map(([id, name]) => ({ id, name, circuit: circuits[0].id }));
  return { note, trouble: '', period: { begin, end, is_running }, periods, tariff: tariff(world, home).name, currency: home.currency, lines,
    total: cents(total), imported_wh: 1000 * kwh, exported_wh: credit ? 160_500 : 0, covered: world === 'stale' ? 0.71 : 0.998,
    has_mains: world !== 'stale', standing: cents(standing), feed_in: cents(feed_in),
    circuits: split(shared, kwh, [...circuits, rest]), appliances: split(shared, kwh, [...appliances, rest]),
    forecast: is_running ? (world === 'us' ? { low: '84', median: '92', high: '100' } : { low: '84', median: '88', high: '120' }) : null };
}

export const replay = (world, home) => world === 'many'
  ? { trouble: 'Less than one whole month was measured: come back in December.', is_being_read: false }
  : { trouble: '', is_being_read: false, now_shifted: world === 'us' ? '1140.20' : '1132.00', begin: '2025-11-01', end: '2026-11-01', currency: home.currency, covered: world === 'eu' ? 0.91 : 1, now: '1140.20',
    rows: [
      { tariff: 'Day and night', trouble: '', source: 'Example prices of 2026-01', total: '1085.00', difference: '-55.20', shifted_total: '1031.10', shifted_kwh: 310 },
      { tariff: 'Day-ahead prices', trouble: '', source: 'Mean prices of 2025, about', total: '1122.49', difference: '-17.71', shifted_total: '1020.00', shifted_kwh: 420 },
      { tariff: 'A tariff with a long name, Green and Smart Family Bonus Online Plus', source: '', trouble: '', total: '1140.20', difference: '0.00', shifted_total: null, shifted_kwh: 0 },
      { tariff: 'Demand charge', trouble: '', source: 'Example prices of 2026-01', total: '1391.75', difference: '251.55', shifted_total: null, shifted_kwh: 0 },
      { tariff: 'Hourly prices', source: '', trouble: 'Its prices are not known for all of this time: put them into prices.csv.', total: null, difference: null, shifted_total: null, shifted_kwh: 0 },
    ], carbon: { kg: 812.4, known: 0.97, shifted_kg: 790.1, shifted_kwh: 120 }, shiftable: ['Dishwasher', 'Tumble dryer', 'EV charger'] };

export function room(world, home, query) {
  const power_w = Number(query.get('power_w'));
  if (!(power_w >= 100)) return [400, { error: 'power_w must be 100 to 100000.' }];
  if (world === 'first') return [200, { trouble: 'Nothing was measured yet: come back after two weeks.', is_being_read: false }];
  if (world === 'many') return [200, { trouble: 'What the main breaker may carry is not known: give rating_a to the circuit "grid" in home.toml.', is_being_read: false }];
  const planned = power_w / home.nominal_voltage_v / home.phases;
  const legs = Array.from({ length: home.phases }, (_, i) => {
    const [rating_a, peak_a] = [home.style === 'us' ? 200 : 63, (home.style === 'us' ? 88 : 31) + 9 * i];
    return { leg: i + 1, rating_a: rating_a, peak_a, peak_at: Date.now() - 9 * 86_400_000, left_a: Math.round(10 * (rating_a - peak_a - planned)) / 10 };
  });
  const fits = legs.every((one) => one.left_a >= 0);
  const demand = 62 * 240;
  const total = 1.25 * demand + power_w;
  const sheet = home.country !== 'US' ? null : power_w >= 50_000
    ? { is_within: false, refused: ['Energy is made on the premises: ask for a calculation by 220.83.'], lines: [] }
    : { is_within: true, refused: [], lines: ['Existing load by measured demand, in the form of NEC (2023) section 220.87', 'Recorded: 365 days, a year', 'Highest 15-minute demand, on the leg that carries most: 62.0 A on 11 Jan 2026 18:45',
      `Maximum demand: 62.0 A x 240 V = ${demand} VA`, `x 125 %: ${1.25 * demand} VA`, `New load: ${power_w} VA`, `Total: ${total} VA, ${(total / 240).toFixed(1)} A`, 'Service: 200 A; the total is within it', 'For your electrician: a record of measurements, no permit and no inspection.'] };
  return [200, { trouble: '', is_being_read: false, fits, days: world === 'us' ? 365 : 41, quarters_over: fits ? 0 : 37, legs, sheet,
    sentence: fits ? `There is room for ${power_w / 1000} kW: ${Math.min(...legs.map((one) => one.left_a)).toFixed(1)} A are left on leg 2 at the worst quarter hour.` : `There is no room for ${power_w / 1000} kW as things ran: 1.9 A too much on leg 3 at the worst quarter hour.`,
    shift: fits ? [] : ['Trockner', 'Herd'],
    contracted: world === 'eu' ? { highest: 6.31, sufficient: 6.9, unit: 'kW', rule: 'In steps of 0.1 kW.', source: 'Circular 3/2020' } : null,
    bill: query.get('kwh_a_day') ? { before: '1140.20', after: '1510.00' } : null }];
}

const spread = (median, part = 0.2) => ({ low: median * (1 - part), median, high: median * (1 + part) });
const old = (name, energy, cost) => ({ name: '', roles: ['kept'], energy_kwh: spread(energy, 0.08), cost_a_year: spread(cost, 0.1), purchase: spread(0), total_cost: spread(cost * 11.2, 0.25), net_present_value: spread(0), payback_years: null, chance_ahead: 0, price_source: '', emissions_kg: null });
const candidate = (name, roles, energy, cost, purchase, total, ahead, chance, payback) => ({ name, roles, energy_kwh: spread(energy, 0.12), cost_a_year: spread(cost, 0.14), purchase: spread(purchase, 0.15), total_cost: spread(total, 0.18),
  net_present_value: { low: ahead - 210, median: ahead, high: ahead + 240 }, payback_years: payback && { low: payback * 0.7, median: payback, high: payback * 1.6 }, chance_ahead: chance, price_source: 'about, list of 2025-09', emissions_kg: spread(energy * 0.35, 0.2) });
const facts = { age_years: null, size: null, label: null, own_price: null, repair_quote: null };
const done = {}, said = {};

export function advice(world, home) {
  const now = Date.now();
  if (world === 'first') return { now, currency: home.currency, is_ready: true, appliances: [], predictions: [], hit_rate: null };
  const blank = { circuit: '', facts, size_unit: '', label_unit: 'kWh a year', not_yet: '', verdict: null, why: '', free_first: [], candidates: [], turning_point: null, prediction: null };
  const fridge = { ...blank, appliance: 7, name: world === 'many' ? '\u05de\u05e7\u05e8\u05e8 <b>big</b>' : 'Fridge', kind: 'fridge', facts: said[world] ?? { ...facts, age_years: 17 }, size_unit: 'l',
    verdict: 'replace', why: 'It takes 612 kWh a year, about three times what a new one does. In 9 of 10 cases you come out ahead.',
    free_first: ['Set the freezer to \u221218 \u00b0C: it stands at about \u221224 \u00b0C.'], prediction: 7, turning_point: { of: 'price_per_kwh', value: 0.19 },
    candidates: [old('', 612, 190), candidate('Nordkalt A 300 Ultra Efficient No Frost', ['most_efficient'], 128, 40, 1190, 1640, 390, 0.78, 8.4), candidate('Kühlgut 300', ['cheapest'], 236, 73, 420, 1240, 790, 0.94, 3.7), candidate('Polar 290 C', ['best_for_you'], 168, 52, 560, 1140, 880, 0.96, 4.1)] };
  const dryer = { ...blank, appliance: 9, name: 'Tumble dryer', kind: 'tumble_dryer', label_unit: 'kWh a use', size_unit: 'kg', verdict: 'keep', why: 'It runs 71 times a year; a heat pump dryer would not pay for itself in 7 of 10 cases.',
    turning_point: { of: 'uses_a_year', value: 210 }, candidates: [old('', 170, 53), candidate('', ['best_for_you', 'cheapest'], 80, 25, 640, 920, -330, 0.28, null)].map((one, i) => (i ? { ...one, name: 'A heat pump dryer of today' } : one)) };
  const boiler = { ...blank, appliance: 12, name: 'Water heater', kind: 'water_heater', verdict: 'use_otherwise', why: 'Nothing new pays here; another hour of the day does.', free_first: ['Heat at night: two thirds of its energy is drawn at the dearest hours.'] };
  const television = { ...blank, appliance: 14, name: 'Television', kind: 'television', not_yet: 'Measured for 9 days: at least 28 are needed.' };
  const predictions = world === 'us' ? [
    { id: 7, appliance: 7, what: 'Replace the fridge', said: now - 20 * 86_400_000, of: 'advice', unit: 'kWh a year', predicted: spread(440), done: done[world] ?? null, measured: null, note: '' },
    { id: 5, appliance: 3, what: 'Renew the gasket of the freezer', said: now - 90 * 86_400_000, of: 'advice', unit: 'kWh a year', predicted: spread(120, 0.4), done: now - 80 * 86_400_000, measured: spread(101, 0.3), note: '' },
    { id: 2, appliance: 5, what: 'Turn the dehumidifier off in winter', said: now - 200 * 86_400_000, of: 'advice', unit: 'kWh a year', predicted: spread(90, 0.4), done: now - 190 * 86_400_000, measured: null, note: 'not measured: nobody was at home for most of the time' },
    { id: 1, of: 'forecast', unit: home.currency, appliance: null, what: 'November 2026', said: now - 15 * 86_400_000, predicted: spread(92, 0.1), done: null, measured: null, note: '' },
  ] : [];
  return { now, currency: home.currency, is_ready: true, appliances: world === 'stale' ? [television] : [fridge, dryer, boiler, television], predictions, hit_rate: world === 'us' ? { right: 3, of: 4 } : null };
}
export const put_facts = (world, { appliance: _, ...more }) => void (said[world] = more);
export const say_done = (world) => void (done[world] = Date.now());

export const report = (home, month) => `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Energy report</title>
<style>body{font:16px/1.5 sans-serif;margin:24px;color:#1c2124;background:#fffefb}h1{font-size:2rem}</style>
<h1>412 ± 8 kWh in ${month}</h1><p>${home.name.replaceAll('<', '&lt;')} used 6 % less than in the month before.</p><script>parent.document.title = 'broken'</script>${'<p>Where the energy went.</p>'.repeat(20)}</html>`;
