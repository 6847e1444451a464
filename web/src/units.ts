// The only place where a number meets its unit. Three significant digits, whole watts below a
// kilowatt, the minus sign U+2212 and a space that does not break. The words are English.

export interface Quantity {
  value: string; // Without unit, so that a view can draw the two differently.
  unit: string;
}

// A number in decimal digits, "-12.345": how the hub sends money, prices and printed quantities.
export type Decimal = string;

const minus = '\u2212';
const space = '\u00a0';

export const text = (quantity: Quantity): string => quantity.value + space + quantity.unit;

function three_digits(magnitude: number): string {
  for (const decimals of [2, 1]) {
    const rounded = magnitude.toFixed(decimals);
    if (Number(rounded) < 10 ** (3 - decimals)) return rounded;
  }
  return magnitude.toFixed(0);
}

// From the largest: a unit is taken from the value that would be rounded up into it.
function quantity(value: number, units: [unit: string, size: number][], smallest: string): Quantity {
  const magnitude = Math.abs(value);
  const [unit, size] = units.find(([, one]) => magnitude >= one * 0.9995) ?? [smallest, 1];
  const digits = size === 1 ? magnitude.toFixed(0) : three_digits(magnitude / size);
  return { value: (value < 0 && Number(digits) !== 0 ? minus : '') + digits, unit };
}

// Watts: "118 W", "2.06 kW", "−1.10 kW".
export const power = (watts: number): Quantity => quantity(watts, [['MW', 1e6], ['kW', 1e3]], 'W');

// Beside a line of a chart, where round numbers stand: "2 kW", "1.5 kW", "−500 W".
export function level(watts: number): string {
  const { value, unit } = power(watts);
  return text({ value: value.includes('.') ? value.replace(/\.?0+$/, '') : value, unit });
}

// Watt-hours: "0.4 Wh", "118 Wh", "11.2 kWh".
export function energy(watt_hours: number): Quantity {
  const tenths = Math.abs(watt_hours).toFixed(1);
  if (tenths !== '0.0' && Number(tenths) < 10) {
    return { value: (watt_hours < 0 ? minus : '') + tenths, unit: 'Wh' };
  }
  return quantity(watt_hours, [['MWh', 1e6], ['kWh', 1e3]], 'Wh');
}

export const current = (amperes: number): string => `${+amperes.toFixed(1)}${space}A`;

// Of a file: "0.98 MB", "26 kB".
export const bytes = (n: number): string => (n < 100_000 ? `${Math.round(n / 1000)}${space}kB` : `${+(n / 1e6).toPrecision(2)}${space}MB`);
// A share of one: 0.84 is "84 %".
export const percent = (share: number): string => `${Math.round(share * 100)}${space}%`;

// What something may be off by, and is: "± 0.24 %", "0.24 %".
export const off_by = (percents: number): string => `${percents < 1 ? percents.toFixed(2) : +percents.toPrecision(2)}${space}%`;
export const plus_minus = (percents: number): string => `±${space}${off_by(percents)}`;

// A reading as it is, digit by digit: "230.4 V", "9.981 A". Without one a dash.
export const exact = (value: number | null, decimals: number, unit: string): string =>
  value === null ? '–' : `${value.toFixed(decimals).replace('-', minus)}${space}${unit}`;

// What a feature of equipment shows, in the unit that the hub names: "40 %", "31 min", "0.12 Ω".
export function measured(value: number | null, unit: string): string {
  if (value === null) return 'not known';
  const digits = `${value < 0 ? minus : ''}${+Math.abs(value).toPrecision(3)}`;
  switch (unit) {
    case '': return `${+(100 * value).toPrecision(2)}${space}%`;
    case 'W': return text(power(value));
    case 'Wh': return text(energy(value));
    case 's': return duration(value * 1000);
    case '1/d': return `${digits} a day`;
    case 'ohm': return `${digits}${space}Ω`;
    case 'W/V2': return `${+(1000 * value).toPrecision(3)}${space}mW/V²`;
    default: return `${digits}${space}${unit}`;
  }
}

export const count = (n: number): string => new Intl.NumberFormat('en').format(n);

// "45 s", "7 min", "3 h 20 min", "2 days".
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 90) return `${seconds}${space}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${space}min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}${space}h` + (minutes % 60 ? ` ${minutes % 60}${space}min` : '');
  return `${Math.round(hours / 24)} days`;
}

// An amount of money in a currency (ISO 4217): "$1.92", "€0.31", "¥4".
export function money(amount: number, currency: string): string {
  return money_format(currency).format(amount).replace('-', minus);
}

// An exact amount as the hub sends it, "1234.50": "$1,234.50". It never becomes a binary fraction.
export const amount = (decimal: Decimal, currency: string): string =>
  money_format(currency).format(decimal as `${number}`).replace('-', minus);

// The same without the coins, for what is only about right: "$92".
export const about = (value: number, currency: string): string =>
  money_format(currency, 0, 0).format(Math.abs(value) < 0.5 ? 0 : value).replace('-', minus);

// What one of something costs, with the digits that it has, six at most: "$0.3124".
export const price = (decimal: Decimal, currency: string): string =>
  money_format(currency, undefined, 6).format(decimal as `${number}`).replace('-', minus);

// A quantity as it is printed: "1,204.5 kWh", "30 days", "7.7 %".
export function printed(decimal: Decimal, unit: string): string {
  const digits = decimal_format.format(decimal as `${number}`).replace('-', minus);
  const is_one = /^-?1(\.0*)?$/.test(decimal);
  const is_counted = ['day', 'month', 'year'].includes(unit);
  return digits + (unit ? space : '') + (is_counted && !is_one ? `${unit}s` : unit);
}

// What an energy cost, as the hub tells it: "$1.92", "less than $0.01". Absent without a tariff, and
// where there is none, or none of it has a price.
export function cost(watt_hours: number, paid: Decimal | null, currency: string, unpriced_wh = 0): string | null {
  if (paid === null || watt_hours <= unpriced_wh) return null;
  const coins_in_one = 10 ** (money_format(currency).resolvedOptions().maximumFractionDigits ?? 2);
  return Number(paid) === 0 ? `less than ${money(1 / coins_in_one, currency)}` : amount(paid, currency);
}

// What the smallest coin is called where people say it: "14 cents" rather than "$0.14".
const coins: Record<string, [one: string, many: string]> = {
  AUD: ['cent', 'cents'],
  CAD: ['cent', 'cents'],
  EUR: ['cent', 'cents'],
  GBP: ['penny', 'pence'],
  NZD: ['cent', 'cents'],
  USD: ['cent', 'cents'],
};

// "about 14 cents an hour", "about $1.23 an hour", "less than a cent an hour". Absent without a
// price, and when nothing is drawn.
export function cost_an_hour(watts: number, price_per_kwh: number | null, currency: string): string | null {
  if (price_per_kwh === null || watts <= 0) return null;
  const amount = (watts / 1000) * price_per_kwh;
  const coins_in_one = 10 ** (money_format(currency).resolvedOptions().maximumFractionDigits ?? 2);
  const in_coins = Math.round(amount * coins_in_one);
  const coin = coins[currency];
  if (in_coins === 0) return `less than ${coin ? `a ${coin[0]}` : money(1 / coins_in_one, currency)} an hour`;
  if (coin && in_coins < coins_in_one) return `about ${in_coins} ${in_coins === 1 ? coin[0] : coin[1]} an hour`;
  return `about ${money(amount, currency)} an hour`;
}

const decimal_format = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });
const formats = new Map<string, Intl.NumberFormat>();

// Without digits: those of the currency.
function money_format(currency: string, fewest?: number, most?: number): Intl.NumberFormat {
  const key = `${currency} ${fewest} ${most}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat('en', {
      style: 'currency', currency, currencyDisplay: 'narrowSymbol', signDisplay: 'negative',
      ...(fewest === undefined ? {} : { minimumFractionDigits: fewest }), ...(most === undefined ? {} : { maximumFractionDigits: most }),
    });
    formats.set(key, format);
  }
  return format;
}
